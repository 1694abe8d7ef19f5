"""`salvocast scenarios`: what a planner sees and writes."""

import json
import re
from collections.abc import Callable
from datetime import date
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from features.history import LaunchHistory
from features.scenario_settings import OF_ALL, OF_FACILITY, OF_STOCK
from features.scenarios import bundled_scenarios, load_scenario
from forecasting.commands.main import app, run
from forecasting.report.reading import read_document
from forecasting.report.verdicts_document import VerdictsDocument
from tests.forecasting.conftest import Told

FEW = ("--paths", "20", "--horizon", "14")


@pytest.fixture
def says(told: Told) -> Told:
    """The same, of `salvocast scenarios`."""
    return partial(told, "scenarios")


def test_the_list_names_every_bundled_scenario(says: Told) -> None:
    rows = says("list").splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(bundled_scenarios())
    assert rows[0].split()[0] == "published"


def test_a_scenario_is_shown_with_its_paragraph_numbers_and_sources(says: Told) -> None:
    shown = says("show", "workers_25000")
    scenario = load_scenario("workers_25000")
    assert " ".join(scenario.about.split()) in " ".join(shown.split())
    assert re.search(r"alabuga_new_halls\.workforce\.occupants +4 +4 +workers per room +2025-06-20 +C +E035", shown)
    assert re.search(r"^E034  2025-06-19  B  NHK: ", shown, re.MULTILINE)


def test_what_was_published_later_is_not_shown(says: Told) -> None:
    shown = says("show", "published", "--origin", "2024-06-30")
    days = re.findall(r"^[A-Z]\d+  (\d{4}-\d\d-\d\d) ", shown, re.MULTILINE)
    assert days
    assert max(days) <= "2024-06-30"
    assert "as of 2024-06-30" in shown


def test_a_new_file_is_a_variant_that_can_be_shown_at_once(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "Plan B.toml"
    assert str(file) in says("new", str(file), "--from", "workers_12000")
    scenario = load_scenario(str(file))
    assert (scenario.name, scenario.based_on) == ("plan_b", "workers_12000")
    assert scenario.facilities == load_scenario("workers_12000").facilities


def test_every_example_in_a_new_file_is_right(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    says("new", str(file))
    text = file.read_text()
    file.write_text(re.sub(r"(?m)^#(?=[\[a-z\]]|  \{)", "", text))
    scenario = load_scenario(str(file))
    kinds = {event.kind for event in scenario.events}
    assert kinds >= {"facility_strike", "store_strike", "sanctions", "new_line", "imports", "transfer_out", "pause"}
    assert "model_switch" in kinds
    alabuga = next(facility for facility in scenario.facilities if facility.id == "alabuga")
    assert alabuga.workforce is not None
    assert alabuga.ramp == "logistic"


def test_check_tells_what_is_certain_as_stated_and_as_it_would_be_weighed(says: Told, tmp_path: Path) -> None:
    rest = 'basis = "known", sources = [], date = 2026-03-01, confidence = "A"'
    file = tmp_path / "sure.toml"
    file.write_text(
        '[scenario]\nname = "sure"\ntitle = "Sure"\nas_of = 2026-02-28\nbased_on = "flat_2000"\nabout = "A plant."\n'
        '[[facility]]\nid = "second"\nname = "Second"\nas_stated = true\n'
        f'utilisation = {{ low = 1, mode = 1, high = 1, unit = "share", {rest} }}\n'
        f'armed = [{{ low = 2000, mode = 2000, high = 2000, unit = "drones_per_month", {rest} }}]\n'
    )
    shown = says("check", str(file))
    ratio = re.search(r"True output is ([\d.]+) times", shown)
    row = re.search(r"second, armed +2,000  ([\d,]+) \(", shown)
    assert ratio
    assert row
    assert float(row[1].replace(",", "")) == pytest.approx(2_000 * float(ratio[1]), rel=0.06)  # told to two digits
    assert "CERTAIN" not in says("check", "flat_2000")


def verdicts_of(says: Told, scenario: str, until: str) -> dict[str, Any]:
    found = json.loads(says("verdicts", scenario, "--origin", until, "--format", "json"))
    return {month["origin"]: month for month in found["months"]}


def test_each_month_has_the_verdict_that_a_check_at_its_end_gives(says: Told) -> None:
    shown = says("verdicts", "published", "--origin", "2023-04-15")
    rows = [line.split() for line in shown.splitlines() if re.match(r"\d{4}-\d\d-\d\d ", line)]
    assert [row[0] for row in rows] == ["2022-12-31", "2023-01-31", "2023-02-28", "2023-03-31"]
    assert "allowed in 4 of 4 months" in " ".join(shown.split())
    for row in rows[1::2]:
        checked = " ".join(says("check", "published", "--origin", row[0]).split())
        assert f"{float(row[1].rstrip('%')):.0f} % of the draws, as stated" in checked
        assert " ".join(row[5:]) == ("allowed at the edge" if "edge of its ranges" in checked else "allowed")
        ratio = re.search(r"True output is ([\d.]+) times", checked)
        assert ratio
        assert float(row[3]) == pytest.approx(float(ratio[1]), rel=0.06)  # told to two digits


def test_a_statement_changes_no_month_before_it_was_published(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "later.toml"
    rest = 'basis = "reported", sources = ["X1"], date = 2022-10-01, confidence = "B"'
    file.write_text(
        '[scenario]\nname = "later"\ntitle = "Later"\nas_of = 2026-02-28\nbased_on = "published"\nabout = "A plant."\n'
        '[[source]]\nid = "X1"\ntitle = "A paper"\ndate = 2023-02-10\nurl = "https://example.org/paper"\n'
        'confidence = "B"\n'
        '[[facility]]\nid = "second"\nname = "Second"\n'
        f'utilisation = {{ low = 1, mode = 1, high = 1, unit = "share", {rest} }}\n'
        f'armed = [{{ low = 9000, mode = 9000, high = 9000, unit = "drones_per_month", {rest} }}]\n'
    )
    before, after = (verdicts_of(says, each, "2023-02-28") for each in ("published", str(file)))
    assert before["2023-01-31"] == after["2023-01-31"]
    assert before["2023-02-28"]["compatible"]
    assert not after["2023-02-28"]["compatible"]
    assert after["2023-02-28"]["verdict"]["code"] == "supply_exceeds_record"


def test_the_verdicts_are_a_table_a_row_per_month_and_a_document_that_is_read_again(says: Told, tmp_path: Path) -> None:
    written = says("verdicts", "--origin", "2023-01-31", "--format", "json")
    document = read_document(written.encode())
    assert isinstance(document, VerdictsDocument)
    assert json.loads(document.model_dump_json()) == json.loads(written)
    rows = pd.read_csv(StringIO(says("verdicts", "--origin", "2023-01-31", "--format", "csv")))
    assert list(rows["origin"]) == [str(month.origin) for month in document.months] == ["2022-12-31", "2023-01-31"]
    assert list(rows["share"]) == [month.share for month in document.months]
    assert rows["verdict"].str.startswith("the record allows it: ").all()
    file = tmp_path / "verdicts.xlsx"
    says("verdicts", "--origin", "2023-01-31", "--format", "xlsx", "--out", str(file))
    assert load_workbook(file).sheetnames == ["about", "verdicts"]


def test_a_scenario_is_written_from_settings_and_checked(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "more.toml"
    settings = ("--set", "alabuga.capacity=170@2026-04-01", "--set", "second_site.capacity=400..600@2026-05-01")
    assert f"wrote {file}: a variant of published; salvocast scenarios check" in says(
        "new", str(tmp_path / "more"), *settings
    )
    text = file.read_text()
    assert "#   alabuga: the lines can make 170 armed drones a month from 2026-04-01 on." in text
    checked = says("check", str(file), fails=0)
    assert "warning: facility alabuga.armed of 2026-04-01: 170 a month, where " in checked
    assert "per day? 170 a day are 5,174 a month" in checked
    assert "warning: facility second_site is not in published: a new plant, or one of iran, alabuga, kupol?" in checked


def test_the_help_names_all_that_can_be_set(says: Told) -> None:
    told = " ".join(says("new", "--help").split())
    for name in (*OF_FACILITY, *(f"stock.{each}" for each in OF_STOCK), *OF_ALL):
        assert name in told


def test_a_new_file_replaces_none(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    assert f"{file} exists" in says("new", str(file), fails=2)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "publishd"), "did you mean published?"),
        (("show", "nowhere.toml"), "nowhere.toml"),
        (
            ("verdicts", "published", "--origin", "2022-12-30"),
            "no month has ended from 2022-12-27, when the opening stock of scenario published is known, to 2022-12-30",
        ),
        (("verdicts", "publishd"), "did you mean published?"),
        (
            ("new", "plan", "--set", "alabuga.capacity=lots@2026-04-01"),
            "'lots': expected a number, low..high or low..mode",
        ),
        (("new", "plan.txt"), "ends in .toml"),
        (("new", "plan.toml", "--from", "publishd"), "did you mean published?"),
        (("show", "published", "--origin", "June"), "--origin is 'June'"),
    ],
)
def test_a_mistake_is_told_in_one_line(says: Told, arguments: tuple[str, ...], said: str) -> None:
    assert said in says(*arguments, fails=2)


def test_a_scenario_from_the_future_is_refused(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "future.toml"
    says("new", str(file))
    file.write_text(re.sub(r"as_of = \S+", "as_of = 2090-01-01", file.read_text()))
    assert "scenario.as_of is 2090-01-01, in the future" in says("show", str(file), fails=2)


OWN = """
[scenario]
name = "own"
title = "One plant"
as_of = 2026-02-28
about = "One plant that has made {rate} drones a day since 2025."
[stock]
opening = {{ {drones}, low = 0, mode = 0, high = 0, date = {opened} }}
minimum = {{ {drones}, low = 0, mode = 0, high = 0, date = {opened} }}
released = {{ {share}, low = 1, mode = 1, high = 1, date = {opened} }}
lost_before_launch = {{ {share}, low = 0, mode = 0.02, high = 0.05, date = {opened} }}
drawdown = {{ {rest}, unit = "days", low = 10, mode = 20, high = 30, date = {opened} }}
[[facility]]
id = "plant"
name = "Plant"
utilisation = {{ {share}, low = 1, mode = 1, high = 1, date = {opened} }}
armed = [{{ {rest}, unit = "drones_per_day", low = {rate}, mode = {rate}, high = {rate}, date = {opened} }}]
"""
REST = 'basis = "assumed", sources = [], confidence = "D", note = ""'


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., str]:
    """Writes a scenario of one plant; returns the file's name."""

    def write(rate: int, opened: str = "2025-01-01") -> str:
        file = tmp_path / "own.toml"
        drones, share = (f'{REST}, unit = "{unit}"' for unit in ("drones", "share"))
        file.write_text(OWN.format(rate=rate, opened=opened, drones=drones, share=share, rest=REST))
        return str(file)

    return write


def test_a_scenario_that_the_record_allows_is_exit_code_0(says: Told, own: Callable[..., str]) -> None:
    said = says("check", own(170, "2025-08-01"))
    assert said.startswith("own: well stated; compatible with the record until 2026-02-28\nThe record allows it: ")
    assert re.search(r"^drones in store at the origin +[\d,]+ \([\d,]+-[\d,]+\) +[\d,]+ \([\d,]+-[\d,]+\)$", said, re.M)


def test_a_scenario_that_the_record_contradicts_is_exit_code_1_with_what_is_missing(
    says: Told, own: Callable[..., str], bundled_history: LaunchHistory
) -> None:
    said = says("check", own(100, "2025-08-01"), fails=1)
    assert said.startswith("own: well stated; NOT COMPATIBLE with the record until 2026-02-28\n")
    found = re.search(
        r"launches from (\S+) to 2026-02-28 exceed stock plus production by ([\d,]+) \(median draw\); "
        r"the opening stock would have to be at least ([\d,]+)\.",
        " ".join(said.split()),
    )
    assert found
    first = date.fromisoformat(found[1])
    missing, needed = (int(number.replace(",", "")) for number in found.groups()[1:])
    launched = bundled_history.since(first).known
    # A hundred a day, of which up to a twentieth is lost.
    assert launched.sum() - 100 * launched.size <= missing <= launched.sum() - 94 * launched.size
    assert needed >= 0.9 * missing


def test_nothing_checks_a_scenario_of_a_theatre_without_a_record(says: Told) -> None:
    asked = ("check", "north_korea_line", "--theatre")
    said = says(*asked, "south_korea", fails=2)
    assert "no launch against theatre south_korea is on record: nothing to check scenario north_korea_line by" in said
    assert "salvocast scenarios compare north_korea_line --theatre south_korea" in said
    assert "unknown theatre 'ukrain': did you mean ukraine or south_korea?" in says(*asked, "ukrain", fails=2)


HALL = f"""
[[event]]
id = "hall"
title = "A hall"
kind = "new_line"
facility = "plant"
line = "armed"
date = 2026-03-01
capacity = {{ {REST}, unit = "drones_per_day", low = 0, mode = 100, high = 200, date = 2026-03-01 }}
ramp_up = {{ {REST}, unit = "days", low = 0, mode = 0, high = 0, date = 2026-03-01 }}
"""


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_what_moves_the_demand_as_a_table_and_a_picture(
    suffix: str, says: Told, told: Told, own: Callable[..., str], tmp_path: Path
) -> None:
    picture = tmp_path / f"tornado{suffix}"
    file = Path(own(170, "2025-08-01"))
    file.write_text(file.read_text() + HALL)
    few = ("--paths", "200", "--horizon", "14")
    said = says("sensitivity", str(file), *few, "--plot", str(picture))
    head = "WHAT MOVES ORDERS AND LEAKERS, theatre ukraine, scenario own, defence ukraine, next 14 "
    assert " ".join(said.split()).startswith(head)
    assert told("sensitivity", "--scenario", str(file), *few) == said
    measured = {
        (each["measure"], each["layer"])
        for each in json.loads(told("sensitivity", *few, "--format", "json"))["measures"]
    }
    assert {("order_cost_usd", None), ("leakers", None), ("order", "anti_aircraft_gun")} <= measured
    content = picture.read_bytes()
    assert content.startswith({".svg": b"<?xml", ".png": b"\x89PNG"}[suffix])
    if suffix == ".svg":
        assert b"Cost of the orders, million USD" in content


def forecast_of(told: Told, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(told("forecast", *FEW, "--format", "json", *arguments))
    return document


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_no_scenario_is_the_salvo_model_alone(form: str, told: Told) -> None:
    asked = ("forecast", *FEW, "--format", form)
    assert told(*asked, "--scenario", "none") == told(*asked)


def test_a_forecast_under_a_scenario_of_ones_own(told: Told, own: Callable[..., str]) -> None:
    document = forecast_of(told, "--scenario", own(170, "2025-08-01"))
    assert (document["supply"]["scenario"], document["supply"]["compatible"]) == ("own", True)
    assert document["supply"]["assumption_only"] is False
    alone = forecast_of(told)
    assert alone["supply"] is None
    assert document["days"] != alone["days"]
    assert forecast_of(told, "--scenario", own(30, "2025-08-01"))["supply"]["compatible"] is False


def test_a_forecast_for_a_theatre_without_a_record(told: Told, tmp_path: Path) -> None:
    asked = ("forecast", *FEW, "--theatre", "south_korea", "--scenario", "north_korea_line")
    picture = tmp_path / "picture.svg"
    text = " ".join(told(*asked, "--plot", str(picture)).split())
    assert text.startswith(
        "ASSUMPTIONS ONLY: Salvocast forecast: Shahed-type drones, theatre South Korea, 14 attack days"
    )
    assert "ASSUMPTIONS ONLY: no launch against this theatre is on record." in text
    assert "ASSUMPTIONS ONLY" in picture.read_text()
    rows = told(*asked, "--format", "csv").splitlines()[1:]
    assert all(row.endswith(",assumptions only: north_korea_line") for row in rows)


def test_what_was_published_after_the_origin_is_not_in_the_forecast(
    told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    known = forecast_of(told, "--scenario", "published")["supply"]
    # Of an old origin the command says on stderr how old its record is, which `told` takes for a failure.
    asked = ("forecast", *FEW, "--format", "json", "--scenario", "published", "--origin", "2025-06-30")
    assert run(app, list(asked)) == 0
    said = capsys.readouterr()
    assert "NOT FOR ORDERS: The record used ends on 2025-06-30" in said.err
    supply = json.loads(said.out)["supply"]
    assert max(source["date"] for source in supply["sources"]) <= "2025-06-30"
    assert max(source["date"] for source in known["sources"]) > "2025-12-31"
    assert len(supply["numbers"]) < len(known["numbers"])
    assert np.isfinite(supply["stock_compatible"]["p50"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("forecast", "--scenario", "workers_2500"), "unknown scenario 'workers_2500': did you mean workers_25000"),
        (("plan", "--scenario", "nowhere.toml"), "nowhere.toml"),
        (
            ("forecast", "--scenario", "OWN", "--origin", "2025-06-30"),
            "scenario own opens on 2025-08-01: expected a day",
        ),
        (("scenarios", "check", "OWN", "--origin", "2025-06-30"), "scenario own opens on 2025-08-01: expected a day"),
        (("forecast", "--scenario", "published", "--weapon-class", "cruise"), "scenarios are of drones, not of cruise"),
        (("forecast", "--scenario", "published", "--theatre", "ukrain"), "unknown theatre 'ukrain': did you mean ukr"),
        (
            ("plan", "--weapon-class", "cruise"),
            "of theatre ukraine against cruise missiles: state yours as the defence",
        ),
        (
            ("forecast", "--theatre", "south_korea"),
            "expected a scenario that gives it a forecast: north_korea_line or north_korea_surge",
        ),
        (
            ("plan", "--theatre", "south_korea", "--scenario", "published"),
            "no launch against theatre south_korea is on record: expected a scenario that gives it a forecast: north",
        ),
        (("scenarios", "sensitivity", "publishd"), "did you mean published?"),
        (("scenarios", "sensitivity", "--plot", "tornado.pdf"), "expected a name that ends in .png, .svg, .html"),
        (("scenarios", "compare", "published", "truce_30_day"), "did you mean truce_30_days?"),
        (("scenarios", "compare", "none"), "'none' states nothing to compare: expected scenarios of production"),
        (("scenarios", "compare", "published", "--baseline", "nowhere.toml"), "nowhere.toml"),
        (("scenarios", "compare", "published", "--seed", "-1"), "--seed: expected at least 0 (given -1)"),
        (("scenarios", "check", "published", "--seed", "-1"), "--seed: expected at least 0 (given -1)"),
    ],
)
def test_a_mistake_in_a_forecast_is_told_in_one_line(
    told: Told, own: Callable[..., str], arguments: tuple[str, ...], said: str
) -> None:
    file = own(170, "2025-08-01")
    assert said in told(*(file if argument == "OWN" else argument for argument in arguments), fails=2)
