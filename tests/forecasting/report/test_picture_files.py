"""Pictures as files: the same bytes each time, opened by anything, and nothing fetched from elsewhere."""

import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from features.errors import InputError
from forecasting.report.pictures import (
    FORMATS,
    PICTURES,
    render,
    tornado_picture,
)
from tests.forecasting.report.pictured import SENSITIVITY, drawn

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def svg(pictured: dict[str, Any]) -> Callable[..., bytes]:
    """svg(name): a picture in English, light and wide; drawn once."""
    return cache(lambda name: render(drawn(name, pictured), ".svg", "A <plan> & more", "What it says"))


@pytest.mark.parametrize("suffix", [each for each in FORMATS if each != ".svg"])
def test_the_same_picture_gives_the_same_file(suffix: str, pictured: dict[str, Any]) -> None:
    """Of .svg, see below."""
    assert render(drawn("frontier", pictured), suffix, "T") == render(drawn("frontier", pictured), suffix, "T")


@pytest.mark.parametrize(
    ("name", "narrow", "size"),
    [("plan", False, (1500, 3120)), ("forecast", False, (1500, 720)), ("forecast", True, (562, 1140))],
)
def test_a_png_opens_and_has_its_size(name: str, narrow: bool, size: tuple[int, int], pictured: dict[str, Any]) -> None:
    content = render(drawn(name, pictured, narrow=narrow), ".png", "Title")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == size
    assert content.endswith(b"IEND\xaeB`\x82")


def test_an_svg_has_a_title_a_description_and_readable_text(svg: Callable[..., bytes]) -> None:
    root = ElementTree.fromstring(svg("plan"))
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    named = {
        node.attrib["id"]: node.text for node in (root.find(f"{SVG}title"), root.find(f"{SVG}desc")) if node is not None
    }
    assert [named[name] for name in root.attrib["aria-labelledby"].split()] == ["A <plan> & more", "What it says"]
    text = " ".join("".join(node.itertext()) for node in root.iter(f"{SVG}text"))
    for part in ("Drones launched per attack day", "model empirical_window", "service level 95", "168 nights"):
        assert part in text


@pytest.mark.parametrize("name", PICTURES)
def test_an_svg_runs_nothing_and_refers_to_nothing_outside(name: str, svg: Callable[..., bytes]) -> None:
    text = svg(name).decode()
    assert "<!DOCTYPE" not in text
    for node in ElementTree.fromstring(text).iter():
        assert node.tag.rpartition("}")[2] not in {"script", "foreignObject", "image", "metadata", "a"}
        for attribute, value in node.attrib.items():
            assert not attribute.startswith("on")
            if attribute.endswith("href"):
                assert value.startswith("#")
            assert not re.search(r"url\((?!#)", value)
    assert "@import" not in text


class Links(HTMLParser):
    """Everything that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = {"src", "href", "xlink:href", "data", "action", "srcset", "poster"}
        self.fetched += [value or "" for name, value in attrs if name in names]


def test_an_html_page_fetches_nothing(pictured: dict[str, Any]) -> None:
    page = render(drawn("plan", pictured), ".html", "A <plan> & more").decode()
    links = Links()
    links.feed(page)
    assert links.fetched  # the markers of the picture refer to one another
    assert all(link.startswith("#") for link in links.fetched)
    assert not {"script", "link", "iframe", "img", "base"} & set(links.tags)
    assert "@import" not in page
    assert not re.search(r"url\((?!#|['\"]?#)", page)
    assert "<title>A &lt;plan&gt; &amp; more</title>" in page
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") == page.count("</svg>") == 1


@pytest.mark.parametrize("suffix", [".pdf", "", ".PNG", ".jpeg"])
def test_another_kind_of_file_is_refused(suffix: str) -> None:
    with pytest.raises(InputError, match=r"expected one of \.png, \.svg, \.html"):
        render(tornado_picture(SENSITIVITY), suffix, "Title")


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_drawn_in_both_languages_themes_and_widths_to_the_same_bytes(
    name: str, pictured: dict[str, Any], svg: Callable[..., bytes]
) -> None:
    """Nothing of the first is left when it is drawn again, whatever was drawn between."""
    other = render(drawn(name, pictured, theme="dark", language="uk", narrow=True), ".svg", name)
    again = render(drawn(name, pictured), ".svg", "A <plan> & more", "What it says")
    assert svg(name) == again
    for language, content in (("en", again), ("uk", other)):
        text = "".join(ElementTree.fromstring(content).itertext())
        assert bool(re.search("[а-яії]", text)) == (language == "uk")
