"""Scenarios used in a real browser: side by side, written in the form, and waited for under a link."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from forecasting.service.page.link import unpack_text
from tests.forecasting.service.conftest import Serve
from tests.forecasting.service.page.browsing import DRAWN, Open, opening

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FEW = "days=14&paths=50"


def nothing_found_by_axe(page: Page) -> None:
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.response["passes"]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found.response["violations"]] == []


def test_scenarios_are_compared_by_keyboard_in_ukrainian(open_page: Open) -> None:
    page = open_page(f"scenarios?{FEW}&lang=uk")
    box = page.locator("#with-truce_30_days")
    box.focus()
    page.keyboard.press("Space")
    page.locator("#days").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sentence")).to_contain_text("ВІДПОВІДЬ: до")
    asked = parse_qsl(page.url.partition("?")[2])
    assert ("with", "truce_30_days") in asked
    expect(page.locator("#with-truce_30_days")).to_be_checked()
    assert page.locator(".picture.scenarios img").evaluate(DRAWN) > 0
    expect(page.locator("#figures-14 thead")).to_contain_text("truce_30_days")
    nothing_found_by_axe(page)
    page.get_by_role("link", name="English").click()
    expect(page.locator("#sentence")).to_contain_text("ANSWER: by")


def test_a_scenario_is_written_in_the_form_and_planned_with(open_page: Open) -> None:
    page = open_page(f"?{FEW}")
    page.may_fail |= {422}  # type: ignore[attr-defined]
    page.locator("#write-scenario > summary").click()
    form = page.locator("#write-scenario")
    form.get_by_label("Plant in row 1", exact=True).fill("alabugo")
    form.get_by_label("Number or range in row 1", exact=True).fill("2000..5000")
    form.get_by_role("button", name="Write it, and plan with it").click()
    expect(page.locator("#error-set")).to_contain_text("did you mean alabuga?")
    again = page.get_by_label("Plant in row 1", exact=True)
    expect(again).to_have_value("alabugo")  # as it was typed
    again.fill("alabuga")
    page.get_by_label("Day in row 1", exact=True).fill("01.03.2026")
    page.get_by_role("button", name="Write it, and plan with it").click()
    expect(page.locator("#scenario-title")).to_contain_text("alabuga: the lines can make 2,000 to 5,000 armed drones")
    text = unpack_text(dict(parse_qsl(page.url.partition("?")[2].partition("#")[0]))["own.scenario"])
    assert "low = 2000" in text
    nothing_found_by_axe(page)


@pytest.fixture
def open_impatient(browser: Browser, serve: Serve) -> Iterator[Open]:
    """Pages of a server for which nearly every plan takes too long."""
    server = serve(longest=3.0)
    with opening(browser, server.url) as start:
        yield start


def test_a_plan_that_takes_too_long_is_waited_for_under_a_link(open_impatient: Open) -> None:
    slow = "days=120&paths=8000&lang=uk"
    page = open_impatient(f"static/icon.svg?{slow}")
    page.may_fail |= {202, 410, 422, 503}  # type: ignore[attr-defined]
    start = page.url.partition("/static")[0]

    def asked_until(address: str, seen: str) -> None:
        """A process that warms up on a busy machine is too busy for anything: that is said, and asked again."""
        for _ in range(120):
            page.goto(address)
            if page.locator(seen).count():
                return
            page.wait_for_timeout(1_000)
        raise AssertionError(page.content())

    asked_until(f"{start}/?{slow}", "#job")
    expect(page.locator("h1")).to_have_text("Відповідь обчислюється")
    link = page.url
    assert re.search(r"/jobs/[0-9a-f]{32}\?", link)
    nothing_found_by_axe(page)
    expect(page.locator("#job")).to_have_count(0)  # it turns into the answer by itself
    assert page.url.startswith(f"{start}/?days=120")
    asked_until(link, "#plan-id")
    page.goto(f"{start}/jobs/{'0' * 32}?{slow}")
    expect(page.locator("h1")).to_have_text("Строк дії посилання минув")
    nothing_found_by_axe(page)
    page.locator("a.button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).not_to_have_text("Строк дії посилання минув")  # asked again
    assert page.url.startswith(f"{start}/?days=120")
