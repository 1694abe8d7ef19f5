"""Pictures: what is drawn is what the document says, the same bytes each time, and nothing fetched from elsewhere."""

import itertools
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from features.errors import InputError
from features.history import LaunchHistory
from features.records import UKRAINE
from features.scenarios import load_scenario
from forecasting.model import SimulationRequest, forecast, load_model
from forecasting.plan import Plan
from forecasting.report.document import ForecastDocument, PlanDocument, forecast_document, plan_document
from forecasting.report.drawing import DASHES, THEMES, text_width, wrapped
from forecasting.report.parts import Spread, spread
from forecasting.report.pictures import (
    FORMATS,
    MOST_LINES,
    PICTURES,
    TORNADO_BARS,
    calibration_picture,
    comparison_picture,
    forecast_picture,
    largest_day_picture,
    pictures_of,
    plan_picture,
    rendered,
    stock_out_picture,
    tornado_picture,
    track_record_picture,
)
from forecasting.scenario_forecast import ScenarioRequest, under_scenario
from forecasting.sensitivity import Sensitivity, Swing
from forecasting.track_record import PastForecast, TrackRecord

SVG = "{http://www.w3.org/2000/svg}"
ORIGIN = date(2026, 2, 28)


@pytest.fixture(scope="module")
def document(bundled_plan: Plan) -> PlanDocument:
    return plan_document(bundled_plan)


@pytest.fixture(scope="module")
def supplied(bundled_history: LaunchHistory) -> Callable[[str], ForecastDocument]:
    """The forecast under a scenario for a theatre; south_korea has no record of its own."""

    def make(theatre: str) -> ForecastDocument:
        asked = ScenarioRequest(load_scenario("published"), load_scenario("north_korea_line"), theatre)
        salvos = forecast(load_model("empirical_window"), bundled_history, SimulationRequest(330, 50), 1)
        made = under_scenario(salvos, bundled_history, asked)
        return forecast_document(made.forecast, made)

    return make


SWINGS = (Swing("widest", 80.0, 130.0), Swing("falling", 115.0, 90.0), Swing("least", 99.0, 101.0))
SENSITIVITY = Sensitivity("case", "ukraine", False, 91, 100.0, SWINGS)


def past_forecast(step: int, horizon: int, observed: float) -> PastForecast:
    sample = np.arange(100, 500) + 10 * step
    return PastForecast(ORIGIN - timedelta(days=7 * step), horizon, spread(sample), observed, 30.0, 40.0)


RECORD = TrackRecord(
    "salvo_ensemble",
    tuple(past_forecast(step, 7, 250.0) for step in range(4, 0, -1)),
    tuple(past_forecast(step, horizon, 300.0) for step in range(4, 0, -1) for horizon in range(1, 8)),
    (),
)


@pytest.fixture(scope="module")
def inputs(document: PlanDocument, bundled_history: LaunchHistory) -> dict[str, Any]:
    """What the pictures are drawn of, by the names that PICTURES gives."""
    other = document.model_copy(update={"forecast": document.forecast.model_copy(update={"model_id": "other"})})
    return {
        "document": document,
        "other": other,
        "past": bundled_history,
        "sensitivity": SENSITIVITY,
        "record": RECORD,
    }


def drawn(name: str, inputs: dict[str, Any], **look: Any) -> Figure:
    picture = PICTURES[name]
    return picture.draw(*(inputs[taken] for taken in picture.takes), **look)


def height_at(vertices: np.ndarray, day: date) -> tuple[float, float]:  # type: ignore[type-arg]
    """The lowest and the highest edge of a band above the middle of that day."""
    x = (day - date(1970, 1, 1)).days
    ys = []
    for (x0, y0), (x1, y1) in itertools.pairwise(vertices):
        if y0 == y1 and min(x0, x1) <= x <= max(x0, x1):
            ys.append(y0)
    return min(ys), max(ys)


def labelled(axes: Axes, label: str) -> Any:
    handles, labels = axes.get_legend_handles_labels()
    return handles[labels.index(label)]


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_drawn_in_both_languages_themes_and_widths_to_the_same_bytes(
    name: str, inputs: dict[str, Any]
) -> None:
    for language, theme, narrow in (("en", "light", False), ("uk", "dark", True)):
        first, again = (
            rendered(drawn(name, inputs, theme=theme, language=language, narrow=narrow), ".svg", name) for _ in range(2)
        )
        assert first == again
        text = "".join(ElementTree.fromstring(first).itertext())
        assert bool(re.search("[а-яії]", text)) == (language == "uk")


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("language", ["en", "uk"])
@pytest.mark.parametrize("narrow", [False, True])
def test_no_text_runs_out_of_a_picture_or_into_another(
    name: str, language: str, narrow: bool, inputs: dict[str, Any]
) -> None:
    figure = drawn(name, inputs, language=language, narrow=narrow)
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = []
    for axes in figure.axes:
        legend = axes.get_legend()
        ticks = [
            label
            for axis in (axes.xaxis, axes.yaxis)
            for label, place in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
            if min(axis.get_view_interval()) <= place <= max(axis.get_view_interval())
        ]
        texts = [axes._left_title, *axes.texts, *ticks]  # type: ignore[attr-defined]
        parts = [text for text in texts if text.get_text()]
        boxes += [part.get_window_extent() for part in [*parts, *([legend] if legend else [])]]
    boxes += [legend.get_window_extent() for part in figure.subfigs for legend in part.legends]
    for box in boxes:
        assert box.x0 >= page.x0 - 2
        assert box.x1 <= page.x1 + 6  # the label of the last tick may lean out a little
        assert box.y0 >= page.y0 - 2
        assert box.y1 <= page.y1 + 2
    for one, other in itertools.combinations(boxes, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        along = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 2 or along <= 3


def test_the_fan_is_as_high_as_the_intervals_of_the_document(
    document: PlanDocument, bundled_history: LaunchHistory
) -> None:
    axes = forecast_picture(document, bundled_history).axes[0]
    widest, middle, inner = axes.collections
    for shape, level in ((widest, 0.95), (middle, 0.8), (inner, 0.5)):
        assert shape.get_label() == f"{level:.0%}".replace("%", "\u00a0% of futures")
        for day in document.forecast.days[1:-1]:
            interval = day.drones.interval(level)
            assert height_at(shape.get_paths()[0].vertices, day.attack_day) == (interval.low, interval.high)
    median = labelled(axes, "median")
    assert list(median.get_ydata()) == [day.drones.median for day in document.forecast.days]
    (line,) = (line for line in axes.lines if line.get_linestyle() == "--")
    assert set(line.get_ydata()) == {document.forecast.massed_strikes.threshold_drones}


def test_a_band_looks_as_it_does_in_the_legend() -> None:
    for theme in THEMES.values():
        outer, middle, inner = theme.bands
        assert all(len(colour) == 3 for colour in theme.bands)  # opaque: no mixture with the band below
        steps = [np.linalg.norm(np.subtract(one, other)) for one, other in ((outer, middle), (middle, inner))]
        assert min(steps) > 0.1


def test_massed_strikes_of_the_past_are_marked(document: PlanDocument, bundled_history: LaunchHistory) -> None:
    axes = forecast_picture(document, bundled_history).axes[0]
    last = bundled_history.launched[-60:]
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    assert [bar.get_height() for bar in bars] == np.nan_to_num(last).tolist()
    orange = to_rgb(THEMES["light"].orange)
    marked = [bar.get_facecolor()[:3] == orange for bar in bars]
    assert marked == (last >= document.forecast.massed_strikes.threshold_drones).tolist()
    assert any(marked)
    assert not all(marked)


def test_what_came_after_an_archived_forecast_is_drawn_over_it(
    history_of: Callable[[Any], LaunchHistory],
) -> None:
    history = history_of(np.arange(100.0, 200.0))  # ends on 2026-02-28
    origin = ORIGIN - timedelta(days=10)
    made = forecast(load_model("empirical_window"), history.until(origin), SimulationRequest(28, 50), 1)
    axes = forecast_picture(forecast_document(made), history).axes[0]
    came = np.array(labelled(axes, "reported since").get_ydata())
    np.testing.assert_array_equal(came[:10], history.launched[-10:])
    assert np.isnan(came[10:]).all()
    assert labelled(axes, "reported").patches[-1].get_height() == history.launched[-11]
    live = forecast_picture(forecast_document(made), history.until(origin)).axes[0]
    assert "reported since" not in live.get_legend_handles_labels()[1]


def test_unknown_days_are_drawn_as_unknown_and_not_as_quiet(history_of: Callable[[Any], LaunchHistory]) -> None:
    counts = np.full(100, 50.0)
    counts[-20:-10] = np.nan
    for history, shown in ((history_of(counts), True), (history_of(np.full(100, 50.0)), False)):
        made = forecast(load_model("empirical_window"), history, SimulationRequest(5, 50), 1)
        axes = forecast_picture(forecast_document(made), history).axes[0]
        assert ("not known" in axes.get_legend_handles_labels()[1]) == shown


def test_the_runway_is_the_chance_of_the_document(document: PlanDocument) -> None:
    axes = stock_out_picture(document).axes[0]
    stocks = [layer for layer in document.layers if layer.opening_stock]
    assert len(axes.lines) == len(stocks) + 1
    for layer in stocks:
        shown = np.array(labelled(axes, layer.name).get_ydata()) / 100
        np.testing.assert_allclose(shown, [day.probability[layer.layer] for day in document.stock_out])
    level = labelled(axes, "service level 95\u00a0%")
    np.testing.assert_allclose(level.get_ydata(), 5.0)
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == len(axes.lines)


def test_of_many_stocks_those_that_run_short_soonest_are_drawn_and_the_rest_is_told(document: PlanDocument) -> None:
    one = next(layer for layer in document.layers if layer.opening_stock)
    layers = [one.model_copy(update={"layer": f"l{n}", "name": f"Layer {n}"}) for n in range(MOST_LINES + 3)]
    chances = {f"l{n}": n / 100 for n in range(MOST_LINES + 3)}
    days = [day.model_copy(update={"probability": chances}) for day in document.stock_out]
    axes = stock_out_picture(document.model_copy(update={"layers": layers, "stock_out": days})).axes[0]
    labels = axes.get_legend_handles_labels()[1]
    assert labels[:-1] == [f"Layer {n}" for n in range(MOST_LINES + 2, 2, -1)]
    assert "3 stocks that last longer are left out" in axes.texts[0].get_text()


def test_the_calibration_shows_the_shares_of_the_document(document: PlanDocument) -> None:
    axes = calibration_picture(document).axes[0]
    assert document.calibration is not None
    periods = [share for share in document.calibration.shares if share.n_nights]
    reported = labelled(axes, "reported")
    np.testing.assert_allclose(reported.get_xdata(), [100 * share.reported_low for share in periods])
    for name, label in (("stated", "ranges as stated, 80 %"), ("calibrated", "calibrated, 80 %")):
        middle, _, (bars,) = labelled(axes, label).lines
        np.testing.assert_allclose(middle.get_xdata(), [100 * getattr(share, name).p50 for share in periods])
        ends = [(100 * getattr(share, name).p10, 100 * getattr(share, name).p90) for share in periods]
        np.testing.assert_allclose([segment[:, 0] for segment in bars.get_segments()], ends)
    names = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert names[0] == "Sept 2025"
    assert names[-2:] == ["last 28 nights", "nights of 400 and more"]
    assert axes.yaxis_inverted()  # the first period on top


def test_the_largest_day_is_that_of_the_document_beside_the_largest_reported(
    document: PlanDocument, bundled_history: LaunchHistory
) -> None:
    axes = largest_day_picture(document, bundled_history).axes[0]
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    expected = [
        (interval.low, interval.high)
        for window in document.forecast.windows
        for interval in (window.largest_day_drones.interval(level) for level in (0.95, 0.8, 0.5))
    ]
    assert [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars] == expected
    reported = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"]  # type: ignore[index]
    assert reported == [np.nanmax(bundled_history.launched[-n:]) for n in (7, 28)]


def test_a_comparison_has_one_scale_and_each_stock_its_colour(inputs: dict[str, Any]) -> None:
    document: PlanDocument = inputs["document"]
    reordered = document.model_copy(update={"layers": document.layers[::-1]})
    figure = comparison_picture(document, reordered, inputs["past"])
    first, second, third, fourth = figure.axes
    for one, other in ((first, second), (third, fourth)):
        assert one.get_xlim() == other.get_xlim()
        assert one.get_ylim() == other.get_ylim()
    styles = [
        {line.get_label(): (line.get_color(), line.get_linestyle()) for line in axes.lines} for axes in (third, fourth)
    ]
    assert styles[0] == styles[1]
    assert len(figure.subfigs) == 2
    forecasts_only = comparison_picture(document.forecast, reordered, inputs["past"])
    assert len(forecasts_only.axes) == 2


def test_a_comparison_shows_what_is_higher_as_higher(document: PlanDocument, bundled_history: LaunchHistory) -> None:
    def raised(shown: Spread) -> Spread:
        ends = [{"level": each.level, "low": 2 * each.low, "high": 2 * each.high} for each in shown.intervals]
        return Spread.model_validate({"median": 2 * shown.median, "intervals": ends})

    days = [day.model_copy(update={"drones": raised(day.drones)}) for day in document.forecast.days]
    other = document.forecast.model_copy(update={"days": days})
    for pair in ((document.forecast, other), (other, document.forecast)):
        one, two = comparison_picture(*pair, bundled_history).axes
        highest = max(day.drones.interval(0.95).high for day in days)
        assert one.get_ylim()[1] > highest
        assert one.get_ylim() == two.get_ylim()


def test_the_track_record_shows_forecasts_and_what_came() -> None:
    above, below = track_record_picture(RECORD).axes
    for axes, targets in ((above, RECORD.totals), (below, RECORD.days)):
        np.testing.assert_array_equal(labelled(axes, "what came").get_ydata(), [each.observed for each in targets])
        bars = labelled(axes, "80\u00a0% of futures").patches
        intervals = [target.forecast.interval(0.8) for target in targets]
        assert [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in bars] == [(i.low, i.high) for i in intervals]
        assert "75\u00a0% of that of the reference" in axes.texts[0].get_text()
    with pytest.raises(InputError, match="ingest more reports"):
        track_record_picture(TrackRecord("salvo_ensemble", (), (), ()))


def test_a_theatre_without_a_record_has_no_past_in_the_picture_and_says_so(
    supplied: Callable[[str], ForecastDocument], bundled_history: LaunchHistory
) -> None:
    alone = forecast_picture(supplied("south_korea"), bundled_history).axes[0]
    assert alone.texts[0].get_text().startswith("ASSUMPTIONS ONLY: South Korea")
    assert not alone.patches
    largest = largest_day_picture(supplied("south_korea"), bundled_history).axes[0]
    assert not any(line.get_marker() == "D" for line in largest.lines)
    with_record = forecast_picture(supplied(UKRAINE), bundled_history).axes[0]
    assert with_record.texts[0].get_text().startswith("Ukraine")
    assert "scenario north_korea_line" in with_record.texts[0].get_text()
    assert with_record.patches


def test_the_pictures_of_a_document_are_those_that_can_be_drawn(inputs: dict[str, Any]) -> None:
    document: PlanDocument = inputs["document"]
    bare = document.model_copy(update={"calibration": None, "stock_out": []})
    assert pictures_of(document) == ("forecast", "stock_out", "largest_day", "calibration", "plan")
    assert pictures_of(bare) == ("forecast", "largest_day", "plan")
    assert pictures_of(document.forecast) == ("forecast", "largest_day")
    for name in pictures_of(bare):
        assert drawn(name, inputs | {"document": bare}).axes
    assert len(plan_picture(document, inputs["past"]).axes) == 3
    assert len(plan_picture(bare, inputs["past"]).axes) == 1
    with pytest.raises(InputError, match="not held against the reported losses"):
        calibration_picture(bare)
    with pytest.raises(InputError, match="no layer of this plan has interceptors"):
        stock_out_picture(bare)


def test_every_picture_is_told_in_words(inputs: dict[str, Any]) -> None:
    said = {name: picture.describe(*(inputs[taken] for taken in picture.takes)) for name, picture in PICTURES.items()}
    document: PlanDocument = inputs["document"]
    first = document.forecast.days[0].drones.interval(0.8)
    assert f"1 March 2026: {first.low:.0f} to {first.high:.0f} (80\u00a0%)" in said["forecast"]
    assert "Reported on the last 60 days: 37 to 450 a day." in said["forecast"]
    assert "Light missiles" in said["stock_out"]
    assert "7 days:" in said["largest_day"]
    assert "reported in as many before 420" in said["largest_day"]
    assert "168 nights" in said["calibration"]
    assert all(said[part] in said["plan"] for part in ("forecast", "stock_out", "calibration"))
    assert said["comparison"].count("Fan chart") == 2
    assert "widest: 80 to 130" in said["sensitivity"]
    assert "4 forecasts" in said["track_record"]
    assert "28 forecasts" in said["track_record"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_plan_gives_the_same_file(suffix: str, inputs: dict[str, Any]) -> None:
    assert rendered(drawn("plan", inputs), suffix, "T") == rendered(drawn("plan", inputs), suffix, "T")


@pytest.mark.parametrize(
    ("name", "narrow", "size"),
    [("plan", False, (1500, 1680)), ("forecast", False, (1500, 720)), ("forecast", True, (562, 660))],
)
def test_a_png_opens_and_has_its_size(name: str, narrow: bool, size: tuple[int, int], inputs: dict[str, Any]) -> None:
    content = rendered(drawn(name, inputs, narrow=narrow), ".png", "Title")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == size
    assert content.endswith(b"IEND\xaeB`\x82")


def test_an_svg_has_a_title_a_description_and_readable_text(inputs: dict[str, Any]) -> None:
    root = ElementTree.fromstring(rendered(drawn("plan", inputs), ".svg", "A <plan> & more", "What it says"))
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
def test_an_svg_runs_nothing_and_refers_to_nothing_outside(name: str, inputs: dict[str, Any]) -> None:
    svg = rendered(drawn(name, inputs), ".svg", name).decode()
    assert "<!DOCTYPE" not in svg
    for node in ElementTree.fromstring(svg).iter():
        assert node.tag.rpartition("}")[2] not in {"script", "foreignObject", "image", "metadata", "a"}
        for attribute, value in node.attrib.items():
            assert not attribute.startswith("on")
            if attribute.endswith("href"):
                assert value.startswith("#")
            assert not re.search(r"url\((?!#)", value)
    assert "@import" not in svg


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


def test_an_html_page_fetches_nothing(inputs: dict[str, Any]) -> None:
    page = rendered(drawn("plan", inputs), ".html", "A <plan> & more").decode()
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
        rendered(tornado_picture(SENSITIVITY), suffix, "Title")


def test_another_theme_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown theme 'darkk': did you mean dark"):
        tornado_picture(SENSITIVITY, theme="darkk")


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(colour)]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_everything_stands_out_from_the_background(theme: Any) -> None:
    for text in (theme.ink, theme.faint):
        assert contrast(text, theme.background) >= 4.5  # WCAG 2.1, 1.4.3
    for graphic in (theme.blue, theme.orange, theme.grey, *theme.lines):
        assert contrast(graphic, theme.background) >= 3  # 1.4.11


# Machado, Oliveira and Fernandes (2009), severity 1: protanopia, deuteranopia, tritanopia.
BLINDNESS = (
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
)


def seen(colour: str, matrix: Sequence[Sequence[float]]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The colour as seen, in CIE L*a*b* (D65)."""
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    ratio = xyz / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("matrix", BLINDNESS, ids=["protanopia", "deuteranopia", "tritanopia"])
def test_no_two_things_are_told_apart_by_a_colour_that_some_do_not_see(
    theme: Any, matrix: Sequence[Sequence[float]]
) -> None:
    def apart(one: str, other: str) -> float:
        return float(np.linalg.norm(seen(one, matrix) - seen(other, matrix)))

    assert min(apart(*pair) for pair in itertools.combinations((theme.blue, theme.orange, theme.grey), 2)) > 15
    for (i, one), (k, other) in itertools.combinations(enumerate(theme.lines), 2):
        if i % len(DASHES) == k % len(DASHES):
            assert apart(one, other) > 15


def test_the_bars_of_a_tornado_end_where_the_swings_do() -> None:
    axes = tornado_picture(SENSITIVITY).axes[0]
    lows, highs = axes.containers
    for bars, end in ((lows, "low"), (highs, "high")):
        reached = [bar.get_x() + bar.get_width() for bar in bars]  # type: ignore[attr-defined]
        assert reached == [getattr(swing, end) for swing in SWINGS]
        assert {bar.get_x() for bar in bars} == {100.0}  # type: ignore[attr-defined]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["widest", "falling", "least"]
    assert axes.yaxis_inverted()  # the first on top
    # Low and high are told apart in black and white too.
    assert [{bar.get_hatch() for bar in bars} for bars in (lows, highs)] == [{""}, {"//"}]
    assert axes.get_title(loc="left") == "What moves the demand"
    assert axes.texts[0].get_text().startswith("Ukraine\u00a0· scenario case\ninterceptors needed over 91 attack days")


def test_a_tornado_has_room_for_the_widest_and_for_none() -> None:
    many = tuple(Swing(f"assumption_{index}", 100.0 - index, 100.0 + index) for index in range(40, 0, -1))
    axes = tornado_picture(replace(SENSITIVITY, swings=many)).axes[0]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == [f"assumption_{index}" for index in range(40, 40 - TORNADO_BARS, -1)]
    assert rendered(tornado_picture(replace(SENSITIVITY, swings=())), ".svg", "Title").startswith(b"<?xml")


def test_a_tornado_without_a_record_says_so() -> None:
    axes = tornado_picture(replace(SENSITIVITY, assumption_only=True)).axes[0]
    assert axes.texts[0].get_text().startswith("ASSUMPTIONS ONLY: ")


def test_lines_are_broken_where_the_room_ends() -> None:
    text = "a plan that is held against the record"
    for room in (40.0, 90.0, 200.0):
        lines = wrapped(text, room, 9.0)
        assert " ".join(lines) == text
        assert all(text_width(line, 9.0) <= room or " " not in line for line in lines)
        for line, following in itertools.pairwise(lines):  # none is broken before it must be
            assert text_width(f"{line} {following.split(' ')[0]}", 9.0) > room
    assert text_width("w", 9.0, "bold") > text_width("w", 9.0) > text_width("i", 9.0)


def test_dates_and_numbers_are_written_as_the_language_does(inputs: dict[str, Any]) -> None:
    texts = {}
    for language in ("en", "uk"):
        figure = drawn("sensitivity", inputs | {"sensitivity": replace(SENSITIVITY, base=2_000.0)}, language=language)
        figure.draw_without_rendering()
        numbers = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        figure = drawn("forecast", inputs, language=language)
        figure.draw_without_rendering()
        dates = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        texts[language] = numbers, dates
    assert "2,000" in texts["en"][0]
    assert "2\u00a0000" in texts["uk"][0]
    assert "1 Mar" in texts["en"][1]
    assert "1 бер." in texts["uk"][1]
