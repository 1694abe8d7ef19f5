"""What notebooks read of backtests and retrainings: frames by hand, by another computation, and from a real store."""

import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike, NDArray

from experiments import compare
from experiments.backtest import Backtest, Replay, replay_parameters, run_backtest
from experiments.benchmarks.windows import WINDOWS as WINDOWS_OF_EVIDENCE
from experiments.folds import window_of
from experiments.tracking import log_backtest
from features.errors import InputError, SalvocastError
from features.history import LaunchHistory
from features.records import QuietDayRule
from forecasting.record.scores import wis
from forecasting.salvos.ensemble import SalvoEnsemble
from forecasting.salvos.model import REFERENCE_MODEL, Model, SimulationRequest, forecast, load_model
from tests.experiments.logged import made_scores

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
MEMBERS = ("exponential_empirical", "two_regime", "local_level")
REPLAY = Replay(SimulationRequest(28, 60), 1)


@pytest.fixture(scope="module")
def truth(history_from: HistoryFrom) -> LaunchHistory:
    return history_from(np.random.default_rng(3).negative_binomial(4, 0.04, 260).astype(float))


@pytest.fixture(scope="module")
def origins(truth: LaunchHistory) -> list[date]:
    return [truth.first_day + timedelta(days=100 + 14 * step) for step in range(8)]


def replayed(truth: LaunchHistory, names: tuple[str, ...], origins: list[date]) -> Backtest:
    models: list[Model] = [load_model(name) for name in (REFERENCE_MODEL, *names)]
    return run_backtest(truth.until, truth, models, origins, REPLAY)


@pytest.fixture(scope="module")
def result(truth: LaunchHistory, origins: list[date]) -> Backtest:
    return replayed(truth, MEMBERS, origins)


def log(result: Backtest, truth: LaunchHistory, origins: list[date]) -> str:
    return log_backtest(result, truth, replay_parameters(origins, 14, REPLAY, QuietDayRule.ALL), {})


@pytest.fixture(scope="module")
def logged_home(
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
    result: Backtest,
    truth: LaunchHistory,
    origins: list[date],
) -> tuple[Path, str]:
    """A home with the backtest in its store, and the run: for tests that only read."""
    home = tmp_path_factory.mktemp("logged")
    shutil.copy(empty_store, home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SALVOCAST_HOME", str(home))
        patched.delenv("MLFLOW_TRACKING_URI", raising=False)
        return home, log(result, truth, origins)


@pytest.fixture
def logged(logged_home: tuple[Path, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    place, run = logged_home
    monkeypatch.setenv("SALVOCAST_HOME", str(place))
    return run


def test_what_was_scored_is_what_is_read(logged: str, result: Backtest, origins: list[date]) -> None:
    scores = compare.scores()
    assert set(scores["run_id"]) == {logged}
    kept = [column for column in result.scores.columns if column != "origin"]
    pd.testing.assert_frame_equal(scores[kept], result.scores[kept], check_dtype=False)
    assert list(scores["origin"].dt.date) == list(result.scores["origin"])
    assert ((scores["attack_day"] - scores["origin"]).dt.days == scores["horizon"]).all()
    board = compare.leaderboard().set_index(["model", "band"])
    expected = result.leaderboard().set_index(["model", "band"])
    pd.testing.assert_frame_equal(
        board[expected.columns].sort_index(), expected.sort_index(), check_dtype=False, check_names=False
    )
    assert list(compare.leaderboard()["band"].unique()) == ["h1", "h2_7", "h8_14", "h15_28", "total_7", "total_28"]
    (row,) = compare.backtests().itertuples()
    assert (row.run_id, row.every, row.horizon, row.n_paths) == (logged, 14, 28, 60)
    assert row.models == (*sorted([*MEMBERS, REFERENCE_MODEL]),)
    assert (row.first_origin.date(), row.last_origin.date()) == (origins[0], origins[-1])


def test_models_of_several_runs_on_the_same_targets_are_beside_each_other(
    store: str, result: Backtest, truth: LaunchHistory, origins: list[date]
) -> None:
    """A second run of the same targets adds its models; one of other targets stays out; a newer run replaces."""
    logged = log(result, truth, origins)
    same = replay_parameters(origins, 14, REPLAY, QuietDayRule.ALL)
    fewer = replay_parameters(origins[:4], 14, REPLAY, QuietDayRule.ALL)
    other = log_backtest(replayed(truth, ("log_normal",), origins[:4]), truth, fewer, {})
    newest = log_backtest(replayed(truth, ("seasonal_naive",), origins), truth, same, {})
    run_of = compare.scores().groupby("model")["run_id"].unique().map(tuple).to_dict()
    assert run_of == {
        "seasonal_naive": (newest,),
        REFERENCE_MODEL: (newest,),
        **dict.fromkeys(MEMBERS, (logged,)),
    }
    assert set(compare.leaderboard(logged).query("model == @REFERENCE_MODEL")["run_id"]) == {logged}
    assert set(compare.scores(other)["model"]) == {"log_normal", REFERENCE_MODEL}
    assert list(compare.backtests()["run_id"]) == [newest, other, logged]


def test_many_runs_are_read_where_they_lie_and_not_one_by_one(
    store: str, result: Backtest, truth: LaunchHistory, origins: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep of 300: MLflow is searched, never asked for each run or file."""
    from mlflow.tracking import MlflowClient

    log(result, truth, origins)
    log(replayed(truth, ("log_normal",), origins), truth, origins)
    asked: list[str] = []
    for name in ("get_run", "list_artifacts", "download_artifacts"):
        monkeypatch.setattr(MlflowClient, name, lambda *_, name=name: asked.append(name))
    assert set(compare.scores()["model"]) == {REFERENCE_MODEL, *MEMBERS, "log_normal"}
    assert set(compare.leaderboard()["model"]) == {REFERENCE_MODEL, *MEMBERS, "log_normal"}
    assert asked == []


def test_differences_are_paired_over_common_origins_and_say_how_sure_they_are() -> None:
    rng = np.random.default_rng(1)
    hard = rng.gamma(2, 30, 60)  # what makes an origin hard is hard for all
    values = {REFERENCE_MODEL: hard, "better": hard - 5 + rng.normal(0, 5, 60), "equal": hard + rng.normal(0, 5, 60)}
    scores = made_scores({name: list(each) for name, each in values.items()})
    found = compare.paired_differences(scores).set_index("model")
    assert list(found.index) == ["better", "equal"]
    difference = values["better"] - hard
    better = found.loc["better"]
    assert better["mean"] == pytest.approx(difference.mean())
    assert better["standard_error"] == pytest.approx(difference.std(ddof=1) / np.sqrt(60), rel=0.02)
    assert better["low"] < -5 < better["high"] < -2
    assert better["ratio"] == pytest.approx(values["better"].mean() / hard.mean())
    assert better["p_holm"] == pytest.approx(2 * better["p_value"])
    assert found.loc["equal", "p_holm"] > 0.05
    without = scores[~((scores["model"] == "better") & (scores["origin"] < "2025-02-01"))]
    assert compare.paired_differences(without).set_index("model").loc["better", "n_origins"] == 55


def test_origins_are_in_the_windows_of_the_evidence(logged: str) -> None:
    scores = compare.scores()
    assert set(scores["window"]) == {window_of(origin.date()) for origin in scores["origin"]} == {"3: from 2025-01"}
    for window, origins in WINDOWS_OF_EVIDENCE.items():
        assert {window_of(origin) for origin in origins} == {window}


def test_pictures_of_a_sweep_are_no_larger_than_those_of_a_few(logged: str) -> None:
    """60 models, more than any has room for; the best are shown, and the picture says of how many."""
    scores = compare.scores()
    one = scores[scores["model"] == "two_regime"]
    factors = {f"made_{number:03}": 1 + number / 100 for number in reversed(range(60))}
    made = [one.assign(model=name, wis=one["wis"] * factor) for name, factor in factors.items()]
    many = pd.concat([scores[scores["model"] == REFERENCE_MODEL], *made])
    board = compare.leaderboard(many)
    pictures = {
        "leaderboard": compare.leaderboard_picture(board),
        "leaderboard by window": compare.leaderboard_picture(compare.leaderboard(many, by="window"), by="window"),
        "skill": compare.skill_picture(many),
        "pit": compare.pit_picture(many),
        "pit by window": compare.pit_picture(many, by="window"),
        "coverage": compare.coverage_picture(many),
        "differences": compare.differences_picture(compare.paired_differences(many)),
        "forecasts": compare.forecasts_picture(compare.forecasts_at(many["origin"].max(), many)),
    }
    for name, figure in pictures.items():
        assert figure.get_size_inches()[1] < 11, name
        told = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
        assert re.search(r"(best|first) \d+ of 6[01] models", " ".join(told.split())), name
    names = [label.get_text() for label in pictures["leaderboard"].axes[0].get_yticklabels()]
    best = board.groupby("model")["wis_ratio"].mean().sort_values().index[:24]
    assert names == list(best)
    chosen = compare.pit_picture(many, ["made_059", "made_000"])
    assert [axes.get_title(loc="left") for axes in chosen.axes] == ["made_059", "made_000"]


def test_forecasts_are_the_quantiles_that_the_model_gave(
    logged: str, truth: LaunchHistory, origins: list[date]
) -> None:
    forecasts = compare.forecasts_at(origins[3])
    assert len(forecasts) == 4 * 28 * 7
    paths = forecast(load_model("two_regime"), truth.until(origins[3]), REPLAY.request, REPLAY.seed).paths
    own = forecasts[forecasts["model"] == "two_regime"].pivot_table("drones", "horizon", "quantile")
    levels = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
    assert list(own.columns) == levels
    np.testing.assert_allclose(own.to_numpy().T, np.quantile(paths, levels, axis=0))
    came = forecasts.drop_duplicates("horizon").set_index("horizon")["observed"]
    np.testing.assert_array_equal(came, truth.after(origins[3], 28))
    assert list(compare.forecasts_at(origins[3].isoformat())["drones"]) == list(forecasts["drones"])
    between = origins[3] + timedelta(days=1)
    with pytest.raises(InputError, match=f"nearest origins are {origins[3]} and {origins[4]}"):
        compare.forecasts_at(between)
    with pytest.raises(InputError, match="origin is 'soon': expected a date"):
        compare.forecasts_at("soon")


def test_the_weights_of_the_ensemble_are_fixed_and_told_beside_learned_ones(logged: str) -> None:
    weights = compare.ensemble_weights()
    assert set(weights["member"]) == set(MEMBERS)
    names = [member.model_id for member in SalvoEnsemble().members]
    for member, own in weights.groupby("member"):
        assert set(own["weight"]) == {names.count(str(member)) / len(names)}
    learned = weights.dropna(subset="learned")
    np.testing.assert_allclose(learned.groupby("origin")["learned"].sum(), 1.0)
    first = weights[weights["origin"] == weights["origin"].min()]
    assert first["learned"].isna().all()
    assert set(first["n_targets"]) == {0}


def test_learned_weights_see_nothing_after_their_origin(logged: str, origins: list[date]) -> None:
    """Whatever comes later: the same weights. What came before does move them."""
    scores = compare.scores()
    at = pd.Timestamp(origins[5])

    def at_origin(given: pd.DataFrame) -> NDArray[np.float64]:
        weights = compare.ensemble_weights(given)
        return weights.loc[weights["origin"] == at, "learned"].to_numpy(dtype=float)

    later, earlier = scores.copy(), scores.copy()
    later.loc[later["attack_day"] > at, "observed"] = 90_000.0
    earlier.loc[earlier["attack_day"] <= at, "observed"] = earlier.loc[earlier["attack_day"] <= at, "high_95"]
    np.testing.assert_array_equal(at_origin(later), at_origin(scores))
    assert not np.array_equal(at_origin(earlier), at_origin(scores))


def test_learning_finds_the_member_that_is_right(logged: str) -> None:
    """Where one member's median is what came, and the others are far off, it gets all of the weight."""
    scores = compare.scores()
    quantiles = [column for column in scores if column.startswith(("low_", "high_")) or column == "median"]
    right = scores["model"] == "local_level"
    scores.loc[right, quantiles] = np.repeat(scores.loc[right, ["observed"]].to_numpy(), len(quantiles), axis=1)
    scores.loc[~right, quantiles] += 500.0
    weights = compare.ensemble_weights(scores).dropna(subset="learned")
    assert set(weights.loc[weights["member"] == "local_level", "learned"]) == {1.0}
    pooled = compare.pooled_scores(weights, scores).pivot_table("wis", "origin", "weights")
    assert pooled["learned"].max() == 0.0
    assert (pooled["fixed"] > 100).all()


def test_fixed_weights_score_as_the_averaged_quantiles_do(logged: str) -> None:
    scores = compare.scores()
    weights = compare.ensemble_weights(scores)
    pooled = compare.pooled_scores(weights, scores)
    levels = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
    columns = ["low_95", "low_80", "low_50", "median", "high_50", "high_80", "high_95"]
    origin = pooled["origin"].iloc[0]
    days = scores[(scores["origin"] == origin) & ~scores["band"].str.startswith("total")]
    by_model = {name: days[days["model"] == name].sort_values("horizon") for name in MEMBERS}
    averaged = sum(
        share * by_model[name][columns].to_numpy().T for name, share in zip(MEMBERS, (0.5, 0.25, 0.25), strict=True)
    )
    expected = wis(averaged, by_model["two_regime"]["observed"], levels).mean()
    own = pooled[(pooled["origin"] == origin) & (pooled["weights"] == "fixed")]
    assert own["wis"].item() == pytest.approx(expected)


def test_weights_of_members_that_did_not_run_are_not_made_up(result: Backtest) -> None:
    scores = made_scores({"two_regime": [1.0, 2.0]})
    with pytest.raises(InputError, match="no scores of exponential_empirical, local_level: expected every member"):
        compare.ensemble_weights(scores)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_frame_has_its_picture_and_the_picture_shows_it(logged: str, theme: str, truth: LaunchHistory) -> None:
    scores, board = compare.scores(), compare.leaderboard()
    differences = compare.paired_differences(scores)
    weights = compare.ensemble_weights(scores)
    history = pd.DataFrame(
        {
            "version": [2, 1],
            "model_id": ["two_regime", "salvo_ensemble"],
            "promoted_at": pd.to_datetime(["2026-01-02", "2026-01-01"], utc=True),
            "new_recipe": [True, True],
            "score": [0.9, np.nan],
        }
    )
    forecasts = compare.forecasts_at(scores["origin"].max(), scores)
    drawn = {
        "board": compare.leaderboard_picture(board, theme=theme),
        "skill": compare.skill_picture(scores, theme=theme),
        "pit": compare.pit_picture(scores, theme=theme),
        "coverage": compare.coverage_picture(scores, theme=theme),
        "differences": compare.differences_picture(differences, theme=theme),
        "forecasts": compare.forecasts_picture(forecasts, truth, theme=theme),
        "weights": compare.weights_picture(weights, theme=theme),
        "champion": compare.champion_picture(history, theme=theme),
    }
    ratio = board.set_index(["band", "model"])["wis_ratio"]
    lines = {str(line.get_label()): line for line in drawn["board"].axes[0].lines}
    names = [label.get_text() for label in drawn["board"].axes[0].get_yticklabels()]
    np.testing.assert_allclose(np.asarray(lines["day 1"].get_xdata(), dtype=float), ratio["h1"].reindex(names))
    assert {axes.get_title(loc="left") for axes in drawn["pit"].axes} == set(scores["model"])
    heights = [bar.get_height() for bar in drawn["pit"].axes[0].patches[:10]]
    assert sum(heights) == pytest.approx(1.0)
    first_days = scores[scores["band"] == "h1"].groupby("model")["wis"].mean()
    skill = {str(line.get_label()): line for line in drawn["skill"].axes[0].lines}
    assert np.asarray(skill["two_regime"].get_ydata())[0] == pytest.approx(
        first_days["two_regime"] / first_days[REFERENCE_MODEL]
    )
    mean = np.asarray(drawn["differences"].axes[0].lines[0].get_xdata(), dtype=float)
    of_band = differences[differences["band"] == "total_7"].sort_values("mean")
    np.testing.assert_allclose(mean, of_band["mean"])
    assert len(drawn["forecasts"].axes) == scores["model"].nunique()
    assert [text.get_text() for text in drawn["champion"].axes[0].texts[:-1]] == ["0.90"]


def test_pictures_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to draw"):
        compare.leaderboard_picture(pd.DataFrame({"wis_ratio": []}))


def test_a_store_without_a_backtest_says_what_to_do(store: str) -> None:
    assert compare.backtests().empty
    with pytest.raises(InputError, match=r"no backtest of ukraine shahed is logged in sqlite:.*ensure_backtest"):
        compare.scores()
    with pytest.raises(SalvocastError, match=r"tracking store .* failed"):
        compare.scores("0" * 32)
    with pytest.raises(InputError, match="theatre is 'x' or 1=1': expected a name"):
        compare.backtests("x' or 1=1")


def test_a_run_of_an_earlier_release_is_told(
    store: str, home: Path, result: Backtest, truth: LaunchHistory, origins: list[date]
) -> None:
    logged = log(result, truth, origins)
    (home / "mlartifacts" / logged / "artifacts" / "scores.csv").unlink()
    with pytest.raises(SalvocastError, match=f"run {logged} .* has no scores.csv: an earlier release made it"):
        compare.scores()
    assert len(compare.leaderboard()) == 24
