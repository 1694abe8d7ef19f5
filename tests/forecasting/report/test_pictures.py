"""Pictures: what is drawn is what the document says."""

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from features.errors import InputError
from features.history import LaunchHistory
from features.records import UKRAINE
from features.scenarios import load_scenario
from forecasting.plan import Plan
from forecasting.record.track_record import TrackRecord
from forecasting.report.document import ForecastDocument, PlanDocument, forecast_document, plan_document
from forecasting.report.drawing import THEMES
from forecasting.report.frontier_picture import frontier_picture
from forecasting.report.picture_panels import MOST_LINES
from forecasting.report.picture_words import TORNADO_BARS
from forecasting.report.pictures import (
    PICTURES,
    calibration_picture,
    comparison_picture,
    forecast_picture,
    largest_day_picture,
    pictures_of,
    plan_picture,
    render,
    stock_out_picture,
    supply_picture,
    tornado_picture,
    track_record_picture,
)
from forecasting.salvos.model import SimulationRequest, forecast, load_model
from forecasting.salvos.spread import Spread
from forecasting.supply.scenario_forecast import ScenarioRequest, under_scenario
from tests.forecasting.report.pictured import ORIGIN, RECORD, SENSITIVITY, SWINGS, drawn, swing
from tests.learning import prepared


@pytest.fixture(scope="module")
def document(bundled_plan: Plan) -> PlanDocument:
    return plan_document(bundled_plan)


@pytest.fixture(scope="module")
def supplied(bundled_history: LaunchHistory) -> Callable[[str], ForecastDocument]:
    """The forecast under a scenario for a theatre; south_korea has no record of its own."""

    def make(theatre: str) -> ForecastDocument:
        asked = ScenarioRequest(load_scenario("published"), load_scenario("north_korea_line"), theatre)
        model, request = load_model("empirical_window"), SimulationRequest(330, 50)
        if theatre == UKRAINE:  # what its record says is learned once
            return forecast_document(*prepared(model, bundled_history).forecast(request, 1, asked))
        made = under_scenario(forecast(model, bundled_history, request, 1), bundled_history, asked)
        return forecast_document(made.forecast, made)

    return make


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
    lines = [day.massed_from_drones for day in document.forecast.days]
    assert list(line.get_ydata()) == [document.forecast.massed_strikes.threshold_drones, *lines]


def test_the_running_total_stands_beside_that_of_as_many_days_before(
    document: PlanDocument, bundled_plan: Plan, bundled_history: LaunchHistory
) -> None:
    _, total = forecast_picture(document, bundled_history).axes
    running = bundled_plan.forecast.paths.cumsum(axis=1)
    days = document.forecast.days
    for shape, level in zip(total.collections, (0.95, 0.8, 0.5), strict=True):
        ends = np.quantile(running, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf").T
        for day, (low, high) in zip(days, ends, strict=True):
            x = (day.attack_day - date(1970, 1, 1)).days
            assert {low, high} <= {y for at, y in shape.get_paths()[0].vertices if at == x}
    before = labelled(total, "the 28 days before")
    np.testing.assert_array_equal(before.get_ydata(), bundled_history.launched[-28:].cumsum())
    assert total.lines[0].get_ydata()[-1] == document.forecast.windows[-1].total_drones.median
    told = document.forecast.model_copy(
        update={"days": [day.model_copy(update={"total_drones": None}) for day in days], "sample_futures": []}
    )
    assert len(forecast_picture(told, bundled_history).axes) == 1  # a document of before


def test_days_of_before_that_are_unknown_are_told_beside_their_total(
    history_of: Callable[[Any], LaunchHistory],
) -> None:
    counts = np.full(60, 50.0)
    counts[-3:-1] = np.nan
    history = history_of(counts)
    made = forecast_document(forecast(load_model("empirical_window"), history, SimulationRequest(5, 50), 1))
    total = forecast_picture(made, history).axes[1]
    assert list(labelled(total, "the 5 days before, 2 not known").get_ydata()) == [50, 100, 100, 100, 150]
    long = forecast_document(forecast(load_model("empirical_window"), history, SimulationRequest(61, 50), 1))
    assert not forecast_picture(long, history).axes[1].get_legend_handles_labels()[1]  # so many are not on record


def test_the_sample_futures_are_paths_whose_totals_are_the_quantiles(
    document: PlanDocument, bundled_plan: Plan, bundled_history: LaunchHistory
) -> None:
    paths = bundled_plan.forecast.paths
    fan = forecast_picture(document, bundled_history).axes[0]
    assert [each.total_share for each in document.forecast.sample_futures] == [0.2, 0.5, 0.8]
    for each in document.forecast.sample_futures:
        assert sum(each.drones) == np.quantile(paths.sum(axis=1), each.total_share, method="inverted_cdf")
        assert each.drones in paths.tolist()
        drawn_as = labelled(fan, f"one future: total above {each.total_share:.0%} of all".replace("%", "\u00a0%"))
        assert list(drawn_as.get_ydata()) == each.drones


def test_output_and_store_are_those_of_the_scenario(pictured: dict[str, Any]) -> None:
    document = pictured["document"].forecast
    output, store = supply_picture(document).axes
    months = document.supply.months
    at_origin = document.supply.capacity_stated.p50
    stated = labelled(output, "as stated").get_ydata()
    assert list(stated) == [at_origin, *(month.production_stated.p50 for month in months)]
    whole, *_ = store.collections
    ends = [[*(y for _, y in segment)] for segment in whole.get_segments()]
    assert ends == [[month.launchable_stock.p5, month.launchable_stock.p95] for month in months]


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


def test_a_comparison_has_one_scale_and_each_stock_its_colour(pictured: dict[str, Any]) -> None:
    document: PlanDocument = pictured["document"]
    reordered = document.model_copy(update={"layers": document.layers[::-1]})
    figure = comparison_picture(document, reordered, pictured["past"])
    first, second, third, fourth = figure.axes
    for one, other in ((first, second), (third, fourth)):
        assert one.get_xlim() == other.get_xlim()
        assert one.get_ylim() == other.get_ylim()
    styles = [
        {line.get_label(): (line.get_color(), line.get_linestyle()) for line in axes.lines} for axes in (third, fourth)
    ]
    assert styles[0] == styles[1]
    assert len(figure.subfigs) == 2
    forecasts_only = comparison_picture(document.forecast, reordered, pictured["past"])
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
        assert "75\u00a0% of that of the reference" in " ".join(axes.texts[0].get_text().split("\n"))
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


def test_the_pictures_of_a_document_are_those_that_can_be_drawn(pictured: dict[str, Any]) -> None:
    document: PlanDocument = pictured["document"]
    without = document.forecast.model_copy(update={"supply": None})
    bare = document.model_copy(update={"calibration": None, "stock_out": [], "order_worth": None, "forecast": without})
    assert pictures_of(document) == (
        "forecast",
        "stock_out",
        "largest_day",
        "frontier",
        "supply",
        "calibration",
        "plan",
    )
    assert pictures_of(bare) == ("forecast", "largest_day", "plan")
    assert pictures_of(document.forecast) == ("forecast", "largest_day", "supply")
    for name in pictures_of(bare):
        assert drawn(name, pictured | {"document": bare}).axes
    assert len(plan_picture(document, pictured["past"]).axes) == 6
    assert len(plan_picture(bare, pictured["past"]).axes) == 2
    with pytest.raises(InputError, match="under no scenario"):
        supply_picture(bare)
    with pytest.raises(InputError, match="not held against the reported losses"):
        calibration_picture(bare)
    with pytest.raises(InputError, match="no layer of this plan has interceptors"):
        stock_out_picture(bare)


def test_the_frontier_marks_the_orders_and_the_points_beside_them_in_cost(pictured: dict[str, Any]) -> None:
    """Drawn is what the document says: each point at its cost, the orders between the next down and the next up."""
    document: PlanDocument = pictured["document"]
    worth = document.order_worth
    assert worth is not None
    assert worth.together.pieces
    leakers, risk = frontier_picture(document).axes
    for axes, by in ((leakers, "leakers"), (risk, "joint_risk")):
        points = [each for each in worth.frontier if each.by == by]
        curve, *marked = axes.get_lines()
        assert [*curve.get_xdata()] == [each.cost_usd / 1e6 for each in points]
        named = {str(line.get_label()): float(line.get_xdata()[0]) for line in marked}
        orders = named.pop("these orders")
        assert orders == worth.together.cost_usd / 1e6
        below = [each.cost_usd / 1e6 for each in points if each.cost_usd / 1e6 <= orders]
        above = [each.cost_usd / 1e6 for each in points if each.cost_usd / 1e6 > orders]
        assert named == {"next down": max(below)} | ({"next up": min(above)} if above else {})
    assert [*risk.get_lines()[0].get_ydata()] == [100 * each.joint_risk for each in points]
    with pytest.raises(InputError, match="no layer of this plan has interceptors"):
        frontier_picture(document.model_copy(update={"order_worth": None}))


def test_every_picture_is_told_in_words(pictured: dict[str, Any]) -> None:
    said = {name: picture.describe(*(pictured[taken] for taken in picture.takes)) for name, picture in PICTURES.items()}
    document: PlanDocument = pictured["document"]
    first = document.forecast.days[0].drones.rounded().interval(0.8)
    assert f"1 March 2026: {first.low:.0f} to {first.high:.0f} (80\u00a0%)" in said["forecast"]
    assert "Reported on the last 60 days: 37 to 450 a day." in said["forecast"]
    total = document.forecast.windows[-1].total_drones.rounded().interval(0.8)
    assert f"Running total by 28 March 2026: {total.low:,.0f} to {total.high:,.0f} (80" in said["forecast"]
    assert f"The 28 days before: {pictured['past'].launched[-28:].sum():,.0f}." in said["forecast"]
    largest = max(document.forecast.sample_futures[-1].drones)
    assert f"One future: total above 80\u00a0% of all: up to {largest} in a day." in said["forecast"]
    assert "as stated: 1,600 to 6,400 (90" in said["supply"]
    assert "as the record allows: 1,100 to 4,400 (90" in said["supply"]
    assert "drones in store that can be launched: 500 to 2,000 (90" in said["supply"]
    assert "Light missiles" in said["stock_out"]
    assert "7 days:" in said["largest_day"]
    assert "reported in as many before 420" in said["largest_day"]
    assert "168 nights" in said["calibration"]
    assert "armed drones get through with no order" in said["frontier"]
    assert all(said[part] in said["plan"] for part in ("forecast", "supply", "stock_out", "calibration"))
    assert said["comparison"].count("Fan chart") == 2
    assert "widest: 80 to 130" in said["sensitivity"]
    assert "4 forecasts" in said["track_record"]
    assert "28 forecasts" in said["track_record"]


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
    assert axes.get_title(loc="left") == "Armed drones that leak"
    assert axes.texts[0].get_text() == "Ukraine\u00a0· scenario case"


def test_a_tornado_has_room_for_the_widest_and_for_none() -> None:
    many = [swing(f"assumption_{index}", 100.0 - index, 100.0 + index) for index in range(40, 0, -1)]
    axes = tornado_picture(SENSITIVITY.model_copy(update={"swings": many})).axes[0]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == [f"assumption_{index}" for index in range(40, 40 - TORNADO_BARS, -1)]
    assert render(tornado_picture(SENSITIVITY.model_copy(update={"swings": []})), ".svg", "Title").startswith(b"<?xml")


def test_a_tornado_without_a_record_says_so() -> None:
    axes = tornado_picture(SENSITIVITY.model_copy(update={"assumption_only": True})).axes[0]
    assert axes.texts[0].get_text().startswith("ASSUMPTIONS ONLY: ")
