"""`salvocast scenarios compare`: scenarios side by side, as plans of each would have it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from features.scenarios import load_scenario
from tests.forecasting.conftest import Told

FEW = ("--paths", "20", "--horizon", "14")


def figures(document: dict[str, Any], measure: str, layer: str | None = None) -> dict[tuple[str, int], dict[str, Any]]:
    rows = [row for row in document["figures"] if (row["measure"], row["layer"]) == (measure, layer)]
    return {(row["scenario"], row["n_days"]): row for row in rows}


def test_scenarios_are_compared_against_a_baseline_as_plans_of_each_would_have_it(told: Told) -> None:
    few = ("--paths", "60", "--seed", "3")
    asked = ("scenarios", "compare", "workers_25000", "truce_30_days", "--baseline", "published", "--horizon", "30")
    document = json.loads(told(*asked, *few, "--format", "json"))
    assert [each["scenario"] for each in document["scenarios"]] == ["published", "workers_25000", "truce_30_days"]
    where = {(each["where"], each["date"]): each["ranges"] for each in document["stated_differences"]}
    rooms = where["facility alabuga_new_halls.workforce.rooms", "2026-04-01"]
    assert [(each["scenario"], each["low"], each["mode"], each["high"]) for each in rooms] == [
        ("workers_25000", 1000, 2000, 3000)
    ]
    assert not any(place.startswith("stock.") for place, _ in where)  # which all three state alike
    truce = next(ranges for (place, _), ranges in where.items() if place.endswith("(pause)"))
    assert [each["scenario"] for each in truce] == ["truce_30_days"]

    launched, orders = figures(document, "launched"), figures(document, "order", "interceptor_drone")
    assert {n_days for _, n_days in launched} == {28, 30}
    assert launched["truce_30_days", 28]["difference"] < -0.3 * launched["published", 28]["value"]
    assert launched["truce_30_days", 28]["noise"] is False
    assert launched["published", 28]["difference"] is None
    plan = json.loads(told("plan", "--scenario", "truce_30_days", "--horizon", "28", *few, "--format", "json"))
    ordered = {layer["layer"]: layer["order"]["quantity"] for layer in plan["layers"] if layer["order"]}
    for layer, quantity in ordered.items():
        assert figures(document, "order", layer)["truce_30_days", 28]["value"] == quantity
    assert orders["truce_30_days", 28]["difference"] == pytest.approx(
        orders["truce_30_days", 28]["value"] - orders["published", 28]["value"]
    )


PARAGRAPH = (
    # 2,000 a month from one plant with the aim of 5,000; 25,000 workers, four to a room; a strike on 15 June 2025
    "alabuga.capacity=2000@2025-06-20",
    "alabuga.strike=0..0.3@2025-06-15",
    "new_halls.capacity=3000@2026-03-15",
    "new_halls.workers=25000@2026-03-15",
    "new_halls.beds=25000@2026-03-15",
)


def test_the_paragraph_of_the_report_is_typed_in_and_read_back(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "report.toml"
    told("scenarios", "new", str(file), *(part for each in PARAGRAPH for part in ("--set", each)))
    plant = load_scenario(str(file)).facilities[-1]
    assert plant.workforce is not None
    assert plant.workforce.rooms[0].mode == 25000 / 4
    few = ("--baseline", "published", "--paths", "60", "--horizon", "120")
    said = " ".join(told("scenarios", "compare", str(file), *few).split())
    number = r"[\d,]+ ± [\d,]+ (?:more|fewer)( \(noise\))?"
    assert re.search(
        rf"ANSWER: by 2026-06-28, report against published: drones launched: {number}; armed ones that leak: "
        rf"{number}\. Orders for 95 % safety, in million USD: {number}; in pieces: ",
        said,
    )
    assert "The beds do not run out first: at new halls they hold the output back in no month until 2026-06-28" in said
    short = tmp_path / "short.toml"
    fewer = [*PARAGRAPH[:-1], "new_halls.beds=5000@2026-03-15"]
    told("scenarios", "new", str(short), *(part for each in fewer for part in ("--set", each)))
    said = " ".join(told("scenarios", "compare", str(short), *few).split())
    assert re.search(
        r"Unless the beds run out first: at new halls they hold the output back from 2026-0\d-\d\d to 2026-06-28, as "
        r"stated \(5,000 beds, 20,000 workers without one",
        said,
    )
    said = " ".join(told("scenarios", "compare", str(file), *few).split())
    assert "6,250 rooms" in " ".join(said.split())  # however the table folds


def test_a_comparison_says_against_what_and_comes_in_every_form(told: Told, tmp_path: Path) -> None:
    asked = ("scenarios", "compare", "workers_25000", *FEW)
    picture = tmp_path / "scenarios.svg"
    said = told(*asked, "--baseline", "published", "--plot", str(picture))
    assert " each against published;" in " ".join(said.split())
    assert "WHERE THEY DIFFER" in said
    assert re.search(r"^drones launched .*[+-][\d,.]+ ± [\d,.]+", said, re.M)
    assert "workers_25000" in picture.read_text()
    rows = told(*asked, "--format", "csv").splitlines()
    assert rows[0].startswith("scenario,n_days,measure,layer,value,error,low_80,high_80,difference,")
    sheet = tmp_path / "scenarios.xlsx"
    told(*asked, "--format", "xlsx", "--out", str(sheet))
    book = load_workbook(sheet)
    assert book.sheetnames == ["about", "scenarios", "differing", "holdbacks", "figures"]
    assert book["figures"].max_row == len(rows)
    assert "expected another form than hub" in told(*asked, "--format", "hub", fails=2)


def test_a_comparison_without_a_record_says_so(told: Told) -> None:
    said = told("scenarios", "compare", "north_korea_line", "--theatre", "south_korea", *FEW)
    head = " ".join(said.split())
    assert head.startswith(
        "ASSUMPTIONS ONLY: scenarios for South Korea as of 2026-02-28, each against north_korea_line"
    )
    assert "The shape of the salvos is that of Ukraine: each day as a multiple of the month around it" in head
