"""The same numbers by every door and in every form: command, API, page, CSV, workbook, brief and pictures."""

import csv
import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from forecasting.report.document import PlanDocument
from forecasting.report.rounding import rounded
from tests.forecasting.conftest import Run
from tests.forecasting.service.in_process import in_process

ASKED: dict[str, Any] = {"horizon": 14, "paths": 200, "model": "empirical_window"}
OPTIONS = ("plan", "--horizon", "14", "--paths", "200", "--model", "empirical_window")
QUERY = "days=14&paths=200&model=empirical_window"


@pytest.fixture
def client(work: object) -> Iterator[httpx.Client]:
    with in_process() as client:
        yield client


def plain(text: str) -> str:
    """Without elements, with one kind of space and dash; ranges with a dash, however they are written."""
    text = unescape(re.sub("<[^>]+>", " ", text)).translate({0x2013: "-", 0x202F: " ", 0xA0: " "})
    return re.sub(r"(?<=\d) to (?=\d)", "-", " ".join(text.split()))


def cells(content: bytes, sheet: str) -> dict[Any, dict[str, Any]]:
    """First column -> the row by its columns."""
    header, *rows = load_workbook(BytesIO(content))[sheet].iter_rows(values_only=True)
    return {row[0]: dict(zip(map(str, header), row, strict=True)) for row in rows}


def test_total_order_cost_chance_and_day_are_the_same_in_every_form(client: httpx.Client, salvocast: Run) -> None:
    answered = client.post("/api/v1/plan?issue=false", json=ASKED).raise_for_status().content
    assert client.get(f"/plan.json?{QUERY}").content == salvocast(*OPTIONS, "--format", "json").stdout == answered
    document = PlanDocument.model_validate_json(answered)
    shown = rounded(document)
    window, costs = shown.forecast.windows[-1], shown.outcome
    layer = max((each for each in shown.layers if each.order), key=lambda each: each.stock_out_probability or 0.0)
    order, chance = layer.order, layer.stock_out_probability
    assert order is not None
    assert order.quantity > 0
    assert chance is not None
    between = window.total_drones.interval(0.8)
    median, total = f"{window.total_drones.median:,.0f}", f"{between.low:,.0f}-{between.high:,.0f}"
    cost = f"{order.cost_usd_low / 1e6:,.1f}-{order.cost_usd_high / 1e6:,.1f}"
    all_costs = f"{costs.orders_cost_usd_low / 1e6:,.1f}-{costs.orders_cost_usd_high / 1e6:,.1f}"
    risks = f"{100 * chance:.0f} % {100 * order.stock_out_probability:.0f} %"
    last = f"{window.last_day:%-d %B %Y}"

    table = plain(salvocast(*OPTIONS).stdout.decode())
    ordered = f"{layer.name} {order.quantity:,} {cost}"
    assert re.search(rf" total to {window.last_day} {median} \S+ {total} ", table)
    assert re.search(
        rf" {re.escape(layer.name)} \S+ \d+ {order.quantity:,} {cost} {risks.replace(' % ', ' %, ')} ", table
    )
    assert f" ORDERS for 95 % safety of each stock, {all_costs} M USD " in table

    page = plain(client.get(f"/?{QUERY}").text)
    assert re.search(rf" 1-14 {window.last_day:%-d %b} {median} \S+ {total} ", page)
    assert re.search(rf" {re.escape(ordered)} by 1 Mar \d+ {risks} ", page)
    assert f" All {all_costs} " in page

    brief = plain(PdfReader(BytesIO(client.get(f"/brief.pdf?{QUERY}").content)).pages[0].extract_text())
    assert f" {ordered} {risks} " in brief
    assert f", for {all_costs} M USD" in brief
    assert f"by {last}: {layer.interceptor}s {100 * chance:.0f} %" in brief

    head = f"Running total by {last}: {total} (80 %)."
    assert head in plain(client.get(f"/picture/forecast.svg?{QUERY}").text)
    drawn = plain(client.get(f"/picture/stock_out.svg?{QUERY}").text)
    assert f"by {last}: {layer.name} {100 * chance:.0f} %" in drawn

    content = client.get(f"/plan.xlsx?{QUERY}").content
    summed = cells(content, "summary")[f"drones launched, {document.forecast.days[0].attack_day} to {window.last_day}"]
    assert (summed["median"], summed["low_80"], summed["high_80"]) == (
        window.total_drones.median,
        between.low,
        between.high,
    )
    acted = cells(content, "summary")[layer.name]
    names = ("order", "cost_usd_low", "cost_usd_high", "runs_out_probability", "with_the_order_probability")
    assert [acted[name] for name in names] == [
        order.quantity,
        order.cost_usd_low,
        order.cost_usd_high,
        pytest.approx(chance),
        pytest.approx(order.stock_out_probability),
    ]
    assert cells(content, "orders")[layer.layer]["quantity"] == order.quantity
    assert f"{[*cells(content, 'days')][-1]:%Y-%m-%d}" == str(window.last_day)

    by_api = client.post("/api/v1/plan?issue=false", json=ASKED, headers={"Accept": "text/csv"})
    assert (
        by_api.text == client.get(f"/plan.csv?{QUERY}").text == salvocast(*OPTIONS, "--format", "csv").stdout.decode()
    )
    rows = csv.DictReader(StringIO(by_api.text))
    written = {(row["table"], row["item"], row["measure"]): row["value"] for row in rows}
    of = next(each for each in document.layers if each.layer == layer.layer)
    assert of.order is not None
    assert float(written["windows", "14", "total_drones_median"]) == document.forecast.windows[-1].total_drones.median
    assert float(written["layers", layer.layer, "order_quantity"]) == of.order.quantity
    assert float(written["layers", layer.layer, "order_cost_usd_high"]) == of.order.cost_usd_high
    assert float(written["layers", layer.layer, "stock_out_probability"]) == of.stock_out_probability


def test_the_page_in_ukrainian_has_the_digits_of_the_page_in_english(client: httpx.Client) -> None:
    def digits(language: str) -> list[str]:
        shown = client.get(f"/?{QUERY}&lang={language}").text
        tables = re.findall(r'<table id="(?:orders|windows-table|stocks-table)".*?</table>', shown, re.DOTALL)
        numbers = [each for table in tables for each in re.findall(r'<td class="n[^>]*>(.*?)</td>', table)]
        return [re.sub(r"\D", "", plain(each)) for each in numbers if not re.search("[a-zа-яіїє]", each)]

    assert digits("uk") == digits("en")
    assert len(digits("en")) > 50


@pytest.mark.parametrize(
    ("written", "share"), [(("95", "95 %", "0.95", "0,95", 95, 0.95), 0.95), (("99,5", "99.5 %", "0.995", 99.5), 0.995)]
)
def test_a_safety_is_the_same_however_it_is_typed_and_is_shown_as_it_was_understood(
    client: httpx.Client, salvocast: Run, written: tuple[str | float, ...], share: float
) -> None:
    small = (*OPTIONS, "--paths", "50", "--format", "json", "--service-level")
    documents = set()
    for each in written:
        by_api = client.post("/api/v1/plan?issue=false", json=ASKED | {"paths": 50, "service_level": each})
        documents.add(by_api.raise_for_status().content)
        documents.add(salvocast(*small, str(each)).stdout)
        query = urlencode({"days": 14, "paths": 50, "model": "empirical_window", "safety": each})
        documents.add(client.get(f"/plan.json?{query}").content)
        assert f"for {100 * share:g} % safety of each stock" in plain(client.get(f"/?{query}").text)
    [only] = documents
    assert PlanDocument.model_validate_json(only).service_level == share


@pytest.mark.parametrize("written", ["150", "100", "0", "1.5.5", "most"])
def test_a_safety_that_cannot_be_is_refused_at_every_door(client: httpx.Client, salvocast: Run, written: str) -> None:
    assert client.post("/api/v1/plan?issue=false", json=ASKED | {"service_level": written}).status_code == 422
    by_command = salvocast(*OPTIONS, "--service-level", written)
    assert (by_command.returncode, len(by_command.stderr.decode().splitlines())) == (2, 1)
    by_page = client.get(f"/?{QUERY}&safety={written}")
    assert by_page.status_code == 422
    assert f"'{written}': expected per cent between 0 and 100, such as 95" in plain(by_page.text)


def test_a_safety_that_may_be_two_is_asked_about_at_every_door(client: httpx.Client, salvocast: Run) -> None:
    asked = "'1' may be 1 % or 100 %: write 1 % or 100 %"
    by_api = client.post("/api/v1/plan?issue=false", json=ASKED | {"service_level": "1"})
    assert (by_api.status_code, by_api.json()["detail"]) == (422, f'service_level: {asked} (given "1")')
    by_command = salvocast(*OPTIONS, "--service-level", "1")
    assert (by_command.returncode, by_command.stderr.decode()) == (
        2,
        f'salvocast: --service-level: {asked} (given "1")\n',
    )
    by_page = client.get(f"/?{QUERY}&safety=1")
    assert by_page.status_code == 422
    assert asked in plain(by_page.text)
