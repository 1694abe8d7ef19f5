"""The backtest: worked by hand, and blind to what came after each origin."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike, NDArray

from experiments.backtest import Backtest, FoldScores, Replay, run_backtest, score_band, score_path
from experiments.engine import Engine
from experiments.folds import Band, bands_within
from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.sources.bundled import read_bundled
from forecasting.salvos.model import REFERENCE_MODEL, ModelError, SimulationRequest, load_model

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
FIRST_DAY = date(2025, 1, 1)


@dataclass
class Fixed:
    """Forecasts the same members every day; writes down what it was shown; fails where it is told to."""

    members: tuple[int, ...] = (0, 10, 20, 30)
    model_id: str = "fixed"
    fails_on: tuple[date, ...] = ()
    seen: list[LaunchHistory] = field(default_factory=list)

    def fit(self, history: LaunchHistory) -> "Fixed":
        self.seen.append(history)
        if history.last_day in self.fails_on:
            raise ModelError(f"model {self.model_id} is told to fail")
        return self

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG002
        members = np.resize(np.array(self.members, dtype=np.int64), request.n_paths)
        return np.tile(members[:, np.newaxis], (1, request.horizon))


def day(index: int) -> date:
    """The day of that index in a history that starts on 2025-01-01."""
    return FIRST_DAY + timedelta(days=index)


def replayed(truth: LaunchHistory, models: list[Fixed], origins: list[date], horizon: int = 7) -> Backtest:
    return run_backtest(truth.until, truth, models, origins, Replay(SimulationRequest(horizon, 4), 1))


def test_a_tiny_backtest_worked_by_hand(history_from: HistoryFrom) -> None:
    """Members 0, 10, 20, 30 against 12 on day 1: every score from its formula on paper."""
    truth = history_from([*[5.0] * 10, 12.0])
    result = replayed(truth, [Fixed()], [day(9)], horizon=1)
    assert len(result.scores) == 1
    row = result.scores.iloc[0]
    assert (row["model"], row["origin"], row["band"], row["horizon"]) == ("fixed", day(9), "h1", 1)
    assert (row["observed"], row["median"]) == (12.0, 15.0)
    # mean |x - 12| = (12 + 2 + 8 + 18) / 4 = 10; pairs: 2 (10 + 20 + 30 + 10 + 20 + 10) / (2 * 4 * 3) = 200 / 24
    assert row["crps"] == pytest.approx(10 - 200 / 24)
    # Linear quantiles of 0, 10, 20, 30 are 30 p: 28.5 at 0.95, 29.7 at 0.99; the observation lies below both.
    assert row["pinball_95"] == pytest.approx(0.05 * (28.5 - 12))
    assert row["pinball_99"] == pytest.approx(0.01 * (29.7 - 12))
    levels = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99]
    losses = [level * (12 - 30 * level) if 30 * level <= 12 else (1 - level) * (30 * level - 12) for level in levels]
    assert row["wis"] == pytest.approx(2 * sum(losses) / 15)
    assert (row["coverage_50"], row["coverage_80"], row["coverage_95"]) == (1.0, 1.0, 1.0)


def test_a_miss_is_a_miss(history_from: HistoryFrom) -> None:
    result = replayed(history_from([*[5.0] * 10, 28.0]), [Fixed()], [day(9)], horizon=1)
    row = result.scores.iloc[0]
    # The central intervals of 0, 10, 20, 30 are 7.5 to 22.5, 3 to 27 and 0.75 to 29.25.
    assert (row["coverage_50"], row["coverage_80"], row["coverage_95"]) == (0.0, 0.0, 1.0)


def test_a_total_is_scored_as_the_sum_along_each_path() -> None:
    paths = np.array([[30, 0, 0], [0, 30, 0]])
    band = Band("total_3", 1, 3, total=True)
    rows = score_band(paths, np.array([1.0, 2.0, 3.0]), band, np.random.default_rng(1))
    assert len(rows) == 1
    # Both paths sum to 30: so does their median, while the medians of the days sum to 30 only by chance.
    assert (rows[0]["observed"], rows[0]["median"], rows[0]["crps"]) == (6.0, 30.0, 24.0)
    assert rows[0]["pinball_95"] == pytest.approx(0.05 * 24)
    assert rows[0]["horizon"] == 3


def test_bands_scored_together_have_the_rows_of_each_alone() -> None:
    rng = np.random.default_rng(8)
    paths = rng.negative_binomial(2, 0.02, (101, 28))
    observed = np.where(rng.random(28) < 0.1, np.nan, rng.negative_binomial(2, 0.02, 28))
    of_all, of_each = np.random.default_rng(1), np.random.default_rng(1)
    alone = [row for band in bands_within(28) for row in score_band(paths, observed, band, of_each)]
    assert score_path(paths, observed, of_all) == alone
    assert {row["band"] for row in alone} == {band.name for band in bands_within(28)}
    for row in alone:
        if row["band"] == "h8_14":
            of_day = paths[:, row["horizon"] - 1]
            assert row["median"] == np.median(of_day)
            assert [row["low_80"], row["high_95"]] == [np.quantile(of_day, (1 - 0.8) / 2), np.quantile(of_day, 0.975)]


def test_unknown_days_are_left_out_and_so_is_a_total_with_many(history_from: HistoryFrom) -> None:
    counts = np.full(30, 15.0)
    counts[[12, 14]] = np.nan  # days 3 and 5 after the first origin, more than a quarter of seven
    result = replayed(history_from(counts), [Fixed()], [day(9), day(19)])
    first = result.scores[result.scores["origin"] == day(9)]
    assert sorted(first.loc[first["band"] != "total_7", "horizon"]) == [1, 2, 4, 6, 7]
    assert "total_7" not in set(first["band"])
    second = result.scores[result.scores["origin"] == day(19)]
    assert len(second) == 8
    assert not result.scores.isna().any().any()


def test_a_total_is_that_of_the_days_that_are_known(history_from: HistoryFrom) -> None:
    counts = np.full(30, 15.0)
    counts[12] = np.nan
    scores = replayed(history_from(counts), [Fixed()], [day(9)]).scores
    total = scores[scores["band"] == "total_7"].iloc[0]
    by_day = scores[scores["band"] != "total_7"]
    assert total["observed"] == 6 * 15
    assert total["median"] == pytest.approx(6 * by_day["median"].iloc[0], rel=0.2)


def test_days_that_are_yet_to_come_are_left_out(history_from: HistoryFrom) -> None:
    result = replayed(history_from(np.full(20, 15.0)), [Fixed()], [day(16)])
    assert sorted(result.scores["horizon"]) == [1, 2, 3]


def test_what_is_observed_starts_the_day_after_the_origin(history_from: HistoryFrom) -> None:
    truth = history_from(np.arange(10))
    assert truth.after(day(3), 3).tolist() == [4, 5, 6]
    np.testing.assert_array_equal(truth.after(day(8), 3), [9, np.nan, np.nan])
    np.testing.assert_array_equal(truth.after(day(20), 2), [np.nan, np.nan])
    np.testing.assert_array_equal(truth.after(day(-3), 4), [np.nan, np.nan, 0, 1])
    np.testing.assert_array_equal(truth.after(day(-5), 4), np.full(4, np.nan))


def test_the_truth_never_reaches_a_model(ledger: Ledger) -> None:
    """The histories that a model is shown end at the origin, and are what the ledger says was published by then."""
    model = Fixed()
    origins = [date(2025, 3, 1), date(2025, 6, 15), date(2026, 1, 31)]
    with ledger:
        ledger.ingest(read_bundled(), datetime(2026, 3, 1, tzinfo=UTC))
        truth = ledger.history()
        run_backtest(
            lambda origin: ledger.history(origin=origin), truth, [model], origins, Replay(SimulationRequest(7, 4), 1)
        )
        published = [ledger.history(origin=origin).digest for origin in origins]
    assert [history.last_day for history in model.seen] == origins
    assert [history.digest for history in model.seen] == published


def test_other_truth_gives_other_scores_of_the_same_forecasts(history_from: HistoryFrom) -> None:
    truth = history_from(np.random.default_rng(1).poisson(20, 60))
    spiked = truth.launched.copy()
    spiked[41:] = 5_000
    models = [load_model(REFERENCE_MODEL)]
    replay = Replay(SimulationRequest(7, 50), 1)
    plain, moved = (
        run_backtest(truth.until, scored, models, [day(40)], replay) for scored in (truth, history_from(spiked))
    )
    assert plain.scores["median"].tolist() == moved.scores["median"].tolist()
    assert (moved.scores["wis"] > plain.scores["wis"]).all()


def test_a_failure_has_its_name_and_nothing_stands_in(history_from: HistoryFrom) -> None:
    truth = history_from(np.full(60, 15.0))
    origins = [day(20), day(30), day(40)]
    bad = Fixed(model_id="bad", fails_on=(day(30), day(40)))
    result = replayed(truth, [Fixed(model_id=REFERENCE_MODEL), bad], origins)
    assert result.failures.to_dict("records") == [
        {"model": "bad", "origin": origin, "reason": "model bad is told to fail"} for origin in origins[1:]
    ]
    assert set(result.scores.loc[result.scores["model"] == "bad", "origin"]) == {day(20)}
    board = result.leaderboard().set_index(["model", "band"])
    assert board.loc[("bad", "h1"), ["n_origins", "failed_origins"]].tolist() == [1, 2]
    assert board.loc[(REFERENCE_MODEL, "h1"), ["n_origins", "failed_origins"]].tolist() == [3, 0]


@pytest.mark.parametrize("broken", ["a word", None, [[1]], np.ones((4, 7))])
def test_what_are_no_paths_is_a_failure_too(history_from: HistoryFrom, broken: object) -> None:
    class Odd(Fixed):
        def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG002
            return broken  # type: ignore[return-value]

    models = [Odd(model_id="odd"), Fixed(model_id=REFERENCE_MODEL)]
    result = replayed(history_from(np.full(60, 15.0)), models, [day(20)])
    [failure] = result.failures.to_dict("records")
    assert failure["reason"].startswith("model odd gave ")
    assert set(result.scores["model"]) == {REFERENCE_MODEL}


def test_a_model_that_would_end_the_process_is_a_failure(history_from: HistoryFrom) -> None:
    class Leaving(Fixed):
        def fit(self, history: LaunchHistory) -> "Fixed":  # noqa: ARG002
            sys.exit("no licence")

    models = [Leaving(model_id="odd"), Fixed(model_id=REFERENCE_MODEL)]
    result = replayed(history_from(np.full(60, 15.0)), models, [day(20)])
    assert result.failures["reason"].item().endswith("(SystemExit: no licence)")


@pytest.mark.parametrize("step", ["fit", "simulate"])
def test_any_exception_of_a_model_is_a_failure_with_its_name_and_the_others_go_on(
    history_from: HistoryFrom, step: str
) -> None:
    class Singular(Fixed):
        def fit(self, history: LaunchHistory) -> "Fixed":
            if step == "fit" and history.last_day == day(20):
                raise ValueError("singular\nmatrix")
            return super().fit(history) and self

        def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
            if step == "simulate" and self.seen[-1].last_day == day(20):
                raise ValueError("singular\nmatrix")
            return super().simulate(request, rng)

    models = [Singular(model_id="odd"), Fixed(model_id=REFERENCE_MODEL)]
    result = replayed(history_from(np.full(60, 15.0)), models, [day(20), day(30)])
    [failure] = result.failures.to_dict("records")
    assert (failure["model"], failure["origin"]) == ("odd", day(20))
    assert failure["reason"].startswith("model odd cannot be ")
    assert failure["reason"].endswith(f"{day(20)} (ValueError: singular matrix)")
    scored = result.scores.groupby("model")["origin"].unique()
    assert set(scored["odd"]) == {day(30)}
    assert set(scored[REFERENCE_MODEL]) == {day(20), day(30)}


def test_when_every_model_fails_the_leaderboard_is_empty(history_from: HistoryFrom) -> None:
    result = replayed(history_from(np.full(60, 15.0)), [Fixed(fails_on=(day(20),))], [day(20)])
    assert len(result.failures) == 1
    board = result.leaderboard()
    assert board.empty
    assert {"model", "band", "wis", "wis_ratio", "coverage_80"} <= set(board.columns)


def test_the_leaderboard_holds_means_over_days_and_origins(history_from: HistoryFrom) -> None:
    truth = history_from(np.random.default_rng(1).poisson(15, 80))
    result = replayed(truth, [Fixed()], [day(20), day(30), day(40)])
    board = result.leaderboard().set_index("band")
    rows = result.scores[result.scores["band"] == "h2_7"]
    assert len(rows) == 18
    assert board.loc["h2_7", "wis"] == pytest.approx(rows["wis"].mean())
    assert board.loc["h2_7", "mae"] == pytest.approx((rows["observed"] - 15.0).abs().mean())
    assert board.loc["h2_7", "coverage_50"] == pytest.approx(rows["observed"].between(7.5, 22.5).mean())
    assert board["n_origins"].tolist() == [3, 3, 3]


def test_the_reference_is_measured_against_itself_as_one(history_from: HistoryFrom) -> None:
    truth = history_from(np.random.default_rng(1).poisson(15, 80))
    models = [Fixed(model_id=REFERENCE_MODEL), Fixed((10, 12, 18, 20), "narrow")]
    board = replayed(truth, models, [day(20), day(30)]).leaderboard().set_index(["model", "band"])
    assert board.loc[REFERENCE_MODEL, "wis_ratio"].tolist() == [1.0, 1.0, 1.0]
    assert board.loc[("narrow", "h1"), "wis_ratio"] == pytest.approx(
        board.loc[("narrow", "h1"), "wis"] / board.loc[(REFERENCE_MODEL, "h1"), "wis"]
    )


def test_a_model_that_fails_on_a_hard_origin_does_not_look_better(history_from: HistoryFrom) -> None:
    counts = np.full(80, 15.0)
    counts[31:45] = 500.0  # the weeks after the second origin are hard
    same = Fixed(model_id="same", fails_on=(day(30),))
    result = replayed(history_from(counts), [Fixed(model_id=REFERENCE_MODEL), same], [day(20), day(30)])
    board = result.leaderboard().set_index(["model", "band"])
    assert board.loc[("same", "h1"), "wis"] < board.loc[(REFERENCE_MODEL, "h1"), "wis"]
    assert board.loc["same", "wis_ratio"].tolist() == [1.0, 1.0, 1.0]


def test_without_the_reference_there_is_no_ratio(history_from: HistoryFrom) -> None:
    board = replayed(history_from(np.full(60, 15.0)), [Fixed()], [day(20)]).leaderboard()
    assert board["wis_ratio"].isna().all()


def test_the_same_seed_gives_the_same_scores(history_from: HistoryFrom) -> None:
    truth = history_from(np.random.default_rng(1).poisson(15, 80))
    models = [load_model(REFERENCE_MODEL)]
    first, again, other = (
        run_backtest(truth.until, truth, models, [day(40)], Replay(SimulationRequest(7, 50), seed)).scores
        for seed in (3, 3, 4)
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first["wis"].equals(other["wis"])


@pytest.mark.parametrize("n_origins", [3, 9])
def test_two_processes_give_the_same_numbers_as_one(history_from: HistoryFrom, n_origins: int) -> None:
    """Whether they are given the models of an origin one by one, or, of many origins, all together."""
    truth = history_from(np.random.default_rng(1).poisson(15, 120))
    models = [load_model(name) for name in (REFERENCE_MODEL, "negative_binomial", "log_normal")]
    replay = Replay(SimulationRequest(7, 50), 1)
    origins = [day(80 + step) for step in range(n_origins)]
    folds: dict[int, list[FoldScores]] = {1: [], 2: []}
    one, two = (
        run_backtest(truth.until, truth, models, origins, replay, engine=Engine(jobs), on_fold=told.append).scores
        for jobs, told in folds.items()
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert Engine(2).at_a_time(3, n_origins) == (1 if n_origins == 3 else 3)
    tasks = [{(fold.model, fold.origin, fold.data_digest) for fold in told} for told in folds.values()]
    assert tasks[0] == tasks[1]
    assert len(tasks[0]) == 3 * n_origins


def test_folds_that_are_done_are_not_computed_again(history_from: HistoryFrom) -> None:
    truth = history_from(np.random.default_rng(1).poisson(15, 80))
    replay = Replay(SimulationRequest(7, 4), 1)
    origins = [day(20), day(30), day(40)]
    folds: list[FoldScores] = []
    whole = run_backtest(truth.until, truth, [Fixed()], origins, replay, on_fold=folds.append)
    assert [fold.origin for fold in folds] == origins
    model = Fixed()
    resumed = run_backtest(truth.until, truth, [model], origins, replay, done=folds[:2])
    assert [history.last_day for history in model.seen] == origins[2:]
    pd.testing.assert_frame_equal(whole.scores, resumed.scores, check_exact=True)


def test_between_fits_the_last_forecast_runs_on_and_sees_nothing_newer(history_from: HistoryFrom) -> None:
    truth = history_from(np.arange(80))
    model = Fixed()
    replay = Replay(SimulationRequest(7, 4), 1, refit_every=2)
    result = run_backtest(truth.until, truth, [model], [day(20), day(30), day(40)], replay)
    assert [history.last_day for history in model.seen] == [day(20), day(40)]
    first_days = result.scores[result.scores["band"] == "h1"]
    assert first_days["observed"].tolist() == [21.0, 31.0, 41.0]


def test_a_rolling_window_shows_a_model_only_so_many_days(history_from: HistoryFrom) -> None:
    truth = history_from(np.arange(80))
    model = Fixed()
    replay = Replay(SimulationRequest(7, 4), 1, window_days=15)
    run_backtest(truth.until, truth, [model], [day(40)], replay)
    assert model.seen[0].launched.tolist() == list(range(26, 41))


def test_a_model_must_be_fitted_at_some_origin() -> None:
    with pytest.raises(InputError, match="refit-every is 0"):
        Replay(SimulationRequest(7, 4), 1, refit_every=0)
