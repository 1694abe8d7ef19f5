"""The page for everybody: without sight, without a network, in either language, in either theme."""

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from features.scenarios import bundled_scenarios, load_scenario
from forecasting.answers.defences import bundled_defence
from forecasting.report.language import translator
from forecasting.report.layout import QUANTITIES
from forecasting.service.page import link as page_link
from forecasting.service.page.assumptions import holdables
from tests.forecasting.report.pictured import contrast
from tests.forecasting.service.page.pages import QUICK, page

SERVICE = Path(page_link.__file__).parent


@pytest.mark.parametrize("query", [QUICK, f"{QUICK}&scenario=north_korea_line&compare=none", "?days=0"])
def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere(client: httpx.Client, query: str) -> None:
    shown = page(client, query)
    assert not shown.all("style")
    assert [each["src"] for each in shown.all("script")] == [
        each["src"] for each in shown.all("script") if str(each["src"]).startswith("/static/")
    ]
    for tag, attributes in shown.elements:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}, tag
        for name in ("src", "srcset", "action", "href"):
            value = attributes.get(name)
            if value is not None and not (tag == "a" and attributes.get("rel") == "noreferrer"):
                assert re.match(r"[/#?]", value), (tag, value)
                assert not value.startswith("//")


@pytest.mark.parametrize(
    "query", [QUICK, f"{QUICK}&scenario=workers_25000&compare=published&leak=400&lang=uk", "?days=0"]
)
def test_the_page_is_built_for_those_who_do_not_see_it(client: httpx.Client, query: str) -> None:
    shown = page(client, query)
    assert len(shown.all("h1")) == len(shown.all("main")) == 1
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(" " not in str(each) for each in ids)
    labelled = {each.get("for") for each in shown.all("label")}
    for tag, attributes in shown.elements:
        if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden":
            named = attributes.get("id") in labelled or "aria-label" in attributes or "aria-labelledby" in attributes
            assert named, attributes
        for name in ("aria-describedby", "aria-labelledby"):
            assert set((attributes.get(name) or "").split()) <= set(ids)
        if (address := str(attributes.get("href", ""))).startswith("#"):
            assert address[1:] in ids
    assert len(shown.all("caption")) == len(shown.all("table"))
    assert all("scope" in each for each in shown.all("th"))
    assert all(each.get("alt") for each in shown.all("img"))


def test_the_language_is_chosen_by_the_address_and_else_by_the_browser(client: httpx.Client) -> None:
    ukrainian = page(client, QUICK, headers={"Accept-Language": "uk-UA,uk;q=0.9,en;q=0.5"})
    assert ukrainian.one("html", lang="uk")
    assert "План на 28 діб атак" in ukrainian.text
    english = page(client, f"{QUICK}&lang=en", headers={"Accept-Language": "uk"})
    assert english.one("html", lang="en")
    assert page(client, QUICK, headers={"Accept-Language": "fr"}).one("html", lang="en")
    assert page(client, f"{QUICK}&days=0&lang=uk").status == 422


class English(HTMLParser):
    """The texts of a page that are in English, but for those that are marked so or are no words: names in code, in the
    fields of a form, and of sources."""

    names = re.compile(
        r"[Ss]alvocast( ingest kaggle)?|English|/day|/year|python|numpy|scipy|statsmodels"
        r"|Massive Missile Attacks on Ukraine|Kaggle|piterfm\S*"
        r"|[a-z]+(_[a-z0-9]+)+|AIM|IRIS|Stinger|Martlet|Skyranger|VAMPIRE|NASAMS|Geran|publisched|many|shahed,cruise,ballistic|"
        + rf"\b({'|'.join(bundled_scenarios())})\b"
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.found: list[str] = []
        self.marked = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag not in ("meta", "link", "input", "img", "source", "br"):
            self.open.append((tag, attributes))
        for name in ("alt", "aria-label", "title", "placeholder", "aria-valuetext", "data-unit"):
            if "data-id" not in attributes:
                self._look(attributes.get(name) or "")

    def handle_endtag(self, tag: str) -> None:
        while self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        marked = [tag for tag, attributes in self.open if attributes.get("lang") == "en"]
        if marked:
            titles = any(attributes.get("role") == "tooltip" for _, attributes in self.open)  # of sources
            if marked == ["span"] and not titles:
                self.found.append(data)
            self.marked += bool(data.strip())
        elif not any(tag in ("code", "option") for tag, _ in self.open):
            self._look(data)

    def _look(self, text: str) -> None:
        if re.search(r"[A-Za-z][a-z]{3,}", self.names.sub("", text)):
            self.found.append(" ".join(text.split()))


@pytest.mark.parametrize(
    "query",
    [
        "scenario=workers_25000&compare=published&leak=400&days=60",
        "scenario=north_korea_line&days=330&leak=30000&origin=2025-09-01",
        "days=0&stock.fighter=many",
        "scenario=publisched",
        "origin=2030-01-01",
    ],
)
def test_nothing_is_left_in_english_on_the_ukrainian_page(client: httpx.Client, query: str) -> None:
    shown = English(client.get(f"/{QUICK}&lang=uk&{query}", timeout=120).text)
    assert shown.found == []
    assert shown.marked  # titles of sources, the texts of files


def test_text_can_be_read_on_each_background_in_both_themes() -> None:
    css = (SERVICE / "static" / "page.css").read_text(encoding="utf-8")
    pairs = dict(re.findall(r"--([a-z-]+): (light-dark\([^)]*\))", css))
    colours = {name: re.findall(r"#[0-9a-f]{6}", pair) for name, pair in pairs.items()}
    for theme in (0, 1):
        for text in ("ink", "faint", "link", "warn"):
            for back in ("back", "raised", "wanted", "warn-back"):
                assert contrast(colours[text][theme], colours[back][theme]) >= 4.5, (text, back, theme)
        assert contrast(colours["on-accent"][theme], colours["accent"][theme]) >= 4.5
        for edge in ("edge", "accent"):  # of fields, and of what has the focus: WCAG 2.1, 1.4.11
            assert contrast(colours[edge][theme], colours["back"][theme]) >= 3


def test_every_text_of_the_page_is_translated() -> None:
    said: list[str] = list(page_link.EXPECTED.values())
    plurals: list[tuple[str, str]] = []
    for file in [*(SERVICE / "templates").iterdir(), *SERVICE.glob("*.py")]:
        text = re.sub(r'"\s*\n\s*"', "", file.read_text(encoding="utf-8"))
        said += re.findall(r"""\bt\(\s*"([^"]+)\"""", text) + re.findall(r"""\bt\(\s*'([^']+)'""", text)
        said += re.findall(r'translator\([^)]*\)\("([^"]+)"', text)
        plurals += re.findall(r't\.plural\(\s*"([^"]+)", "([^"]+)"', text)
    said += re.findall(r'FieldProblem\([^,]*, "([^"]+)"\)?', (SERVICE / "link.py").read_text(encoding="utf-8"))
    assert len(said) > 150
    assert plurals
    # What the bundled files say: names of layers, scenarios and assumptions.
    stated: list[str] = []
    for name in bundled_scenarios():
        scenario = load_scenario(name)
        stated.append(scenario.title)
        for theatre in scenario.theatre_ids:
            for each in holdables(scenario, theatre, date(2027, 3, 1), {}):
                said += [each.quantity, each.unit]
    for layer in bundled_defence("ukraine").layers:
        stated += [layer.name, *([layer.interceptor] if layer.interceptor else [])]
    said += [*QUANTITIES.values(), "reported", "derived", "assumed"]
    words = translator("uk")
    assert not {text for text in said if words.gettext(text) == text}
    assert not {text for text in stated if words.stated(text) == text}
    assert not {one for one, many in plurals if words.ngettext(one, many, 5) in (one, many)}
