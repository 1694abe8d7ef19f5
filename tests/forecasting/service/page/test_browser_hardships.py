"""What happens to a page in a morning: two tabs, a button pressed twice, a slow line, and the way back."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from forecasting.record.archive import Archive
from tests.forecasting.service.conftest import Serve
from tests.forecasting.service.page.browsing import Open

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def plan_id(page: Page) -> str:
    return str(page.locator("#plan-id").get_attribute("data-id"))


def ask_for_days(page: Page, days: int) -> None:
    page.locator("#days").fill(str(days))
    page.locator("#days").press("Enter")


def test_two_tabs_keep_to_their_own_plans_and_find_their_own_way_back(open_page: Open) -> None:
    page = open_page("?paths=100&days=9")
    other = page.context.new_page()
    other.goto(page.url.replace("days=9", "days=11"))
    first, second = plan_id(page), plan_id(other)
    assert first != second
    ask_for_days(page, 10)
    expect(page.locator("h1")).to_have_text("Plan for 10 attack days")
    third = plan_id(page)
    other.reload()
    assert plan_id(other) == second
    expect(other.locator("h1")).to_have_text("Plan for 11 attack days")
    page.go_back()
    expect(page.locator("#plan-id")).to_have_attribute("data-id", first)
    expect(page.locator("#days")).to_have_value("9")
    page.go_forward()
    expect(page.locator("#plan-id")).to_have_attribute("data-id", third)
    expect(page.locator("#days")).to_have_value("10")


def test_what_is_sent_twice_is_answered_and_issued_once(open_page: Open, serve: Serve) -> None:
    server = serve()
    page = open_page("?paths=100", url=server.url)
    page.locator("#days").fill("8")
    page.locator("#request button").dblclick()
    expect(page.locator("h1")).to_have_text("Plan for 8 attack days")
    expect(page.locator("#main")).not_to_have_attribute("aria-busy", "true")
    issued = plan_id(page)
    page.locator("#issue").dblclick()
    expect(page.locator("#issued")).to_contain_text("Issued on")
    assert plan_id(page) == issued
    with Archive.open(f"sqlite:///{server.home / 'ledger.db'}") as archive:
        assert [each.id for each in archive.list()] == [issued]


def test_on_a_slow_line_it_is_told_that_it_is_being_computed(open_page: Open) -> None:
    page = open_page("?paths=100")
    slow = {"offline": False, "latency": 300, "downloadThroughput": 40_000, "uploadThroughput": 20_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    ask_for_days(page, 12)
    expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#told")).to_have_text("Calculating…")
    expect(page.locator("h1")).to_have_text("Plan for 12 attack days")
    expect(page.locator("#told")).to_contain_text("The plan is new.")
    expect(page.locator("#main")).not_to_have_attribute("aria-busy", "true")


def test_what_was_asked_for_last_is_shown_whichever_answer_comes_first(open_page: Open) -> None:
    page = open_page("?paths=100")
    held: list[Route] = []
    page.route("**/?*days=13*", lambda route: held.append(route))
    ask_for_days(page, 13)
    expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
    ask_for_days(page, 6)
    expect(page.locator("h1")).to_have_text("Plan for 6 attack days")
    held.pop().continue_()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2_000)  # the answer to the first would be there
    expect(page.locator("h1")).to_have_text("Plan for 6 attack days")
    expect(page).to_have_url(re.compile("days=6"))


def test_where_the_line_is_cut_the_page_says_so_and_goes_on(open_page: Open) -> None:
    page = open_page("?paths=100")
    before = plan_id(page)
    page.may_fail |= {0}  # type: ignore[attr-defined]
    page.context.set_offline(True)
    ask_for_days(page, 7)
    expect(page.locator("#told")).to_be_visible()
    expect(page.locator("#told")).to_have_text("The service does not answer. Try again.")
    expect(page.locator("#main")).not_to_have_attribute("aria-busy", "true")
    assert plan_id(page) == before
    expect(page.locator("#days")).to_have_value("7")  # as it was typed
    page.context.set_offline(False)
    page.locator("#days").press("Enter")
    expect(page.locator("h1")).to_have_text("Plan for 7 attack days")
    expect(page.locator("#told")).to_contain_text("The plan is new.")
