"""The pictures of a backtest: which are made, and that processes make the same ones."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from experiments.backtest import Replay, Series, run_backtest, run_backtests
from experiments.engine import beside
from experiments.pictures import MOST_LINES, backtest_pictures, fan_chart, skill_picture, summary_picture
from features.history import LaunchHistory
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import SimulationRequest, load_model

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
REPLAY = Replay(SimulationRequest(7, 50), seed=1)


@pytest.fixture
def rough_pictures() -> None:
    """None: they are drawn."""


def test_each_model_has_its_pictures_of_the_forecasts_that_were_scored_by_whoever_draws_them(
    history_from: HistoryFrom,
) -> None:
    truth = history_from(np.random.default_rng(1).integers(50, 150, size=100).astype(float))
    origins = [date(2025, 3, 1) + timedelta(days=14 * step) for step in range(2)]
    # The second needs more days than there are, so it has nothing to show.
    models = [load_model("empirical_window"), load_model("gradient_boosting")]
    result = run_backtest(truth.until, truth, models, origins, REPLAY)
    histories = [truth.until(origin) for origin in origins]
    made = backtest_pictures(result, models, histories, REPLAY)  # forecast again, and drawn here
    forecasts: dict[tuple[str, date], Callable[[], bytes]] = {}
    with beside() as begin:

        def draw(salvos: SalvoForecast, history: LaunchHistory) -> None:
            forecasts[salvos.model_id, salvos.origin] = begin(fan_chart, salvos, history)

        series = [Series(truth.until, truth, origins)]
        run_backtests(series, models, REPLAY, shown=origins, on_forecast=draw)
        drawn = backtest_pictures(result, models, histories, REPLAY, begin, forecasts)
    assert {name: set(pictures) for name, pictures in made.items()} == {
        "": {"skill_by_horizon"},
        "empirical_window": {"summary", "fan_chart_2025-03-01", "fan_chart_2025-03-15"},
    }
    assert all(picture.startswith(b"\x89PNG") for pictures in made.values() for picture in pictures.values())
    assert set(forecasts) == {("empirical_window", origin) for origin in origins}
    assert drawn == made


def test_the_pictures_show_the_scores(history_from: HistoryFrom) -> None:
    truth = history_from(np.random.default_rng(2).integers(50, 150, size=100).astype(float))
    origins = [date(2025, 3, 1) + timedelta(days=7 * step) for step in range(4)]
    scores = run_backtest(truth.until, truth, [load_model("empirical_window")], origins, REPLAY).scores
    days = scores[~scores["band"].str.startswith("total")]
    skill, totals, pit, coverage = summary_picture(scores, scores).axes
    np.testing.assert_allclose(skill.lines[0].get_ydata(), np.ones(7))
    rows = scores[scores["band"] == "total_7"]
    drawn = {line.get_label(): line.get_ydata() for line in totals.lines}
    np.testing.assert_allclose(drawn["what came"], rows["observed"])
    ends = [segment[:, 1] for segment in totals.collections[0].get_segments()]
    np.testing.assert_allclose(ends, rows[["low_80", "high_80"]])
    np.testing.assert_allclose(
        [bar.get_height() for bar in pit.patches[:10]],
        np.histogram(days["pit"], bins=10, range=(0, 1), density=True)[0],
    )
    drawn = {line.get_label(): line.get_ydata() for line in coverage.lines}
    assert list(drawn["days"]) == [100 * days[f"coverage_{level}"].mean() for level in (50, 80, 95)]
    faster = pd.concat([scores.assign(model=f"made_{number:02}", wis=scores["wis"] * number) for number in range(20)])
    shown = [line.get_label() for line in skill_picture(faster, scores).axes[0].lines[:-1]]
    assert shown == [f"made_{number:02}" for number in range(MOST_LINES)]
