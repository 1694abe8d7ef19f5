"""CSV, workbook and tables: every number of the document, typed, and no other."""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from openpyxl import load_workbook
from pypdf import PdfReader

from features.history import LaunchHistory
from features.messages import Message
from forecasting.answers.request import PlanRequest
from forecasting.defence.layers import Defence
from forecasting.plan import Target
from forecasting.report.data_age import with_data_age
from forecasting.report.document import PlanDocument
from forecasting.report.frames import long_frame, tables
from forecasting.report.language import translator
from forecasting.report.rounding import rounded
from forecasting.report.schema import published_schema
from forecasting.report.text import document_text
from forecasting.report.words import Words
from forecasting.report.workbook import SHEETS, workbook
from tests.forecasting.report.conftest import DefenceOf, Numbers, planned
from tests.said import said
from tests.workbook_tables import tables_of


def numbers_of(document: dict[str, Any]) -> Numbers:
    """(table, item, measure) -> value, read from the JSON: what the CSV must hold, no more and no less."""
    forecast_part = document.get("forecast", document)
    found: Numbers = {}

    def add(table: str, item: str, measure: str, value: Any) -> None:
        if isinstance(value, dict) and "median" in value:
            found[table, item, f"{measure}_median"] = value["median"]
            for interval in value["intervals"]:
                for end in ("low", "high"):
                    found[table, item, f"{measure}_{end}_{round(100 * interval['level'])}"] = interval[end]
        elif isinstance(value, dict) and "code" not in value:  # a message is no number
            for name, inner in value.items():
                add(table, item, f"{measure}_{name}", inner)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[table, item, measure] = value

    def add_rows(table: str, rows: list[dict[str, Any]], *keys: str) -> None:
        for row in rows:
            for name, value in row.items():
                if name not in keys:
                    add(table, " ".join(key_text(row[key]) for key in keys).strip(), name, value)

    def key_text(value: Any) -> str:
        return said(Message(**value)) if isinstance(value, dict) else "" if value is None else str(value)

    def add_measures(table: str, values: dict[str, Any]) -> None:
        by_name = {name: value for name, value in values.items() if name != "leakers_by_kind"}
        by_name |= {f"leakers_by_kind {kind}": value for kind, value in values.get("leakers_by_kind", {}).items()}
        for name, value in by_name.items():
            if not isinstance(value, list):
                add(table, name, "value" if isinstance(value, dict) else "value_median", value)

    add_rows("days", forecast_part["days"], "attack_day")
    for future in forecast_part["sample_futures"]:
        for day, drones in zip(forecast_part["days"], future["drones"], strict=True):
            add("days", day["attack_day"], f"future_{round(100 * future['total_share'])}", drones)
    add_rows("windows", forecast_part["windows"], "n_days")
    add_rows("layers", document.get("layers", []), "layer")
    add_rows("stock_out", document.get("stock_out", []), "attack_day")
    add_measures("outcome", document.get("outcome", {}))
    add_rows("rules", (document.get("rules_of_thumb") or {"rules": []})["rules"], "rule")
    if worth := document.get("order_worth"):
        add_measures("order_worth", {name: value for name, value in worth.items() if name != "together"})
        add_measures("order_worth", {f"together {name}": value for name, value in worth["together"].items()})
        add_rows("layer_worth", worth["layers"], "layer")
        add_rows("frontier", worth["frontier"], "by", "number")
        add_rows("service_levels", worth["service_levels"], "service_level")
        add_rows("information", worth["information"], "layer", "quantity")
    required = document.get("requirement") or {"mix": []}
    add_measures("requirement", required)
    add_rows("mix", required["mix"], "layer")
    calibration = document.get("calibration") or {"quantities": [], "shares": []}
    add_measures("calibration", calibration)
    add_rows("calibrated", calibration["quantities"], "layer", "quantity")
    add_rows("shares", calibration["shares"], "period", "counts", "layer")
    supply = forecast_part["supply"] or {"months": [], "weights": []}
    add_rows("supply", supply["months"], "day")
    add_rows("weights", supply["weights"], "horizon")
    add_rows("holdbacks", supply.get("holdbacks", []), "facility", "day")
    surge = {f"surge_{name}": value for name, value in (supply.get("surge") or {}).items()}
    for name, value in (supply | surge).items():
        if isinstance(value, dict) and not value.keys() & {"code", "stock"}:
            for quantile_name, number in value.items():
                add("supply_at_origin", name, quantile_name, number)
    return found


def test_csv_holds_every_number_of_the_document_and_no_other(document: Any) -> None:
    expected = numbers_of(json.loads(document.model_dump_json()))
    text = long_frame(document).to_csv(index=False, lineterminator="\n")
    frame = pd.read_csv(StringIO(text), dtype={"item": str})
    assert list(frame.columns) == ["table", "item", "measure", "value", "basis"]
    assert not frame.duplicated(["table", "item", "measure"]).any()
    written = {(row[0], row[1], row[2]): row[3] for row in frame.itertuples(index=False, name=None)}
    assert written == expected


def test_the_workbook_reopens_with_the_same_numbers_as_typed_cells(document: Any) -> None:
    written = json.loads(rounded(document).model_dump_json())
    expected = numbers_of(written)
    content = workbook(document)
    names = ["summary", "about"]
    names += ["orders"] * any(layer["order"] for layer in written.get("layers", []))
    if isinstance(document, PlanDocument):
        names += ["worth"] * bool(written["order_worth"] or written["rules_of_thumb"])
    names += ["totals"]
    names += ["calibration"] * bool(isinstance(document, PlanDocument) and written["calibration"])
    supplied = bool(written.get("forecast", written)["supply"])
    names += ["supply"] * supplied + ["days"]
    names += ["assumptions"] * isinstance(document, PlanDocument)
    names += ["sources"] * (supplied or isinstance(document, PlanDocument))
    assert load_workbook(BytesIO(content)).sheetnames == names
    keys: dict[str, tuple[str, ...]] = {"days": ("attack_day",), "windows": ("n_days",), "layers": ("layer",)}
    keys |= {"outcome": ("measure",), "rules": ("rule",), "calibration": ("measure",)}
    keys |= {"order_worth": ("measure",), "frontier": ("by", "number"), "service_levels": ("service_level",)}
    keys |= {"layer_worth": ("layer",), "information": ("layer", "quantity")}
    keys |= {"orders": ("layer",)}
    keys |= {"calibrated": ("layer", "quantity"), "shares": ("period", "counts", "layer")}
    keys |= {"supply_at_origin": ("measure",), "supply": ("day",), "weights": ("horizon",)}
    days = {"first_day", "last_day"}
    found: Numbers = {}
    made = tables_of(content)
    for name, key in keys.items():
        for cells in made.get(name, []):
            if name == "orders":
                cells = {each if each in ("layer", "interceptor") else f"order_{each}": cells[each] for each in cells}
            items = [cells.pop(part, None) for part in key]  # without any value it has no column
            if key in {("attack_day",), ("day",)}:
                assert isinstance(items[0], datetime)
                items[0] = items[0].date().isoformat()
            item = " ".join(str(part or "") for part in items).strip()
            for measure, value in cells.items():
                assert not isinstance(value, bool)
                assert isinstance(value, datetime) == (measure in days)
                if isinstance(value, int | float):
                    beside = name == "days" and measure.startswith("probability_")  # to run short, beside the days
                    table = "layers" if name == "orders" else "stock_out" if beside else name
                    found[table, str(item), str(measure)] = value
                elif isinstance(value, str):
                    # A number that became text would be missed by whoever sums the column.
                    words = {"name", "interceptor", "stock_basis", "supply_basis", "beside_the_orders"}
                    assert measure in words, (name, measure, value)
    # Of the layers and of running totals the 80 % ranges alone: a sheet of 88 columns nobody reads.
    expected = {
        key: each
        for key, each in expected.items()
        if key[2][-3:] not in ("_50", "_95")
        or (key[0] != "layers" and not key[2].startswith("total_drones"))
        or key[0] == "windows"
    }
    assert found.keys() == expected.keys()
    # XLSX keeps 17 significant digits or, in some writers, 15.
    assert all(math.isclose(found[key], expected[key], rel_tol=1e-14) for key in expected)
    about = {row["what"]: row["value"] for row in made["about"]}
    head = written.get("forecast", written)
    for name in ("origin", "model_id", "data_digest", "seed", "n_paths", "last_attack_day_known"):
        assert about[name] == str(head[name])


def test_about_begins_with_what_is_known_beside_the_document(plan: PlanDocument) -> None:
    asked = {"request": '{"horizon": 28}', "link": "x" * 32_768, "issued_at": "2026-03-01T06:30:00+00:00"}
    with_it, without = (load_workbook(BytesIO(workbook(plan, "en", given)))["about"] for given in (asked, {}))
    rows, own = [*with_it.iter_rows(values_only=True)], [*without.iter_rows(values_only=True)]
    assert dict(rows[1:4]) == asked | {"link": "32,768 characters, more than a cell holds"}
    assert [rows[0], *rows[4:]] == own


def test_the_workbook_can_be_read_and_acted_on(document: Any) -> None:
    book = load_workbook(BytesIO(workbook(document)))
    assert book.sheetnames[0] == "summary"
    said = {cell for row in book["summary"].iter_rows(values_only=True) for cell in row}
    total = (
        rounded(document).windows[0]
        if not isinstance(document, PlanDocument)
        else rounded(document.forecast).windows[0]
    )
    assert total.total_drones.median in said
    if isinstance(document, PlanDocument):
        assert {layer.order.quantity for layer in rounded(document).layers if layer.order} <= said
    for sheet in book:
        assert sheet.freeze_panes == "B2"
        assert sheet.max_column <= 40
        assert sheet.page_setup.orientation in ("landscape", "portrait")
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_area
        assert sheet.print_title_rows == "$1:$1"
        for head, *cells in sheet.columns:
            assert not cells or any(cell.value is not None for cell in cells), (sheet.title, head.value)
            if sheet.title in SHEETS:
                continue
            for cell in (cell for cell in cells if isinstance(cell.value, int | float)):
                shown = f"{cell.value:,.0f}" if cell.value == int(cell.value) else f"{cell.value:,.1f}"
                assert len(shown) + 2 <= sheet.column_dimensions[head.column_letter].width, (sheet.title, head.value)
                if "usd" in str(head.value).split("_") and "per_million" not in str(head.value):
                    assert cell.number_format.endswith('" USD"'), (sheet.title, head.value)
                if "probability" in str(head.value):
                    assert cell.number_format.endswith("%"), (sheet.title, head.value)
                if cell.number_format == "#,##0":
                    assert cell.value == int(cell.value)
    for sheet in (book[name] for name in SHEETS if name in book.sheetnames):
        for row in sheet.iter_rows():
            for cell in row[1:]:
                measure = str(row[0].value)  # or the number of a scenario, "event geran_3.kill_probability.fighter"
                if "probability" in measure and measure.isidentifier() and isinstance(cell.value, int | float):
                    assert cell.number_format.endswith("%"), (sheet.title, row[0].value)


@pytest.mark.slow  # an office suite starts
@pytest.mark.parametrize("which", ["plan", "scenario_plan"])
def test_the_workbook_prints_on_at_most_twelve_pages(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("no soffice on the PATH: pages are not counted (Debian: apt-get install libreoffice-calc-nogui)")
    asked = {"request": PlanRequest().canonical, "link": "http://127.0.0.1:8000/?days=28"}
    (tmp_path / "plan.xlsx").write_bytes(workbook(request.getfixturevalue(which), "uk", asked))
    convert = [office, f"-env:UserInstallation={(tmp_path / 'home').as_uri()}", "--headless", "--convert-to", "pdf"]
    subprocess.run([*convert, "--outdir", str(tmp_path), str(tmp_path / "plan.xlsx")], check=True, capture_output=True)
    pages = [page.extract_text() for page in PdfReader(tmp_path / "plan.pdf").pages]
    assert 5 <= len(pages) <= 12
    assert "days_of_supply_p10" in pages[0].replace("\n", "")  # the summary, with all of its columns side by side


def test_the_ukrainian_workbook_says_what_numbers_rest_on_in_ukrainian(scenario_plan: PlanDocument) -> None:
    aged = with_data_age(scenario_plan, date(2026, 11, 30))
    assert isinstance(aged, PlanDocument)
    made = tables_of(workbook(aged, "uk"))
    bases = {row["basis"] for name in ("assumptions", "scenario") for row in made[name]}
    bases |= {row[name] for row in made["layers"] for name in ("stock_basis", "supply_basis") if row[name]}
    assert bases <= {"повідомлено", "припущено", "виведено"}
    said = [row["note"] for row in made["assumptions"]] + [row["interceptor"] for row in made["orders"]]
    said += [row["name"] for row in made["layers"]]
    assert [each for each in said if each and not re.search("[а-яіїє]", each)] == []
    about = {row["what"]: row["value"] for row in made["about"]}
    assert about["basis"].endswith("дані, сценарій truce_30_days")
    assert about["not_for_orders"] == "так"


def test_a_text_that_begins_like_a_formula_stays_a_text(plan: PlanDocument) -> None:
    written = plan.model_copy(update={"defence": "=1+1"})
    about = load_workbook(BytesIO(workbook(written)))["about"]
    [cell] = [row[1] for row in about.iter_rows() if row[0].value == "defence"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_the_assumptions_in_the_workbook_are_typed_and_cite_their_sources(plan: PlanDocument) -> None:
    book = load_workbook(BytesIO(workbook(plan)))
    header, *rows = book["assumptions"].iter_rows(values_only=True)
    assert len(rows) == len(plan.assumptions)
    for row, stated in zip(rows, plan.assumptions, strict=True):
        cells = dict(zip(header, row, strict=True))
        assert isinstance(cells["date"], datetime)
        assert (cells["low"], cells["mode"], cells["high"]) == (stated.low, stated.mode, stated.high)
        assert (cells["sources"] or "") == " ".join(stated.sources)
    listed = {row[0] for row in book["sources"].iter_rows(min_row=2, values_only=True)}
    assert listed == {source for stated in plan.assumptions for source in stated.sources}


def test_the_tables_have_the_documented_types(plan: PlanDocument) -> None:
    made = tables(plan)
    assert str(made["days"]["drones_median"].dtype) == "Int64"
    assert made["days"]["attack_day"].dtype.kind == "M"
    assert str(made["layers"]["order_quantity"].dtype) == "Int64"
    assert str(made["layers"]["stock_out_probability"].dtype) == "Float64"
    assert bool(made["layers"].set_index("layer").loc["electronic_warfare", ["order_quantity"]].isna().all())


def test_the_points_beside_the_orders_are_named(plan: PlanDocument) -> None:
    worth = plan.order_worth
    assert worth is not None
    frame = tables(plan)["frontier"]
    for by in ("leakers", "joint_risk"):
        own = frame[frame["by"] == by].set_index("beside_the_orders")["cost_usd"]
        below = [each for each in frame.loc[frame["by"] == by, "cost_usd"] if each <= worth.together.cost_usd]
        assert own["next down"] == max(below)
        assert "next up" not in own.index or own["next up"] > worth.together.cost_usd


@pytest.mark.parametrize("target", [Target(40.0), Target(1e4), Target(1.0, 1e6)])
def test_a_target_is_in_every_form(target: Target, bundled_history: LaunchHistory, bundled_defence: Defence) -> None:
    document = planned(bundled_history, bundled_defence, target=target, calibrate=False)
    required = document.requirement
    assert required is not None
    written = json.loads(document.model_dump_json())
    assert not list(Draft202012Validator(json.loads(published_schema("plan"))).iter_errors(written))
    frame = long_frame(document)
    found = {(row[0], row[1], row[2]): row[3] for row in frame.itertuples(index=False, name=None)}
    assert found == numbers_of(written)
    assert sum(part.cost_usd for part in required.mix) == pytest.approx(required.cost_usd)
    assert {"requirement", "mix"} < tables_of(workbook(document)).keys()
    text = " ".join(document_text(document).split())
    assert f"TO KEEP ARMED LEAKERS AT {target.leakers:,.0f} OR BELOW over 3 nights" in text
    assert ("Not met: " in text) == (not required.met) == (required.obstacle is not None)
    if required.obstacle:
        assert Words(translator("en", plain=True), document)(required.obstacle) in text
    assert "taken as stated" in text


def test_lead_time_and_review_are_told(history_of: Callable[[Any], LaunchHistory], defence_of: DefenceOf) -> None:
    layer = {"engaged_share": 1.0, "kill_probability": 1.0, "engagements_per_night": 100.0, "stock": 15.0}
    layer |= {"interceptors_per_engagement": 1.0, "monthly_supply": 0.0, "unit_cost_usd": 1e6}
    more: dict[str, Any] = {"lead_time_days": (1.2, 2.0, 2.9), "review_days": 3, "minimum_stock": 1}
    document = planned(history_of(np.full(90, 10.0)), defence_of([layer | more]), horizon=8)
    order = document.layers[0].order
    assert order is not None
    assert (order.lead_time_days_low, order.lead_time_days_high, order.review_days, order.minimum_stock) == (2, 3, 3, 1)
    assert order.unavoidable_shortage == 1.0
    text = " ".join(document_text(document).split())
    assert "for 95 % safety of each stock until the next order arrives: 31 missiles. Cost: 31.0 to 31.0 M USD." in text
    assert "No order arrives in time to prevent a shortage with a chance of 100 % for missiles." in text
    assert "BESIDE RULES OF THUMB: missiles" in text


def test_a_defence_without_interceptors_can_be_written_in_every_form(
    bundled_history: LaunchHistory, bundled_defence: Defence
) -> None:
    document = planned(bundled_history, bundled_defence.model_copy(update={"layers": bundled_defence.layers[:1]}))
    assert "Order nothing" in document_text(document)
    assert document.layers[0].order is None
    assert load_workbook(BytesIO(workbook(document))).sheetnames[2] == "totals"
    assert numbers_of(json.loads(document.model_dump_json())).keys() == {
        (row[0], row[1], row[2]) for row in long_frame(document).itertuples(index=False, name=None)
    }


def test_a_defence_that_cites_nothing_can_be_written_in_every_form(
    bundled_history: LaunchHistory, defence_of: DefenceOf
) -> None:
    own = defence_of([{"engaged_share": 0.5, "kill_probability": 0.5, "engagements_per_night": 100.0}])
    document = planned(bundled_history, own)
    assert document.sources == []
    assert "0 sources; each number's" in " ".join(document_text(document).split())
    assert "sources" not in load_workbook(BytesIO(workbook(document))).sheetnames
    assert len(long_frame(document))
