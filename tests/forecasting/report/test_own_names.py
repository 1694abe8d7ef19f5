"""Names that a planner gives change nothing but themselves: a layer may be called `drones`, and a scenario `order`.

A plan whose names are words that nothing else contains is written out; the same plan with other names must say the
same with these put in. And whatever a name holds, every output holds the name.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from openpyxl import load_workbook

from features.history import LaunchHistory
from features.printable import printable
from features.records import UKRAINE
from features.scenarios import load_scenario
from forecasting.answers.request import PlanRequest
from forecasting.defence.layers import Defence
from forecasting.plan import Target
from forecasting.report.data_age import numbers_id
from forecasting.report.document import PlanDocument
from forecasting.report.drawing import drawable
from forecasting.report.language import translator
from forecasting.report.layout import lines_of
from forecasting.report.pictures import pictures_of, render, stock_out_picture
from forecasting.report.sentence import duty_sentence
from forecasting.report.text import document_text
from forecasting.report.workbook import workbook
from forecasting.service.page.form import SubmittedForm
from forecasting.service.page.link import PageQuery
from forecasting.service.page.view import PlanView, page
from forecasting.supply.scenario_forecast import ScenarioRequest
from tests.forecasting.report.conftest import PUBLISHED, planned
from tests.forecasting.report.pictured import drawn
from tests.workbook_tables import tables_of

LANGUAGES = ("en", "uk")
AS_THEY_COME = (Phase.explicit, Phase.reuse, Phase.generate)
"""A page or a workbook takes too long to try a hundred smaller names."""
TOKENS = {
    "layer": ("zzida", "zzidb"),
    "name": ("Zznamea", "Zznameb"),
    "interceptor": ("zzrounds",),
    "scenario": ("zzscenario",),
    "title": ("Zztitle",),
    "theatre": ("zztheatre",),
    "source": ("zzsource",),
}
"""Names that no text of ours contains, as a plan is first made with."""
WORDS = ("drones", "order", "total", "armed", "leak", "lost", "shot_down", "layer", "stock", "as stated", "median")
"""What the outputs say themselves."""


@pytest.fixture(scope="session")
def named(bundled_history: LaunchHistory, defence_of: Callable[[Sequence[dict[str, Any]]], Defence]) -> str:
    """The JSON of a plan with all there is: orders, an obstacle, worths, a calibration, a scenario."""
    layers: list[dict[str, Any]] = [
        {"engaged_share": 0.5, "kill_probability": 0.5, "engagements_per_night": 100.0},
        {
            "engaged_share": 0.3,
            "kill_probability": 0.5,
            "engagements_per_night": 50.0,
            "interceptors_per_engagement": 2.0,
            "stock": 100.0,
            "monthly_supply": 10.0,
            "unit_cost_usd": 1_000.0,
        },
    ]
    defence = defence_of(layers)
    truce = load_scenario("truce_30_days").model_copy(update={"name": "zzscenario", "title": "Zztitle"})
    made = planned(
        bundled_history,
        defence.model_copy(
            update={
                "layers": tuple(
                    layer.model_copy(
                        update={"id": id_, "name": name, **({"interceptor": "zzrounds"} if layer.interceptor else {})}
                    )
                    for layer, id_, name in zip(defence.layers, TOKENS["layer"], TOKENS["name"], strict=True)
                )
            }
        ),
        scenario=ScenarioRequest(PUBLISHED, truce, UKRAINE),
        target=Target(5.0),
    )
    told = json.loads(made.model_dump_json())
    assert told["requirement"]["obstacle"]
    assert told["requirement"]["worth"]
    assert told["calibration"]
    told["forecast"]["theatre"] = "zztheatre"
    for part in ("numbers", "sources"):  # the long tables say nothing that a few rows do not
        told["forecast"]["supply"][part] = told["forecast"]["supply"][part][:4]
    told["sources"] = [
        {"id": "S1", "title": "zzsource", "date": "2026-02-28", "url": "https://example.org", "confidence": "B"}
    ]
    return json.dumps(told)


def renamed(named: str, names: Mapping[str, str]) -> PlanDocument:
    """The plan with other names: token -> name."""
    for token, name in names.items():
        named = named.replace(token, json.dumps(name)[1:-1])
    return PlanDocument.model_validate_json(named)


def said(document: PlanDocument, past: LaunchHistory) -> dict[str, str]:
    """What is said of a plan, by output and language, without the spaces that widths and ends of lines bring."""
    made = {}
    for language in LANGUAGES:
        with lines_of(10_000):  # a name may be so long that columns of a table have to stand below others
            made[f"text {language}"] = document_text(document, language)
        made[f"sentence {language}"] = duty_sentence(document, language)
        book = load_workbook(BytesIO(workbook(document, language)))
        cells = (str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
        made[f"workbook {language}"] = " ".join(cells)
        shown = PlanView(document, plan_id="f" * 64, past=past, today=date(2026, 3, 1))
        query = PageQuery(PlanRequest(scenario="truce_30_days"))
        # The link to a plan holds its id, which is of its names too.
        made[f"page {language}"] = page(query, language, SubmittedForm(), shown).replace(numbers_id(document), "its id")
    return {output: " ".join(text.split()) for output, text in made.items()}


@pytest.fixture(scope="session")
def plainly_said(named: str, bundled_history: LaunchHistory) -> dict[str, str]:
    return said(renamed(named, {}), bundled_history)


def put_into(text: str, names: Mapping[str, str], write: Callable[[str], str]) -> str:
    for token, name in names.items():
        shown = name.replace("_", " ").title() if token == "zztheatre" else name
        for told, instead in ((token, name), (token.title(), shown if token == "zztheatre" else name.capitalize())):
            text = text.replace(told, write(instead))
    return text


@settings(max_examples=3, phases=AS_THEY_COME)
@given(st.permutations(WORDS), st.sampled_from(["drones", "orders", "armed leakers", "totals"]))
def test_names_change_nothing_but_themselves(
    named: str, plainly_said: dict[str, str], bundled_history: LaunchHistory, words: list[str], rounds: str
) -> None:
    tokens = [token for kind in TOKENS.values() for token in kind]
    names = dict(zip(tokens, words, strict=False))
    names["zzrounds"] = rounds
    for output, text in said(renamed(named, names), bundled_history).items():
        write = escape if output.startswith("page") else str
        assert text == put_into(plainly_said[output], names, write), output


names_of_people = st.text(min_size=1, max_size=30)


@settings(max_examples=6, phases=AS_THEY_COME)
@given(names_of_people)
@example("=1+1")
@example("_x0041_")
@example("a\x00\x07\ufffe$")
def test_a_workbook_holds_every_name(named: str, name: str) -> None:
    names = {"Zznameb": name, "zzsource": name, "Zztitle": name, "zztheatre": name}
    made = tables_of(workbook(renamed(named, names)))
    shown = printable(name, keep="\n\t").replace("_x0041_", "_x005F_x0041_")
    layers, titles = [row["name"] for row in made["layers"]], [row["title"] for row in made["sources"]]
    kept = [shown.replace("\r", "\n")]
    assert [layers[1]] == kept
    assert kept[0] in titles  # among those of the scenario


@pytest.mark.filterwarnings("ignore:Glyph")
@settings(max_examples=40)
@given(names_of_people)
@example("$x^{2$")
@example("Guns ($40 to $80 a round)")
@example(r"\$_{x}$")
@example("_hidden")
@example("a\x00\x07\ufffe")
def test_a_picture_shows_a_name_as_text(name: str) -> None:
    figure = Figure(figsize=(2, 1))
    figure.text(0, 0, drawable(name))
    root = ElementTree.fromstring(render(figure, ".svg", name))
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "".join(texts).removeprefix("\u2060").split() == printable(name).split()
    assert render(figure, ".png", name)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_every_picture_takes_any_name(named: str, bundled_history: LaunchHistory) -> None:
    names = {"Zznamea": "$x^{2$", "Zznameb": "_guns $", "zzscenario": "$x^{2$", "zztheatre": "$a_", "Zztitle": "$"}
    document = renamed(named, names)
    for name in (*pictures_of(document), "comparison"):
        figure = drawn(name, {"document": document, "other": document, "past": bundled_history})
        assert render(figure, ".svg", "$x^{2$")
    labels = [text.get_text() for text in stock_out_picture(document).axes[0].get_legend().get_texts()]
    assert "\u2060_guns \\$" in labels


def test_layers_of_one_name_are_drawn_apart(named: str) -> None:
    told = json.loads(named)
    told["layers"][0] |= {key: told["layers"][1][key] for key in told["layers"][1] if key not in ("layer", "name")}
    told["layers"][0]["name"] = told["layers"][1]["name"]
    for day in told["stock_out"]:
        day["probability"]["zzida"] = 0.5
    axes = stock_out_picture(PlanDocument.model_validate_json(json.dumps(told))).axes[0]
    assert len([line for line in axes.lines if line.get_label() == "Zznameb"]) == 2


def test_only_what_is_bundled_is_translated() -> None:
    t = translator("uk")
    assert (t("stock"), t("kills"), t("order")) == ("запас", "збиття", "замовити")
    assert [t.stated(word) for word in ("stock", "kills", "order", "drones")] == ["stock", "kills", "order", "drones"]
    assert t.stated("Interceptor drones") == "Дрони-перехоплювачі"
    assert t.stated("") == ""
