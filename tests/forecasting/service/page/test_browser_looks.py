"""The planner's page seen in a real browser: the first screen, themes, a phone, paper, and what axe-core finds."""

import re
import struct
import zlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.forecasting.service.page.browsing import DRAWN, FIRST_SCREEN, Open, orders

pytestmark = pytest.mark.browser


def test_the_first_screen_fits_in_ukrainian_too(open_page: Open) -> None:
    page = open_page("?lang=uk")
    for part in ("#sentence", ".picture.forecast picture img", "#orders"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= FIRST_SCREEN["height"], part
        assert box["x"] + box["width"] <= FIRST_SCREEN["width"], part


def test_the_first_screen_holds_what_to_expect_and_what_to_order(open_page: Open) -> None:
    page = open_page()
    expect(page.locator("h1")).to_have_text("Plan for 28 attack days")
    assert page.locator(".picture.forecast picture img").evaluate(DRAWN) > 0
    for part in (".asof", "#sentence", ".picture.forecast picture img", "#orders", "#request button"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["height"] > 0
        assert box["y"] + box["height"] <= FIRST_SCREEN["height"], part
        assert box["x"] + box["width"] <= FIRST_SCREEN["width"], part
    assert all(re.fullmatch(r"[\d,]+", order) for order in orders(page).values())


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("query", "view"),
    [
        ("?paths=100&scenario=workers_25000&compare=published&leak=400&lang=en", {}),
        ("?paths=100&scenario=workers_25000&compare=published&leak=400&lang=uk", {}),
        ("?paths=100&scenario=published&lang=uk", {"width": 390, "height": 844}),
        ("?paths=100&days=0&budget=5&stock.fighter=x", {}),
        ("?paths=100&theatre=south_korea&scenario=north_korea_line&lang=uk", {}),
        ("plans", {}),
    ],
    ids=["english", "ukrainian", "phone", "errors", "no-defence", "no-page"],
)
def test_axe_finds_nothing(open_page: Open, query: str, view: dict[str, int], dark: bool) -> None:
    page = open_page("static/icon.svg", dark=dark, **view)
    page.may_fail |= {404, 422}  # type: ignore[attr-defined]
    page.goto(page.url.replace("static/icon.svg", query))
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.response["passes"]
    assert not [
        (each["id"], each["impact"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in found.response["violations"]
    ]


@pytest.mark.parametrize("language", ["en", "uk"])
def test_a_phone_scrolls_down_and_not_sideways(open_page: Open, language: str) -> None:
    page = open_page(f"?paths=100&scenario=workers_25000&compare=published&lang={language}", width=360, height=740)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # A table that is wider scrolls in a region of its own, which the keyboard reaches.
    wide = page.locator(".scroll").evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth)")
    assert wide
    assert page.locator(".scroll:not([tabindex='0'])").count() == 0
    shown = page.locator(".picture.forecast picture img")
    assert "narrow=1" in str(shown.evaluate("image => image.currentSrc"))


def test_pictures_follow_the_theme_of_the_reader_or_the_chosen_one(open_page: Open) -> None:
    shown = "image => image.currentSrc"
    assert "theme=dark" in open_page("?paths=100", dark=True).locator(".picture.forecast picture img").evaluate(shown)
    assert "theme=light" in open_page("?paths=100").locator(".picture.forecast picture img").evaluate(shown)
    page = open_page("?paths=100&theme=dark")
    assert "theme=dark" in page.locator(".picture.forecast picture img").evaluate(shown)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 25, 30)"


@pytest.mark.parametrize(
    "query", ["", "?scenario=workers_25000&lang=uk&theme=dark&leak=400", "?scenario=imports_stopped&days=365&paths=200"]
)
def test_the_brief_is_two_pages(open_page: Open, query: str) -> None:
    page = open_page(query)
    page.locator(".picture.stock_out picture img").scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert pages_of(page.pdf(format="A4", prefer_css_page_size=True)) == 2


def test_the_brief_has_the_pictures_for_paper_in_whatever_theme_they_are_read(open_page: Open) -> None:
    page = open_page("?paths=100&theme=dark")
    for name in ("forecast", "stock_out"):
        paper = page.locator(f".picture.{name} .for-print")
        expect(paper).to_have_attribute("src", re.compile("theme=light"))
        expect(paper).to_be_hidden()
        assert paper.evaluate(DRAWN) > 0
    page.emulate_media(media="print")
    for name in ("forecast", "stock_out"):
        expect(page.locator(f".picture.{name} .for-print")).to_be_visible()
        expect(page.locator(f".picture.{name} picture img")).to_be_hidden()


def pages_of(pdf: bytes) -> int:
    """How many pages a PDF has: the /Count of the root of its page tree, which may stand in a compressed stream."""
    text = pdf
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            text += zlib.decompress(stream)
        except (zlib.error, struct.error):
            continue
    return max(int(count) for count in re.findall(rb"/Type\s*/Pages.*?/Count\s+(\d+)", text, re.DOTALL))
