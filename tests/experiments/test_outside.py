"""Forecasts that were made elsewhere: read, guarded, and scored beside ours as the score itself says."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scoringrules
import typer
from numpy.typing import ArrayLike

from experiments import compare
from experiments.backtest import QUANTILE_COLUMNS, Replay, run_backtest
from experiments.cli import backtest
from experiments.outside import OutsideForecasts, histories, hub_output, read_forecasts
from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import end_of_day
from forecasting.record.scores import QUANTILE_LEVELS
from forecasting.salvos.model import REFERENCE_MODEL, SimulationRequest, load_model

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
Run = Callable[..., tuple[int, str, str]]
ORIGINS = [date(2025, 5, 1), date(2025, 5, 15)]
HORIZON, N_PATHS = 7, 60
REPLAY = Replay(SimulationRequest(HORIZON, N_PATHS), 1)


@pytest.fixture(scope="module")
def truth(history_from: HistoryFrom) -> LaunchHistory:
    return history_from(np.random.default_rng(5).negative_binomial(5, 0.05, size=160))


@pytest.fixture(scope="module")
def scores(truth: LaunchHistory) -> pd.DataFrame:
    return run_backtest(truth.until, truth, [load_model("exponential_empirical")], ORIGINS, REPLAY).scores


@pytest.fixture
def hub(scores: pd.DataFrame) -> pd.DataFrame:
    """What was scored, as a hub takes it, under another name."""
    return hub_output(scores).assign(model_id="theirs")


def write(frame: pd.DataFrame, folder: Path, name: str = "theirs.parquet") -> Path:
    path = folder / name
    frame.to_parquet(path, index=False) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def failures(truth: LaunchHistory, read: list[OutsideForecasts]) -> list[str]:
    result = run_backtest(truth.until, truth, read, ORIGINS, REPLAY)
    assert len(result.failures) + result.scores["origin"].nunique() == len(ORIGINS)
    return result.failures["reason"].tolist()


def test_whoever_scores_the_logged_quantiles_finds_our_wis(scores: pd.DataFrame) -> None:
    """By the interval scores of scoringrules (Bracher et al. 2021, eq. 3), of days and totals, to 1e-9.

    Its own weighted_interval_score takes the median where the absolute error of the median belongs (release 0.10.0).
    """
    observed, quantiles = scores["observed"].to_numpy(), scores[list(QUANTILE_COLUMNS)].to_numpy()
    half = QUANTILE_LEVELS.size // 2
    intervals = [
        level * scoringrules.interval_score(observed, quantiles[:, place], quantiles[:, -1 - place], 2 * level)
        for place, level in enumerate(QUANTILE_LEVELS[:half])
    ]
    error = np.abs(observed - quantiles[:, half])
    theirs = (error / 2 + np.sum(intervals, axis=0)) / (half + 0.5)
    np.testing.assert_allclose(theirs, scores["wis"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["theirs.parquet", "theirs.csv"])
def test_hub_output_written_and_read_is_scored_as_before(
    truth: LaunchHistory, scores: pd.DataFrame, hub: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    """Days as close as whole drones allow. Their totals are made by past windows, and need not be."""
    assert len(hub) == len(scores) * QUANTILE_LEVELS.size
    (read,) = read_forecasts([write(hub, tmp_path, name)])
    assert read.model_id == "theirs"
    again = run_backtest(truth.until, truth, [read], ORIGINS, REPLAY).scores
    days = [frame[~frame["band"].str.startswith("total")].reset_index(drop=True) for frame in (again, scores)]
    np.testing.assert_allclose(days[0]["median"], days[1]["median"], atol=3.0)
    np.testing.assert_allclose(days[0]["wis"], days[1]["wis"], atol=1.5)
    assert days[0]["observed"].tolist() == days[1]["observed"].tolist()
    totals = again[again["band"] == "total_7"]
    widths = (totals["high_80"] - totals["low_80"]).to_numpy()
    assert (widths > 0).all()


def test_samples_of_a_hub_are_paths(truth: LaunchHistory, tmp_path: Path) -> None:
    paths = np.random.default_rng(3).poisson(90, (N_PATHS, HORIZON))
    rows = [
        {
            "reference_date": str(origin),
            "horizon": day + 1,
            "output_type": "sample",
            "output_type_id": f"s{path:03}",
            "value": paths[path, day],
        }
        for origin in ORIGINS
        for path in range(N_PATHS)
        for day in range(HORIZON)
    ]
    (read,) = read_forecasts([write(pd.DataFrame(rows), tmp_path, "2025-05-01-team-model.parquet")])
    assert read.model_id == "team-model"
    np.testing.assert_array_equal(read.given(truth.until(ORIGINS[0]), REPLAY.request), paths)


def test_a_forecast_that_may_have_looked_ahead_is_a_failure_and_says_so(
    truth: LaunchHistory, hub: pd.DataFrame, tmp_path: Path
) -> None:
    ends = {str(origin): end_of_day(origin) for origin in ORIGINS}
    in_time = hub.assign(published_at=hub["reference_date"].map(ends))
    assert failures(truth, read_forecasts([write(in_time, tmp_path)])) == []
    late = in_time.assign(published_at=in_time["published_at"] + timedelta(seconds=1))
    late.loc[late["reference_date"] == str(ORIGINS[0]), "published_at"] = ends[str(ORIGINS[0])]
    assert failures(truth, read_forecasts([write(late, tmp_path)])) == [
        f"theirs was published after the end of its origin {ORIGINS[1]}: it may have looked"
    ]
    digests = histories(truth.until, ORIGINS).drop_duplicates("origin").set_index("origin")["data_digest"]
    digests.index = digests.index.strftime("%Y-%m-%d")
    told = hub.assign(data_digest=hub["reference_date"].map(digests))
    assert failures(truth, read_forecasts([write(told, tmp_path)])) == []
    of_all = hub.assign(data_digest=truth.digest)
    reasons = failures(truth, read_forecasts([write(of_all, tmp_path)]))
    assert [reason.split(",")[0] for reason in reasons] == [f"theirs was made from data {truth.digest[:12]}"] * 2


def test_what_is_missing_of_a_forecast_is_a_failure(truth: LaunchHistory, hub: pd.DataFrame, tmp_path: Path) -> None:
    short = hub[(hub["reference_date"] == str(ORIGINS[0])) & (hub["horizon"] < HORIZON)]
    assert failures(truth, read_forecasts([write(short, tmp_path)])) == [
        f"theirs has 6 days from {ORIGINS[0]}: expected 7",
        f"theirs has no forecast from {ORIGINS[1]} in its files",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda hub: hub.assign(model_id=REFERENCE_MODEL), "is the name of a model that runs here"),
        (lambda hub: hub.assign(model_id="a, b"), "no comma"),
        (lambda hub: hub.drop(columns="horizon"), r"lacks horizon: expected paths"),
        (lambda hub: hub.assign(value=-1.0), "theirs from 2025-05-01 has a value that is negative"),
        (lambda hub: hub[hub["output_type_id"].between(0.1, 0.9)], "2025-05-01: levels from 0.1 to 0.9: expected them"),
        (lambda hub: hub[hub["horizon"] != 3], r"has horizons \[1, 2, 4, 5, 6, 7\]: expected 1 to the last"),
        (lambda hub: pd.concat([hub, hub]), "expected one value for each horizon and output_type_id"),
        (lambda hub: hub.assign(target_end_date="2025-05-02"), "expected the origin and horizon days"),
        (lambda hub: hub.assign(output_type="mean"), "no rows of output_type quantile or sample"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(
    hub: pd.DataFrame, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], told: str
) -> None:
    with pytest.raises(InputError, match=told) as raised:
        read_forecasts([write(change(hub), tmp_path)])
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("origin", ["-01", "2", "2025-06-31", "2025-06-01 noon", "20250601000"])
def test_an_origin_that_is_no_date_is_none(tmp_path: Path, origin: str) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(f"model,origin,day_1\nmine,2025-06-01,3\nmine,{origin},3\n")
    with pytest.raises(InputError, match=f"origin '{origin}': expected a date such as 2025-06-01"):
        read_forecasts([path])


@pytest.mark.parametrize("origin", ["2025-06-01", "20250601", "2025-06-01 00:00", "2025-06-01T00:00:00Z"])
def test_an_origin_is_read_as_dates_are_written(tmp_path: Path, origin: str) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(f"model,origin,day_1\nmine,{origin},3\n")
    ((read,),) = [list(each.forecasts) for each in read_forecasts([path])]
    assert read == date(2025, 6, 1)


def test_no_file_and_no_table_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_forecasts([tmp_path / "none*.parquet"])
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"junk.parquet cannot be read"):
        read_forecasts([tmp_path / "junk.parquet"])


def test_the_command_scores_files_beside_the_reference(
    runner: Callable[[typer.Typer], Run], store: str, home: Path, weekly_ledger: Path, tmp_path: Path
) -> None:
    shutil.copy(weekly_ledger, home / "ledger.db")
    app = typer.Typer()
    app.command("backtest")(backtest)
    with compare.open_ledger() as ledger:
        given = histories(lambda origin: ledger.history(origin=origin), [date(2026, 1, 5), date(2026, 1, 12)])
    columns = {f"day_{day + 1}": np.full(N_PATHS, 90 + day) for day in range(HORIZON)}
    for number, (origin, rows) in enumerate(given.groupby("origin")):
        seen = {"model": "same_again", "origin": origin, "data_digest": rows["data_digest"].iloc[0]}
        write(pd.DataFrame(seen | columns), tmp_path, f"{number}.parquet")
    asked = ("--from", "2026-01-12", "--to", "2026-01-12", "--horizon", "7", "--paths", str(N_PATHS))
    code, _, told = runner(app)("--from-files", str(tmp_path / "0.parquet"), *asked, str(tmp_path / "1.parquet"))
    assert code == 0, told
    assert "same_again: 1 of 2 origins are not among the folds and are not scored, such as 2026-01-05" in told
    assert set(compare.scores()["model"]) == {"same_again", REFERENCE_MODEL}
    h1 = compare.scores().query("model == 'same_again' and band == 'h1'")
    assert h1["wis"].item() == pytest.approx(abs(h1["observed"].item() - 90))
    (run,) = compare.backtests()["run_id"]
    code, _, told = runner(app)("--like", run)
    assert code == 2
    assert "it lacks the forecasts of same_again, made elsewhere (files of SHA-256 " in told
    code, _, told = runner(app)(str(tmp_path / "0.parquet"))
    assert (code, "expected no file, or --from-files before it" in told) == (2, True)
