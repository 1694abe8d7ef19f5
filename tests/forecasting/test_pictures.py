"""Pictures: the same bytes each time, and nothing fetched from elsewhere."""

import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from features.errors import InputError
from features.history import LaunchHistory
from features.records import UKRAINE
from features.scenarios import load_scenario
from forecasting.model import SimulationRequest, forecast, load_model
from forecasting.plan import Plan
from forecasting.report.pictures import FORMATS, TORNADO_BARS, forecast_picture, plan_picture, rendered, tornado_picture
from forecasting.scenario_forecast import ScenarioRequest, SuppliedForecast, under_scenario
from forecasting.sensitivity import Sensitivity, Swing


def drawn(which: str, plan: Plan) -> Figure:
    return plan_picture(plan) if which == "plan" else forecast_picture(plan.forecast, plan.history)


@pytest.mark.parametrize("which", ["plan", "forecast"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_plan_gives_the_same_bytes(which: str, suffix: str, bundled_plan: Plan) -> None:
    first, again = (rendered(drawn(which, bundled_plan), suffix, "Title") for _ in range(2))
    assert first == again


@pytest.mark.parametrize(("which", "size"), [("plan", (1500, 1680)), ("forecast", (1500, 750))])
def test_a_png_opens_and_has_its_size(which: str, size: tuple[int, int], bundled_plan: Plan) -> None:
    content = rendered(drawn(which, bundled_plan), ".png", "Title")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == size
    assert content.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("which", ["plan", "forecast"])
def test_an_svg_is_xml_with_readable_text(which: str, bundled_plan: Plan) -> None:
    content = rendered(drawn(which, bundled_plan), ".svg", "Title")
    root = ElementTree.fromstring(content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "drones launched per attack day" in text
    assert "model empirical_window" in text
    for of_the_plan in ("service level 95%", "Held against 168 nights with reported losses", "last 28 nights"):
        assert (of_the_plan in text) == (which == "plan")


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


def test_an_html_page_fetches_nothing(bundled_plan: Plan) -> None:
    page = rendered(drawn("plan", bundled_plan), ".html", "A <plan> & more").decode()
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
def test_another_kind_of_file_is_refused(suffix: str, bundled_plan: Plan) -> None:
    with pytest.raises(InputError, match=r"expected one of \.png, \.svg, \.html"):
        rendered(drawn("forecast", bundled_plan), suffix, "Title")


def test_unknown_days_are_drawn_as_unknown_and_not_as_quiet(history_of: Callable[[Any], LaunchHistory]) -> None:
    counts = np.full(100, 50.0)
    counts[-20:-10] = np.nan
    for history, shown in ((history_of(counts), True), (history_of(np.full(100, 50.0)), False)):
        made = forecast(load_model("empirical_window"), history, SimulationRequest(5, 50), 1)
        svg = rendered(forecast_picture(made, history), ".svg", "Title").decode()
        assert ("not known" in svg) == shown


def test_a_plan_that_is_not_held_against_the_record_shows_no_reported_shares(bundled_plan: Plan) -> None:
    svg = rendered(plan_picture(replace(bundled_plan, calibration=None)), ".svg", "Title").decode()
    assert "service level 95%" in svg
    assert "reported losses" not in svg


def test_a_plan_without_stocks_can_be_drawn(bundled_plan: Plan) -> None:
    engagements = replace(bundled_plan.engagements, stocks=())
    assert rendered(plan_picture(replace(bundled_plan, engagements=engagements, orders=())), ".png", "Title")


@pytest.fixture(scope="module", params=["of the record", "of assumptions alone"])
def supplied(request: pytest.FixtureRequest, bundled_history: LaunchHistory) -> SuppliedForecast:
    """The forecast under a scenario, for the theatre on record and for one without."""
    theatre = UKRAINE if request.param == "of the record" else "south_korea"
    asked = ScenarioRequest(load_scenario("published"), load_scenario("north_korea_line"), theatre)
    salvos = forecast(load_model("empirical_window"), bundled_history, SimulationRequest(330, 50), 1)
    return under_scenario(salvos, bundled_history, asked)


def test_a_theatre_without_a_record_has_no_past_in_the_picture_and_says_so(
    supplied: SuppliedForecast, bundled_history: LaunchHistory
) -> None:
    axes = forecast_picture(supplied.forecast, bundled_history, supplied).axes[0]
    title = axes.get_title(loc="left")
    assert "scenario north_korea_line" in title
    if supplied.assumption_only:
        assert title.startswith("ASSUMPTIONS ONLY: south_korea")
        assert not axes.patches
    else:
        assert title.startswith("ukraine")
        heights = [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]
        assert heights == np.nan_to_num(bundled_history.launched[-60:]).tolist()


SWINGS = (Swing("widest", 80.0, 130.0), Swing("falling", 115.0, 90.0), Swing("least", 99.0, 101.0))


def tornado(swings: tuple[Swing, ...] = SWINGS, *, assumption_only: bool = False) -> Figure:
    return tornado_picture(Sensitivity("case", "ukraine", assumption_only, 91, 100.0, swings))


def test_the_bars_of_a_tornado_end_where_the_swings_do() -> None:
    axes = tornado().axes[0]
    lows, highs = axes.containers
    for bars, end in ((lows, "low"), (highs, "high")):
        # The first bar is the lowest in the picture.
        reached = [bar.get_x() + bar.get_width() for bar in bars]  # type: ignore[attr-defined]
        assert reached == [getattr(swing, end) for swing in reversed(SWINGS)]
        assert {bar.get_x() for bar in bars} == {100.0}  # type: ignore[attr-defined]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["least", "falling", "widest"]
    assert not axes.yaxis_inverted()
    # Low and high are told apart in black and white too.
    assert [{bar.get_hatch() for bar in bars} for bars in (lows, highs)] == [{None}, {"//"}]
    assert axes.get_title(loc="left") == "ukraine, scenario case: what moves the demand"
    assert "91 attack days" in axes.get_xlabel()


def test_a_tornado_has_room_for_the_widest_and_for_none() -> None:
    many = tuple(Swing(f"assumption {index}", 100.0 - index, 100.0 + index) for index in range(40, 0, -1))
    labels = [tick.get_text() for tick in tornado(many).axes[0].get_yticklabels()]
    assert labels == [f"assumption {index}" for index in range(41 - TORNADO_BARS, 41)]
    assert rendered(tornado(()), ".svg", "Title").startswith(b"<?xml")


def test_a_tornado_without_a_record_says_so() -> None:
    assert tornado(assumption_only=True).axes[0].get_title(loc="left").startswith("ASSUMPTIONS ONLY: ")


def test_the_same_tornado_gives_the_same_bytes() -> None:
    assert rendered(tornado(), ".svg", "Title") == rendered(tornado(), ".svg", "Title")
