"""`salvocast stock`: counts are kept all or none, and told with when they end; plans say what they rest on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from features.ledger import Ledger
from features.stocks import StockCount
from tests.forecasting.conftest import Told

SMALL = ("--horizon", "5", "--paths", "20", "--model", "empirical_window")
ON = ("--on", "2026-02-20")
Planned = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def planned(told: Told) -> Planned:
    """The document of a small plan with these options."""
    return lambda *options: json.loads(told("plan", *SMALL, "--format", "json", *options))


def layer_of(document: dict[str, Any], name: str = "interceptor_drone") -> dict[str, Any]:
    (found,) = (each for each in document["layers"] if each["layer"] == name)
    return dict(found)


def kept(home: Path) -> list[StockCount]:
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        return ledger.stock_counts()


def test_pairs_are_kept_once(told: Told) -> None:
    given = ("stock", "count", "interceptor_drone=12 000", "fighter=300", *ON, "--source", "depot")
    lines = told(*given).splitlines()
    assert lines == [
        "interceptor_drone: 12,000 in hand on 2026-02-20 (depot)",
        "fighter: 300 in hand on 2026-02-20 (depot)",
        "2 of 2 counts are new; salvocast stock show tells when they end",
    ]
    assert told(*given).splitlines()[-1].startswith("0 of 2 counts are new")


def test_a_table_as_csv_and_as_xlsx_are_the_same_counts(told: Told, in_a_folder: Path) -> None:
    rows: list[list[Any]] = [
        ["layer", "quantity", "date", "source", "known"],
        ["interceptor_drone", 12000, "2026-02-20", "depot", "2026-02-22"],
        ["fighter", 300, "2026-02-19", None, None],
    ]
    lines = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows)
    (in_a_folder / "counts.csv").write_text(lines)
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(in_a_folder / "counts.xlsx")
    assert told("stock", "count", "counts.csv").splitlines() == [
        "interceptor_drone: 12,000 in hand on 2026-02-20 (depot)",
        "fighter: 300 in hand on 2026-02-19 (not stated)",
        "2 of 2 counts are new; salvocast stock show tells when they end",
    ]
    assert "0 of 2 counts are new" in told("stock", "count", "counts.xlsx")


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "before the first report": (("fighter=3", "--on", "2020-01-01"), "before the first report of theatre ukraine"),
    "in the future": (("fighter=3", "--on", "2099-01-01"), "the count of fighter of 2099-01-01 is of the future"),
    "known before": (("fighter=3", *ON, "--known", "2026-01-01"), "was known on 2026-01-01: expected that day or a la"),
    "negative": (
        ("fighter=3", "interceptor_drone=-1", *ON),
        "interceptor_drone: '-1': expected a whole number, 0",
    ),
    "fractional": (("fighter=3", "interceptor_drone=1.5", *ON), "interceptor_drone: '1.5': expected a whole number"),
    "twelve or twelve thousand": (("fighter=12.000", *ON), "fighter: '12.000' may be 12 or 12000: write 12 or 12000"),
    "no number": (("fighter=many", *ON), "fighter: 'many': expected a number"),
    "unknown layer": (("fighter=3", "interceptor_dron=1", *ON), "'interceptor_dron': did you mean interceptor_drone"),
    "layer without interceptors": (("electronic_warfare=1", *ON), "unknown layer with interceptors 'electronic_warfa"),
    "no day": (("fighter=3",), "the count of fighter has no day: expected the day on which it was counted (--on"),
    "no such day": (("fighter=3", "--on", "2026-02-30"), "--on is '2026-02-30': expected a day as YYYY-MM-DD"),
    "two of one day": (
        ("fighter=3", "fighter=4", *ON),
        "fighter was counted twice on 2026-02-20: 3 (not stated)",
    ),
    "nothing": ((), "nothing is counted: expected a count at least, such as interceptor_drone=12000"),
    "no layer": (("=3", *ON), "'=3': expected LAYER=NUMBER, such as interceptor_drone=12000"),
    "no file": (("missing.csv",), "missing.csv does not exist: expected a CSV or XLSX table with the col"),
    "file and pair": (("rows.csv", "fighter=3", *ON), "expected one file, or counts such as interceptor_drone=12000"),
    "row that is wrong": (("rows.csv", *ON), "rows.csv: row 2: '12.000' may be 12 or 12000"),
    "row of no layer": (("layers.csv", *ON), "layers.csv: row 2: unknown layer with interceptors 'jammer'"),
    "table without a column": (("headless.csv", *ON), "headless.csv: expected one column 'quantity' in the first row"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_what_can_be_no_count_is_a_line_and_nothing_is_kept(
    mistake: str, told: Told, home: Path, in_a_folder: Path
) -> None:
    (in_a_folder / "rows.csv").write_text("layer,quantity\nfighter,3\ninterceptor_drone,12.000\n")
    (in_a_folder / "layers.csv").write_text("layer,quantity\nfighter,3\njammer,12\n")
    (in_a_folder / "headless.csv").write_text("layer,number\nfighter,3\n")
    given, line = BAD[mistake]
    assert line in told("stock", "count", *given, fails=2)
    assert kept(home) == []


def test_two_counts_of_one_day_disagree_until_one_is_a_correction(told: Told) -> None:
    told("stock", "count", "fighter=300", *ON, "--source", "depot")
    refused = told("stock", "count", "fighter=290", *ON, fails=2)
    assert "fighter was counted twice on 2026-02-20: 300 (depot), and 290 now: state the right one as a corr" in refused
    assert "1 of 1 counts are new" in told("stock", "count", "fighter=290", *ON, "--correct")
    shown = told("stock", "show", "--horizon", "1").splitlines()
    assert next(line.split()[:3] for line in shown if "fighter " in line) == ["fighter", "290", "2026-02-20"]


def test_what_is_in_hand_is_that_of_the_plan(told: Told) -> None:
    """Both by their own defaults, whatever the horizon: a count rolled forward has one range."""
    told("stock", "count", "interceptor_drone=12000", *ON)
    told("stock", "count", "interceptor_drone=13000", "--on", "2026-02-10")
    shown = " ".join(told("stock", "show", "--horizon", "3").split())
    made = json.loads(told("plan", "--horizon", "5", "--format", "json"))
    low, high = next(
        (each["low"], each["high"]) for each in layer_of(made)["opening_stock"]["intervals"] if each["level"] == 0.8
    )
    assert f"interceptor_drone 12,000 2026-02-20 not stated {low:,.0f}-{high:,.0f}" in shown
    assert "The count of" in shown  # the one before it, held against the last
    assert low < high


def test_a_count_after_the_record_is_told_and_not_used(told: Told) -> None:
    told("stock", "count", "fighter=300", "--on", "2026-03-02")
    shown = " ".join(told("stock", "show", "--horizon", "1").split())
    assert "- Not used: 300 of fighter counted on 2026-03-02, after 2026-02-28, the last day with reports" in shown
    assert "No stock is counted: salvocast stock count LAYER=NUMBER --on DATE" in shown


def test_a_stated_supply_takes_the_place_of_the_assumed_one_and_says_so(
    told: Told, planned: Planned, in_a_folder: Path
) -> None:
    stated = ("--supply", "interceptor_drone=800/week")
    assumed, made = planned(), planned(*stated)
    assert layer_of(made)["supply"]["median"] == pytest.approx(800 / 7 * 5, abs=1)
    assert layer_of(made)["supply"]["median"] < layer_of(assumed)["supply"]["median"] / 2
    assert layer_of(made, "fighter")["supply"] == layer_of(assumed, "fighter")["supply"]
    assert [(note["code"], note["values"]["count"]) for note in made["in_hand"]] == [("supply_a_week", 800)]
    assert "in_hand" not in assumed
    said = "800 a week as stated, in place of the 18,000 to 40,000 a month that the defence assumes"
    assert said in " ".join(told("plan", *SMALL, *stated).split())
    told("plan", *SMALL, *stated, "--format", "xlsx", "--out", "plan.xlsx")
    cells = [cell for sheet in load_workbook(in_a_folder / "plan.xlsx") for row in sheet.values for cell in row]
    assert any(said in str(cell) for cell in cells)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--supply", "interceptor_drone=800"), "expected interceptors with their unit, such as 800/week"),
        (("--supply", "interceptor_drone=12.000/week"), "'12.000' may be 12 or 12000: write 12 or 12000"),
        (("--supply", "interceptor_drone=-8/week"), "expected 0 to 1,000,000,000 interceptors"),
        (("--supply", "jammer=800/week"), "unknown layer with interceptors 'jammer'"),
        (
            ("--lead-time", "interceptor_drone=0.5"),
            "--lead-time.interceptor_drone: expected a whole number (given",
        ),
        (("--lead-time", "interceptor_drone=900"), "--lead-time.interceptor_drone: expected at most 730"),
        (("--pack-size", "interceptor_drone=0"), "--pack-size.interceptor_drone: expected at least 1"),
        (("--stock", "interceptor_drone=12.000"), "--stock interceptor_drone: '12.000' may be 12 or 12000"),
        (("--stock", "fighter=1", "--stock", "fighter=2"), "--stock: fighter is stated twice"),
        (("--minimum-stock", "fighter=-1"), "--minimum-stock.fighter: expected at least 0"),
        (
            ("--delivery", "fighter=5"),
            "expected --delivery LAYER=NUMBER@DATE, such as interceptor_drone=500@2026-06",
        ),
        (("--delivery", "fighter=1.000@2026-03-02"), "--delivery fighter: '1.000' may be 1 or 1000"),
        (("--budget", "0"), "--budget: expected more than 0 (given 0)"),
    ],
)
def test_what_is_stated_wrongly_of_a_layer_is_a_line(options: tuple[str, ...], line: str, told: Told) -> None:
    assert line in told("plan", *SMALL, *options, fails=2)


def test_a_raid_tells_that_a_count_is_rolled_forward_by_the_drones_alone(told: Told, planned: Planned) -> None:
    told("stock", "count", "medium_range_missile=400", "interceptor_drone=12000", *ON)
    raid = ("--threats", "shahed,cruise=40/week", "--horizon", "28")
    told_of = [note["values"]["layer"] for note in planned(*raid)["in_hand"] if note["code"] == "use_of_drones_alone"]
    assert told_of == ["medium_range_missile"]  # no interceptor drone meets a cruise missile
    assert "use_of_drones_alone" not in [note["code"] for note in planned()["in_hand"]]
    told("stock", "count", "medium_range_missile=380", "--on", "2026-02-28")  # nothing to roll forward
    assert "use_of_drones_alone" not in [note["code"] for note in planned(*raid)["in_hand"]]
