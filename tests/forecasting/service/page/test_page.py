"""The planner's page over HTTP, without a browser: what it shows, what its address holds, and how it fails."""

import hashlib
import re
from datetime import date, datetime
from html import unescape
from io import BytesIO, StringIO
from urllib.parse import parse_qsl, urlencode

import httpx
import openpyxl
import pandas as pd
import pytest

from features.records import KYIV
from features.scenarios import load_scenario
from forecasting.report.data_age import numbers_id
from forecasting.report.language import translator
from forecasting.report.rounding import rounded
from forecasting.report.words import Words
from forecasting.report.worth_text import found_out_first
from forecasting.service.page.assumptions import holdables
from tests.forecasting.service.conftest import Serve, Server
from tests.forecasting.service.page.pages import QUICK, Page, page, plan


def test_the_page_shows_the_numbers_of_the_plan(client: httpx.Client) -> None:
    shown, made = page(client), rounded(plan(client))
    assert shown.status == 200
    ordered = [layer for layer in made.layers if layer.order]
    assert ordered
    for layer in ordered:
        assert layer.order is not None
        assert shown.cell(layer.layer) == f"{layer.order.quantity:,}"
    total = made.forecast.windows[-1].total_drones
    assert f"{total.median:,.0f}" in shown.text
    assert f"{total.interval(0.95).low:,.0f}–{total.interval(0.95).high:,.0f}" in shown.text
    assert f"As of {made.forecast.origin.day} February 2026" in shown.text
    assert made.forecast.data_digest[:12] in shown.text
    assert made.forecast.model_id in shown.text


def test_the_link_to_a_plan_gives_its_bytes_again_and_names_its_origin_and_the_id_of_its_numbers(
    client: httpx.Client,
) -> None:
    query = "?paths=100&days=14&seed=9&scenario=published&hold.output_ratio=0.8&stock.interceptor_drone=500"
    shown = page(client, query)
    link = str(shown.one("a", id="permalink")["href"])
    asked = dict(parse_qsl(link.partition("?")[2]))
    document = client.get(f"/plan.json{query}").content
    assert asked["origin"] == "2026-02-28"
    made = plan(client, query)
    assert made.forecast.data_age is not None  # of today; the link is to hold tomorrow too
    assert asked["id"] == numbers_id(made)
    assert client.get("/plan.json?" + link.partition("?")[2]).content == document
    again = page(client, link.removeprefix("/"))
    assert not again.all("p", **{"class": "notice"})
    assert again.one("code", id="plan-id")["data-id"] == hashlib.sha256(document).hexdigest()


def test_a_raid_shows_what_each_class_takes_and_the_form_keeps_it(client: httpx.Client) -> None:
    query = f"{QUICK}&model=empirical_window&threats=ballistic,cruise,shahed"
    shown, made = page(client, query), plan(client, query)
    assert made.raid is not None
    shown.one("table", id="raid")
    assert len(shown.all("th", scope="row")) > len(made.layers)
    for words in ("Ballistic missiles", "cruise missiles", "Long-range missiles (Patriot)", "of the whole raid"):
        assert words in shown.text
    assert shown.one("input", id="threats")["value"] == "shahed,ballistic,cruise"
    wrong = page(client, f"{QUICK}&threats=cruise")
    assert "expected classes of weapon with shahed among them" in wrong.text
    alone = page(client)
    assert "Long-range missiles (Patriot)" not in alone.text
    assert not alone.all("table", id="raid")


def test_the_age_of_the_last_report_is_told_where_the_newest_is_asked_for(client: httpx.Client) -> None:
    shown = page(client)
    ago = (datetime.now(KYIV).date() - date(2026, 2, 28)).days
    assert f"As of 28 February 2026 ( the last report, {ago} days ago )" in shown.text
    assert "fitted through 28 February 2026" in shown.text
    assert "ago" not in page(client, f"{QUICK}&origin=2026-02-28").text.partition("Days")[0]
    late = page(client, f"{QUICK}&origin=2026-03-02")
    assert "As of 2 March 2026 ( last report 28 February 2026 )" in late.text


def test_a_link_whose_plan_has_changed_says_so(client: httpx.Client) -> None:
    assert "The link was made from plan aaaaaaaaaaaa" in page(client, f"{QUICK}&id={'a' * 64}").text


def test_what_is_held_changes_the_plan_as_its_level_says(client: httpx.Client) -> None:
    query = f"{QUICK}&days=180&scenario=imports_stopped&layer=interceptor_drone"
    # The record, which says much of the output so far, says nothing of what is still to come.
    few, many = (
        plan(client, f"{query}&hold.event+parts_stop_alabuga.parts_lost={level}").forecast.windows[-1].total_drones
        for level in (0, 1)
    )
    assert many.median < 0.95 * few.median
    shown = page(client, f"{query}&hold.output_ratio=1")
    assert "checked" in shown.one("input", name="held", value="output_ratio")
    assert shown.one("input", name="hold.output_ratio")["value"] == "1.0"
    assert shown.one("input", name="hold.output_ratio")["aria-valuetext"] == "3 ratio"
    assert "checked" not in shown.one("input", name="held", value="stock.minimum")


def test_every_assumption_of_the_scenario_has_a_slider_with_its_range_and_its_source(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&scenario=workers_25000")
    scenario = load_scenario("workers_25000").as_known(date(2026, 2, 28))
    found = holdables(scenario, "ukraine", date(2026, 3, 28), {})
    assert {each["value"] for each in shown.all("input", name="held")} == {each.key for each in found}
    for each in found:
        slider = shown.one("input", name=f"hold.{each.key}")
        assert (slider["type"], float(str(slider["data-low"]))) == ("range", each.number.low)
        assert not each.sources or each.sources[-1].title in unescape(shown.rawdata_all)


def test_two_scenarios_stand_side_by_side(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&days=120&scenario=workers_25000&compare=truce_30_days")
    own, other = (plan(client, f"{QUICK}&days=120&scenario={name}") for name in ("workers_25000", "truce_30_days"))
    for document in (own, other):
        total = rounded(document).forecast.windows[-1].total_drones
        interval = total.interval(0.8)
        assert f"{total.median:,.0f} ({interval.low:,.0f}–{interval.high:,.0f})" in shown.text
    before, after = (each.forecast.windows[-1].total_drones.median for each in (own, other))
    changed = 100 * (after / before - 1)
    decimals = 1 if abs(changed) < 10 else 0
    assert f"{'+' if changed > 0 else '−'}{abs(changed):.{decimals}f} %" in shown.text.replace("\u00a0", " ")
    assert shown.all("img", alt=shown_alt(shown, "comparison"))


def shown_alt(shown: Page, name: str) -> str:
    [found] = {str(each["alt"]) for each in shown.all("img") if f"/picture/{name}." in str(each["src"])}
    assert len(found) > 40  # it says what the picture shows
    return found


def test_an_overloaded_server_says_so_on_a_page(serve: Serve) -> None:
    with serve(most_waiting=0).client() as client:
        response = client.get("/?days=7&lang=uk")
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        shown = Page(response)
        assert "Зараз забагато запитів" in shown.text
        assert any(each["href"] == "/?days=7&lang=uk" for each in shown.all("a"))


def test_downloads_hold_the_plan_of_the_address(client: httpx.Client) -> None:
    made = rounded(plan(client, QUICK))
    book = openpyxl.load_workbook(BytesIO(client.get(f"/plan.xlsx{QUICK}").content))
    names = [cell.value for cell in book["orders"][1]]
    orders = {row[0]: row[names.index("quantity")] for row in book["orders"].iter_rows(min_row=2, values_only=True)}
    assert orders == {layer.layer: layer.order.quantity for layer in made.layers if layer.order}
    assert isinstance(book["days"]["A2"].value, date)
    table = pd.read_csv(StringIO(client.get(f"/plan.csv{QUICK}").text))
    assert {"days", "layers", "stock_out"} <= set(table["table"])
    hub = pd.read_csv(StringIO(client.get(f"/plan.hub.csv{QUICK}").text))
    assert list(hub.columns[:3]) == ["reference_date", "target", "horizon"]


@pytest.mark.parametrize("name", ["forecast", "stock_out", "largest_day", "calibration", "plan", "track_record"])
def test_pictures_are_of_the_plan_of_the_address(client: httpx.Client, name: str) -> None:
    light = client.get(f"/picture/{name}.svg{QUICK}")
    assert light.headers["content-type"] == "image/svg+xml"
    assert light.content.startswith(b"<?xml")
    assert "script-src" not in light.headers["content-security-policy"]
    assert light.headers["content-security-policy"].startswith("default-src 'none'")
    dark = client.get(f"/picture/{name}.svg{QUICK}&theme=dark&lang=uk&narrow=1")
    assert dark.content != light.content
    assert client.get(f"/picture/{name}.png{QUICK}").content.startswith(b"\x89PNG")


def test_what_is_no_picture_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"/picture/nothing.svg{QUICK}").status_code == 404
    assert client.get(f"/picture/forecast.exe{QUICK}").status_code == 404
    assert client.get("/static/page.html").status_code == 404
    assert client.get(f"/picture/calibration.svg{QUICK}&stated=1").status_code == 422
    assert client.get(f"/picture/supply.svg{QUICK}").status_code == 422


def test_an_address_that_there_is_not_is_told_on_a_page_to_who_reads_pages(client: httpx.Client) -> None:
    shown = Page(client.get("/plans", headers={"Accept": "text/html,*/*;q=0.8", "Accept-Language": "uk"}))
    assert shown.status == 404
    assert "Такої сторінки немає" in shown.text
    told = client.get("/plans", headers={"Accept": "application/json"})
    assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")


def test_the_record_of_the_model_stands_on_the_page_once_it_is_computed(serve: Serve) -> None:
    with serve().client() as client:
        before = page(client)
        assert not before.all("table", id="record-table")
        [address] = {str(each["src"]) for each in before.all("img") if "/picture/track_record." in str(each["src"])}
        assert client.get(address).status_code == 200
        assert page(client).all("table", id="record-table")


def test_a_plan_without_stocks_or_calibration_has_a_page_too(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&layer=electronic_warfare&stated=1")
    assert shown.status == 200
    assert "No layer uses interceptors." in shown.text
    assert not any("stock_out" in str(each["src"]) or "calibration" in str(each["src"]) for each in shown.all("img"))


def test_what_to_find_out_first_stands_on_the_page_as_in_the_text(client: httpx.Client) -> None:
    query = "?origin=2026-02-28&model=empirical_window&paths=1000"
    made, shown = rounded(plan(client, query)), page(client, query)
    assert made.order_worth is not None
    rows = found_out_first(made.order_worth, Words(translator("en"), made))
    assert rows
    table = shown.rawdata_all[shown.rawdata_all.index('<table id="information"') :]
    told = [unescape(cell) for cell in re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", table[: table.index("</table>")])]
    assert told[3:] == [cell for row in rows for cell in row]


def test_the_least_cost_mix_is_shown_with_the_reason_where_it_cannot_be(client: httpx.Client) -> None:
    made = plan(client, f"{QUICK}&leak=1")
    assert made.requirement is not None
    assert not made.requirement.met
    shown = page(client, f"{QUICK}&leak=1")
    assert made.requirement.obstacle is not None
    assert Words(translator("en"), made)(made.requirement.obstacle).partition(":")[0] in shown.text
    assert not re.search(r"\b[a-z]+_[a-z]+\b more would do", shown.text)  # layers by their names


def test_every_number_says_where_it_is_from(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&scenario=workers_25000")
    made = plan(client, f"{QUICK}&scenario=workers_25000")
    ids = {each["id"] for each in shown.all("li") if "id" in each}
    assert made.forecast.supply is not None
    numbers = [*made.assumptions, *made.forecast.supply.numbers]
    assert len(numbers) > 100
    for each in numbers:
        assert {f"source-{source}" for source in each.sources} <= ids
        assert " ".join(each.note.split()) in shown.text


def test_two_servers_of_the_same_data_show_the_same_page(serve: Serve) -> None:
    shown = []
    for home in ("one", "two"):
        with serve(home=home).client() as client:
            shown.append(client.get(f"/{QUICK}&scenario=published").text)
    assert shown[0] == shown[1]


def test_a_new_report_shows_without_a_restart(serve: Serve) -> None:
    server: Server = serve(accept_reports=True)
    with server.client() as client:
        assert "As of 28 February 2026" in page(client).text
        rows = {"rows": [{"date": "2026-03-01", "launched": 123, "shot_down": 100}]}
        client.post("/api/v1/reports", json=rows).raise_for_status()
        assert "As of 1 March 2026" in page(client).text
        pinned = page(client, f"{QUICK}&{urlencode({'origin': '2026-02-28'})}")
        assert "As of 28 February 2026" in pinned.text
