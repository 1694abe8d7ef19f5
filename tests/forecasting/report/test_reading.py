"""A plan of the first format, as it was archived, is still scored, shown and given out in every form."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from features.errors import InputError
from forecasting.record.scoreboard import StatedQuantiles
from forecasting.report.document import ForecastDocument, PlanDocument, document_json
from forecasting.report.forms import CSV, FORMS, XLSX, convert_document
from forecasting.report.layout import lines_of
from forecasting.report.reading import read_document
from forecasting.report.text import document_text

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="module")
def first() -> bytes:
    """The golden plan as the first format had it, with all that this plan does not have."""
    told = json.loads((GOLDEN / "plan_format_1.json").read_text(encoding="utf-8"))
    told["forecast"]["versions"] = {"salvocast": "0.1.0"}
    told["notes"] = ["The calibrated draws are worth 90 independent ones: the record is at the edge of the ranges."]
    told["requirement"] = {
        "leak_target": 10.0,
        "budget_usd": None,
        "met": False,
        "obstacle": "with all that can be bought 20 armed drones leak, the target is 10: ...",
        "cost_usd": 1e6,
        "leakers": 20.0,
        "leaker_price_usd": None,
        "mix": [],
        "worth": ["one more million USD stops up to 3 more armed drones over the 28 nights"],
    }
    return json.dumps(told).encode()


def test_its_numbers_are_kept(first: bytes) -> None:
    old, new = json.loads(first), json.loads(read_document(first).model_dump_json())
    one, other = (StatedQuantiles.of_document(each) for each in (old, new))
    assert (one.days == other.days).all()
    assert one.totals.keys() == other.totals.keys()
    assert all((one.totals[n_days] == other.totals[n_days]).all() for n_days in one.totals)
    read = read_document(first)
    assert isinstance(read, PlanDocument)
    for layer, told in zip(read.layers, old["layers"], strict=True):
        assert layer.model_dump(mode="json", exclude_defaults=True) == told


def test_what_it_says_is_kept_as_it_was_said(first: bytes) -> None:
    with lines_of(200):  # no table is folded
        text = " ".join(document_text(read_document(first)).split())
    for sentence in (
        "The calibrated draws are worth 90 independent ones: the record is at the edge of the ranges.",
        "Not met: with all that can be bought 20 armed drones leak, the target is 10: ...",
        "- one more million USD stops up to 3 more armed drones over the 28 nights",
        "massed: a day of at least 2.5 times the median of the last 91 known attack days, 308 in the first week;",
        "neutralised, last 28 nights",
        "killed by Interceptor drones",
        "(two per drone, 1,000 a day, last month plus 20 %)",
    ):
        assert sentence in text


def test_it_has_every_form(first: bytes) -> None:
    for name in FORMS:
        assert convert_document(first, name, "uk")
    assert b"nights of 400 and more lost" in convert_document(first, CSV.name, "en")
    assert {"orders", "totals"} <= set(load_workbook(BytesIO(convert_document(first, XLSX.name, "en"))).sheetnames)


def test_documents_of_today_and_forecasts_are_read_too(first: bytes, document: PlanDocument) -> None:
    assert read_document(document_json(document)) == document
    told = json.loads(first)["forecast"]
    told["supply"] = None
    assert isinstance(read_document(json.dumps(told).encode()), ForecastDocument)
    with pytest.raises(InputError, match="format 'salvocast/plan/9': expected salvocast/plan/2"):
        read_document(b'{"format": "salvocast/plan/9"}')
