"""Every code has its words, in every language, with the values that it is made with; a language is its catalogues."""

import ast
import re
import string
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from features.history import LaunchHistory
from features.messages import Message
from features.printable import printable
from features.sources import ATTRIBUTION
from features.unknown_days import scope as scope_of
from forecasting.answers.defences import BUNDLED_DEFENCES, bundled_defence
from forecasting.report import language
from forecasting.report.assumption_document import stated_assumptions
from forecasting.report.document import UNITS, PlanDocument
from forecasting.report.language import catalogue, language_names, languages, translator
from forecasting.report.parts import HeldCountDocument, UnknownDaysDocument
from forecasting.report.sentence import duty_sentence
from forecasting.report.text import document_text
from forecasting.report.words import SENTENCES, Words

ROOT = Path(__file__).parents[3]
OF_THE_FIRST_FORMAT = "as_issued"


def calls(*names: str) -> Iterator[ast.Call]:
    """The calls of functions of these names in the code."""
    for path in (path for room in ("features", "forecasting") for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
                yield node


def forms(code: str) -> tuple[str, ...]:
    text = SENTENCES[code]
    return (text,) if isinstance(text, str) else text


def put_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_message_that_is_made_has_words_with_the_values_it_is_made_with() -> None:
    made = {OF_THE_FIRST_FORMAT}
    for call in calls("Message.of"):
        code, *rest = call.args
        assert not rest
        if isinstance(code, ast.Constant):
            made.add(code.value)
            assert {keyword.arg for keyword in call.keywords} == put_in(forms(code.value)[-1]), code.value
    assert made == set(SENTENCES)


def test_every_error_that_holds_values_is_translated() -> None:
    texts = catalogue("uk.po")
    found = 0
    for call in calls("InputError", "TookTooLong"):
        text = call.args[0] if call.args else None
        values = {keyword.arg for keyword in call.keywords} - {"field", None}
        if values and isinstance(text, ast.Constant):
            found += 1
            assert text.value in texts, text.value
            assert put_in(text.value) == values
    assert found > 8


def test_nothing_but_the_readers_of_bulletins_looks_for_words_in_a_sentence() -> None:
    """What a program asks of a text is asked of a code: no pattern reads what this code has said itself."""
    for path in (ROOT / "forecasting" / "report").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ".fullmatch(" not in text, path.name
        assert "re.match" not in text, path.name
    for path in (ROOT / "forecasting").rglob("*.py"):
        assert 'startswith("last' not in path.read_text(encoding="utf-8"), path.name


def test_the_values_are_written_as_the_language_does() -> None:
    english, ukrainian = (Words(translator(name)) for name in ("en", "uk"))
    shortage = Message.of("record_exceeds_supply", start="2024-08-01", end="2025-01-03", missing=12_345.0, needed=3e3)
    assert "launches from 1 August 2024 to 3 January 2025 exceed stock plus production by 12,345" in english(shortage)
    told = ukrainian(shortage).replace("\u202f", " ").replace("\u00a0", " ")
    assert "від 1 серпня 2024 р. до 3 січня 2025 р." in told
    assert "12 345" in told
    assert english(Message.of("record_allows", share=0.42)).startswith("the record allows it: 42\u00a0% of the draws")
    terminal = Words(translator("uk", plain=True))
    assert "від 2024-08-01 до 2025-01-03" in terminal(shortage)
    worth = Message.of("saves", usd=1_234_567.0)
    unit = Message.of("fire_unit", layer="guns", engagements=10.0)
    more = Message.of("one_more", limit=unit, worth=worth, n=90)
    assert english(more) == (
        "one more fire unit of guns, 10 engagements a night, saves up to 1.23 M USD over the 90 nights"
    )
    assert (
        terminal(more)
        == "ще один вогневий засіб (guns, обстрілів за ніч: 10) заощаджує до 1,23 млн дол. США за 90 ночей"
    )
    assert terminal(Message.of("last_nights", n=2)) == "останні 2 ночі"


def test_layers_are_called_by_the_names_in_their_document(plan: PlanDocument) -> None:
    missing = [Message.of("interceptors_of_layer", layer=layer, n=n) for layer, n in (("guns", 5), ("fighter", 1_200))]
    short = Message.of("deliveries_limit", leakers=20.0, target=2.5, missing=missing)
    assert Words(translator("en"), plan)(short) == (
        "with all that can be bought 20 armed drones leak, the target is 2.5: deliveries are the limit, 5 guns and "
        "1,200 Fighters (F-16) more would do"
    )
    assert "Винищувачі (F-16): 1\u00a0200" in Words(translator("uk"), plan)(short)


def test_every_number_of_a_defence_says_in_words_what_it_is_of() -> None:
    english, ukrainian = Words(translator("en")), Words(translator("uk"))
    numbers = [each for name in BUNDLED_DEFENCES for each in stated_assumptions(bundled_defence(name))]
    said = {(each.layer, each.kind, each.weapon_class, each.quantity): english.quantity(each) for each in numbers}
    assert len(said) > 80
    assert [text for text in said.values() if "_" in text or "." in text.replace("prob.", "")] == []
    assert [each for each in numbers if ukrainian.quantity(each) == english.quantity(each)] == []
    assert said["interceptor_drone", "jet", "", "reach"] == "times the engaged share (jet)"


@pytest.mark.parametrize("tongue", ["en", "uk"])
def test_every_number_that_a_path_draws_of_a_layer_has_words(tongue: str) -> None:
    words = Words(translator(tongue))
    names = {name for each in BUNDLED_DEFENCES for layer in bundled_defence(each).layers for name in layer.ranges}
    assert {"against.jet.reach", "meets.cruise.kill_probability", "available_share"} <= names
    said = {name: words.drawn_quantity(name) for name in names}
    assert {name for name, text in said.items() if "_" in text or (text == name and "." in name)} == set()
    assert len(set(said.values())) == len(names)


def test_units_and_sources_of_a_document_are_ids_that_are_worded(plan: PlanDocument) -> None:
    english, ukrainian = Words(translator("en")), Words(translator("uk"))
    for said, texts in ((UNITS.values(), "unit"), (ATTRIBUTION, "source")):
        for each in said:
            assert "_" not in getattr(english, texts)(each)
            assert getattr(english, texts)(each) != getattr(ukrainian, texts)(each)
    assert english.unit("US dollars") == "US dollars"  # as a document of the first format says it
    assert set(plan.forecast.data_sources) <= set(ATTRIBUTION)


@pytest.fixture
def polish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A language that is nothing but a catalogue."""
    text = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    text += (
        '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"\n\n'
    )
    text += 'msgid "Salvocast plan"\nmsgstr "Plan Salvocastu"\n\n'
    text += 'msgid "{n} attack day"\nmsgid_plural "{n} attack days"\n'
    text += 'msgstr[0] "{n} doba"\nmsgstr[1] "{n} doby"\nmsgstr[2] "{n} dób"\n'
    (tmp_path / "pl.po").write_text(text, encoding="utf-8")
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    translator.cache_clear()
    yield "pl"
    translator.cache_clear()


def test_a_language_is_its_catalogues_alone(polish: str, plan: PlanDocument) -> None:
    from forecasting.answers.request import PlanRequest
    from forecasting.service.page.form import SubmittedForm
    from forecasting.service.page.link import PageQuery
    from forecasting.service.page.view import page

    assert languages() == ("en", polish)
    assert language_names() == {"en": "English", "pl": "Polski"}
    text = document_text(plan, polish)
    assert text.startswith("Plan Salvocastu: Shahed-type drones, theatre Ukraine, 28 dób")
    assert 'hreflang="pl">Polski</a>' in page(PageQuery(PlanRequest()), "en", SubmittedForm())


def test_a_terminal_is_never_steered_by_a_name(plan: PlanDocument) -> None:
    told = plan.model_dump()
    told["layers"][0]["name"] = "\x1b[2J\x07guns\nmore"
    text = document_text(PlanDocument.model_validate(told))
    assert printable(text, keep="\n") == text
    assert "\ufffd[2J\ufffdguns\ufffdmore" in text


def test_every_document_comes_back_from_its_json(document: Any) -> None:
    assert type(document).model_validate_json(document.model_dump_json()) == document


@pytest.mark.parametrize(
    ("tongue", "unknown", "held", "scope"),
    [
        ("en", "Note: 60 of", "Held: 9,000 launched", "12 of the last 91 days are left out"),
        (
            "uk",
            "Зауваження: невідомі",
            "Відкладено: 9 000",
            "з останніх 91 діб не враховано 12",
        ),
    ],
)
def test_unknown_days_held_counts_and_scope_are_told_by_the_text_and_the_page(
    tongue: str, unknown: str, held: str, scope: str, plan: PlanDocument, bundled_history: LaunchHistory
) -> None:
    from forecasting.answers.request import PlanRequest
    from forecasting.service.page.form import SubmittedForm
    from forecasting.service.page.link import PageQuery
    from forecasting.service.page.view import PlanView, page

    found = {
        "unknown_days": UnknownDaysDocument(unknown=60, days=91),
        "held": [HeldCountDocument(row=7, attack_day=date(2026, 2, 27), launched=9_000, reason="too many")],
        "scope": scope_of(12),
    }
    doubtful = plan.model_copy(update={"forecast": plan.forecast.model_copy(update=found)})

    def seen(shown: PlanDocument) -> tuple[str, str]:
        view = PlanView(shown, plan_id="0" * 64, past=bundled_history, today=date(2026, 3, 1))
        html = unescape(page(PageQuery(PlanRequest()), tongue, SubmittedForm(), view))
        said = (document_text(shown, tongue), "".join(re.findall(r'<p class="notice">(.*?)</p>', html)))
        return tuple(" ".join(each.split()) for each in said)

    for said in seen(doubtful):
        assert unknown in said
        assert held in said
        assert scope in said
        assert "salvocast data quarantine release 7 --reason TEXT" in said
    first = {"en": "Only 31 of the last 91 days are known", "uk": "Відома лише 31 з останніх 91 діб"}[tongue]
    assert duty_sentence(doubtful, tongue).startswith(first)
    assert document_text(doubtful, tongue).split("\n\n")[1].startswith(first)
    for said in seen(plan):
        assert first not in said
        assert unknown[:8] not in said
        assert held[:8] not in said
        assert scope not in said
