"""The planner's page used in a real browser, against a real server."""

import hashlib
import re
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.forecasting.service.conftest import Serve
from tests.forecasting.service.page.browsing import DRAWN, Open, orders

pytestmark = pytest.mark.browser


def plan_id(page: Page) -> str:
    return str(page.locator("#plan-id").get_attribute("data-id"))


def wait_for_another(page: Page, before: str) -> None:
    """Until the page shows another plan than the one of that id."""
    expect(page.locator("#plan-id")).not_to_have_attribute("data-id", before)


def test_another_scenario_shows_other_numbers_and_another_address(open_page: Open) -> None:
    page = open_page("?days=120&paths=300")
    before, ordered = plan_id(page), orders(page)
    page.locator("#scenario-choice").select_option("truce_30_days")
    wait_for_another(page, before)
    assert orders(page) != ordered
    assert dict(parse_qsl(page.url.partition("?")[2]))["scenario"] == "truce_30_days"
    expect(page.locator("#told")).to_contain_text("The plan is new.")
    page.go_back()
    expect(page.locator("#plan-id")).to_have_attribute("data-id", before)
    assert orders(page) == ordered


def test_a_slider_shows_its_number_and_changes_the_plan_when_it_is_held(open_page: Open) -> None:
    page = open_page("?days=180&paths=100&scenario=imports_stopped&layer=interceptor_drone")
    before = plan_id(page)
    page.locator("summary", has_text="Events").click()
    slider = page.locator("input[name='hold.event parts_stop_alabuga.parts_lost']")
    row = page.locator(".slider").filter(has=slider)
    expect(row.locator("output")).to_contain_text("drawn: 0.20–0.90")
    slider.focus()
    slider.press("End")
    expect(row.locator("output")).to_have_text("0.90 share")
    expect(row.locator("input[name=held]")).to_be_checked()
    page.get_by_role("button", name="Plan with these assumptions").click()
    wait_for_another(page, before)
    asked = dict(parse_qsl(page.url.partition("?")[2]))
    assert {name: value for name, value in asked.items() if name.startswith("hold.")} == {
        "hold.event parts_stop_alabuga.parts_lost": "1"
    }
    assert "held" not in asked


def test_where_a_number_is_from_shows_on_hover_and_on_focus(open_page: Open) -> None:
    page = open_page("?paths=100&scenario=workers_25000")
    line = page.locator(".slider").filter(has=page.locator("input[name='hold.facility alabuga.armed']"))
    tip = line.get_by_role("tooltip", include_hidden=True)
    expect(tip).to_be_hidden()
    line.locator(".source").hover()
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("1,400–2,600 drones per month")
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    line.locator(".source").focus()
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_two_scenarios_are_compared_side_by_side(open_page: Open) -> None:
    page = open_page("?scenario=published&paths=100")
    page.locator("#compare-choice").select_option("truce_30_days")
    table = page.locator("#compare-table")
    expect(table).to_be_visible()
    expect(table.locator("thead")).to_contain_text("A truce of 30 days")
    row = table.locator("tbody tr", has_text="drones in 28 days").locator("td")
    left, right = (int(row.nth(n).inner_text().split()[0].replace(",", "")) for n in (0, 1))
    assert right < left
    assert row.nth(2).inner_text().startswith("−")
    picture = page.locator(".picture.comparison picture img")
    picture.scroll_into_view_if_needed()
    assert picture.evaluate(DRAWN) > 0


def test_the_workbook_holds_the_orders_of_the_page(open_page: Open, tmp_path: Path) -> None:
    page = open_page("?paths=100")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="XLSX").click()
    assert downloading.value.suggested_filename.endswith(f"{plan_id(page)[:12]}.xlsx")
    file = tmp_path / "plan.xlsx"
    downloading.value.save_as(file)
    sheet = openpyxl.load_workbook(BytesIO(file.read_bytes()))["orders"]
    names = [cell.value for cell in sheet[1]]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    held = {row[0]: row[names.index("quantity")] for row in rows}
    assert {layer: f"{held[layer]:,}" for layer in orders(page)} == orders(page)


def test_a_link_sent_on_shows_the_same_plan(open_page: Open) -> None:
    page = open_page("?paths=100&days=9&seed=5&stock.interceptor_drone=700")
    link = str(page.locator("#permalink").get_attribute("href"))
    other = open_page(link.removeprefix("/"), dark=True)
    assert plan_id(other) == plan_id(page)
    assert orders(other) == orders(page)
    expect(other.locator("#origin")).to_have_value("2026-02-28")
    expect(other.locator(".first .notice")).to_have_count(0)


def test_the_link_holds_after_the_server_was_started_again(open_page: Open, serve: Serve) -> None:
    first = serve()
    port = int(first.url.rpartition(":")[2])
    page = open_page("?paths=100&seed=3", url=first.url)
    link, before = str(page.locator("#permalink").get_attribute("href")), plan_id(page)
    page.may_fail |= {0, 503}  # type: ignore[attr-defined]
    first.stop()
    serve(port=port)
    page.goto(first.url + link)
    page.may_fail -= {0, 503}  # type: ignore[attr-defined]
    assert plan_id(page) == before
    page.locator("#seed").fill("4")
    page.get_by_role("button", name="Plan with these numbers").click()
    wait_for_another(page, before)


def test_the_numbers_of_the_record_come_with_its_picture(open_page: Open) -> None:
    page = open_page("?paths=100&origin=2026-02-20")
    expect(page.locator("#record-table")).to_have_count(0)
    page.locator(".picture.track_record img").scroll_into_view_if_needed()
    expect(page.locator("#record-table tbody tr")).to_have_count(2)
    expect(page.locator("#record .hint")).to_have_count(1)  # of issued forecasts alone


def test_everything_can_be_done_from_the_keyboard(open_page: Open) -> None:
    page = open_page("?paths=100")
    before = plan_id(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    outline = page.locator(".skip").evaluate("link => getComputedStyle(link).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "days":
            break
    expect(page.locator("#days")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("14")
    page.keyboard.press("Enter")
    wait_for_another(page, before)
    expect(page.locator("h1")).to_have_text("Plan for 14 attack days")
    expect(page.locator("#days")).to_be_focused()  # where the reader was
    reached = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name || ''"))
        if "issue" in reached:
            break
    assert {"stock.interceptor_drone", "due.date", "compare-choice", "permalink", "print", "issue"} <= reached


def test_the_page_speaks_ukrainian(open_page: Open) -> None:
    page = open_page("?paths=100&scenario=workers_25000")
    english = orders(page)
    page.get_by_role("link", name="Українська").click()
    expect(page.locator("html")).to_have_attribute("lang", "uk")
    expect(page.locator("h1")).to_have_text("План на 28 діб атак")
    expect(page.locator("#orders")).to_contain_text("Дрони-перехоплювачі")
    digits = {layer: re.sub(r"\D", "", order) for layer, order in orders(page).items()}
    assert digits == {layer: re.sub(r"\D", "", order) for layer, order in english.items()}
    slider = page.locator("input[name='hold.output_ratio']")
    slider.press("End")
    row = page.locator(".slider").filter(has=slider)
    expect(row.locator("output")).to_have_text("3 відношення")
    slider.press("Home")
    expect(row.locator("output")).to_have_text("0,40 відношення")


def test_a_wrong_number_is_told_beside_its_field_and_the_rest_is_kept(open_page: Open) -> None:
    page = open_page("?paths=100")
    page.may_fail |= {422}  # type: ignore[attr-defined]
    page.locator("#safety").fill("99")
    page.locator("#days").fill("9999")
    page.locator("#days").press("Enter")
    expect(page.locator("#error-days")).to_have_text("'9999': expected a whole number of attack days, 1 to 730")
    expect(page.locator("#days")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#days")).to_be_focused()
    expect(page.locator("#safety")).to_have_value("99")
    expect(page.locator("#told")).to_contain_text("9999")
    page.locator("#days").fill("10")
    page.locator("#days").press("Enter")
    expect(page.locator("h1")).to_have_text("Plan for 10 attack days")


def test_the_form_works_without_scripts(open_page: Open) -> None:
    page = open_page("?paths=100&scenario=published", scripts=False)
    before = plan_id(page)
    page.locator("#days").fill("12")
    page.locator("input[name=held][value=output_ratio]").check()
    page.locator("#request button").click()
    wait_for_another(page, before)
    assert page.url.endswith("?days=12&scenario=published&paths=100&hold.output_ratio=0.5")
    expect(page.locator("h1")).to_have_text("Plan for 12 attack days")


def test_an_own_scenario_is_planned_with_and_an_issued_plan_stays(open_page: Open, serve: Serve) -> None:
    page = open_page("?paths=100", url=serve().url)
    before = plan_id(page)
    page.locator("summary", has_text="A scenario of your own").click()
    text = page.locator("#own-scenario-text")
    text.fill(text.input_value().replace("In one line: what is assumed", "Half of what is known"))
    page.get_by_role("button", name="Plan with this scenario").click()
    wait_for_another(page, before)
    expect(page.locator("#scenario-choice option:checked")).to_have_text("your own: my_scenario")
    page.locator("#issue").click()
    expect(page.locator("#issued")).to_contain_text("Issued on")
    with page.expect_response(re.compile("/api/v1/forecasts/")) as answering:
        page.get_by_role("link", name="As it was given out").click()
    assert hashlib.sha256(answering.value.body()).hexdigest() == answering.value.url.rpartition("/")[2]
