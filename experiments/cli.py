"""`salvocast backtest`."""

import sys
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.cli import QuietDaysOption, TheatreOption, WeaponClassOption, open_ledger, parse_day
from features.errors import InputError
from features.records import QuietDayRule

if TYPE_CHECKING:
    import pandas as pd


def backtest(
    models: Annotated[
        str, typer.Option(metavar="A,B", help="Models to compare, comma-separated; empirical_window is the reference.")
    ] = "empirical_window,negative_binomial",
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First origin.")] = "2025-01-01",
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last origin; without it, the last that can be scored.")
    ] = None,
    every: Annotated[int, typer.Option(help="Days between origins.")] = 14,
    horizon: Annotated[int, typer.Option(help="Attack days to forecast from each origin.")] = 28,
    paths: Annotated[int, typer.Option(help="Simulated futures.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Same seed, same data, same request: same numbers.")] = 1,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    quiet_days: QuietDaysOption = QuietDayRule.ALL,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Also write the leaderboard here.")] = None,
) -> None:
    """Replay forecasts of the past with what was published then, and score them."""
    from experiments.backtest import run_backtest
    from experiments.folds import rolling_origins
    from experiments.tracking import log_backtest, tracking_uri
    from features.files import write_file
    from forecasting.model import SimulationRequest, load_model

    request = SimulationRequest(horizon, paths)
    compared = [load_model(name.strip()) for name in models.split(",") if name.strip()]
    if not compared:
        raise InputError("--models is empty: expected names such as empirical_window,negative_binomial")
    if out is not None and not out.parent.is_dir():
        raise InputError(f"cannot write {out}: the folder {out.parent} does not exist")
    first_day, last_day = parse_day(first, "--from"), parse_day(last, "--to")
    assert first_day is not None
    with open_ledger() as ledger:
        truth = ledger.history(theatre, weapon_class, quiet_days)
        origins = rolling_origins(first_day, last_day or truth.last_day - timedelta(days=horizon), every)
        result = run_backtest(
            lambda origin: ledger.history(theatre, weapon_class, quiet_days, origin),
            truth,
            compared,
            origins,
            request,
            seed=seed,
            on_origin=_with_progress,
        )
    board = result.leaderboard()
    print(f"{len(origins)} origins from {origins[0]} to {origins[-1]}, data {truth.digest[:12]}, rule {quiet_days}")
    print(_table(board))
    for failure in result.failures.itertuples():
        print(f"{failure.model} failed at {failure.origin}: {failure.reason}", file=sys.stderr)
    if out is not None:
        write_file(out, board.to_csv(index=False, lineterminator="\n").encode())
    parameters = {
        "first_origin": origins[0],
        "last_origin": origins[-1],
        "every": every,
        "horizon": horizon,
        "n_paths": paths,
        "seed": seed,
        "quiet_day_rule": quiet_days,
    }
    run_id = log_backtest(result, truth, parameters)
    print(f"logged to MLflow: run {run_id} in {tracking_uri()}", file=sys.stderr)


def _with_progress(origins: Iterable[date]) -> Iterable[date]:
    from tqdm import tqdm

    return tqdm(origins, desc="backtest", unit=" origins", disable=None)


def _table(board: "pd.DataFrame") -> str:
    """The leaderboard for a terminal: scores in drones, coverage in percent."""
    shown = board.copy()
    for column in shown.columns:
        if column.startswith("coverage"):
            shown[column] = (100 * shown[column]).round().astype(int)
    text: str = shown.to_string(
        index=False, float_format=lambda value: f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    )
    return text
