"""The planner's page seen in a real browser: the first screen, themes, a phone, paper, and what axe-core finds."""

import re
import unicodedata
from io import BytesIO

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pypdf import PageObject, PdfReader

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
def test_the_printed_plan_is_two_pages_and_fills_them(open_page: Open, query: str) -> None:
    page = open_page(query)
    first, second = printed(page)
    assert said(page, "#sentence") in first
    for layer, order in orders(page).items():
        name = said(page, f"#orders tr:has([data-layer='{layer}']) th")
        assert plain(f"{name} {order}") in first
    assert said(page, "#stocks-table caption") in second
    assert said(page, "#assumed-title") in second


def test_a_comparison_is_printed_on_a_page_of_its_own(open_page: Open) -> None:
    page = open_page("?paths=100&scenario=workers_25000&compare=published&leak=400&lang=uk")
    *_, last = printed(page, n_pages=3)
    assert last.startswith(said(page, "#compare-title"))
    for row in page.locator("#compare-table tbody tr").all():
        assert plain(row.locator("td").nth(0).inner_text()) in last
    assert said(page, "#compare label") not in last  # a form is nothing on paper


def test_a_table_that_says_nothing_is_left_out(open_page: Open) -> None:
    query = "?paths=100&layer=interceptor_drone&leak=4000000&policy=base_stock&days=60"
    plenty = open_page(f"{query}&stock.interceptor_drone=9000000")
    assert orders(plenty) == {"interceptor_drone": "0"}  # the answer
    empty = (
        "#rules",
        "#mix",
        "#policy-layers",
        "#policy-calendar",
        "#service-levels",
        "#frontier",
        ".picture.frontier",
    )
    for table in empty:
        expect(plenty.locator(table)).to_have_count(0)
    expect(plenty.locator("#stocks-table thead")).not_to_contain_text("Before any order arrives")
    few = open_page(f"{query.replace('leak=4000000', 'leak=90')}&stock.interceptor_drone=0&lead.interceptor_drone=9")
    for table in empty:
        expect(few.locator(table)).to_have_count(1)
    expect(few.locator("#stocks-table thead")).to_contain_text("Before any order arrives")


def test_the_printed_plan_has_the_pictures_for_paper_in_whatever_theme_they_are_read(open_page: Open) -> None:
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


def printed(page: Page, n_pages: int = 2) -> list[str]:
    """The text of each page on paper. Each is one that is filled: text stands in its lowest sixth."""
    for picture in page.locator(".sheet:not(.unchosen) .picture picture img").all():
        if picture.is_visible():
            picture.scroll_into_view_if_needed()
            assert picture.evaluate(DRAWN) > 0
    page.wait_for_load_state("networkidle")
    pages = PdfReader(BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages
    assert len(pages) == n_pages
    for each in pages:
        assert min(down for _, down in placed(each)) < each.mediabox.height / 6
    return [plain(each.extract_text()) for each in pages]


def placed(page: PageObject) -> list[tuple[float, float]]:
    """Where texts begin on a page on paper: from its left edge, and from its lower one."""
    found: list[tuple[float, float]] = []

    def place(text: str, current: list[float], at: list[float], *_: object) -> None:
        if text.strip():
            found.append((current[4] + current[0] * at[4], current[5] + current[3] * at[5]))

    page.extract_text(visitor_text=place)
    return found


def test_scenarios_side_by_side_stand_whole_on_paper(open_page: Open) -> None:
    many = "&".join(f"with={name}" for name in ("jets", "autonomy", "workers_12000", "workers_25000"))
    page = open_page(f"scenarios?{many}&days=29&paths=20")
    *filled, last = PdfReader(BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages
    assert filled
    for each in (*filled, last):
        margin = 12 / 25.4 * 72
        assert each.mediabox.width > each.mediabox.height  # nine columns have their room
        assert all(margin - 1 < right < each.mediabox.width - margin for right, _ in placed(each))
    for each in filled:
        assert min(down for _, down in placed(each)) < each.mediabox.height / 6
    assert "To keep" not in plain("".join(each.extract_text() for each in (*filled, last)))


def plain(text: str) -> str:
    """With what printing joins or keeps together told apart: "fi" as two letters, one kind of space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def said(page: Page, selector: str) -> str:
    return plain(page.locator(selector).inner_text())
