"""365 mornings of the bundled record, one after another, through the real retraining with a fake clock.

    python -m experiments.benchmarks.mornings [--first-champion NAME] [--mornings N] [--keep FOLDER]

Each morning at 09:30 in Kyiv the reports whose window has ended come into a ledger, the retraining runs with the
default settings against an MLflow registry in SQLite, and the champion is loaded from it and forecasts. Printed: every
change of the recipe that served, the scores of what was served beside other policies on the same mornings, the seconds
of a retraining, and what the stores take on disk. Takes half an hour; Ctrl-C ends it early, with what it has.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from experiments.backtest import score_path
from experiments.retrain import Kind, retrain
from experiments.settings import RetrainSettings, Settings
from experiments.tracking import retraining_runs
from features.history import LaunchHistory
from features.home import ledger_url
from features.ledger import Ledger
from features.records import KYIV, SHAHED, UKRAINE, SalvoReport
from features.sources.bundled import SNAPSHOT_DAY, SOURCE, read_bundled
from features.sources.reading import Reading
from forecasting.registry import Registry
from forecasting.salvos.model import REFERENCE_MODEL, SimulationRequest, forecast, load_model

REQUEST = SimulationRequest(28, 2_000)
SEED = 1
SERVED, RECIPE, FROZEN = "served", "first champion's recipe, refitted daily", "first champion, never refitted"


def main(
    first_champion: Annotated[str, typer.Option(help="The model that serves at first, untested.")] = "salvo_ensemble",
    mornings: Annotated[int, typer.Option(help="How many, until the end of the bundled record.")] = 365,
    keep: Annotated[Path | None, typer.Option(help="Folder for the stores, instead of a temporary one.")] = None,
) -> None:
    """Replays the mornings and prints what became of them."""
    settings = Settings(retrain=RetrainSettings(first_champion=first_champion))
    with home_of_its_own(keep) as home, Ledger.open("sqlite://") as whole:
        whole.ingest(read_bundled(), datetime.now(UTC))
        truth = whole.history()
        days = [SNAPSHOT_DAY - timedelta(days=back) for back in reversed(range(mornings))]
        clock = [morning_of(days[0])]
        rows: list[dict[str, Any]] = []
        seconds: dict[str, list[float]] = {"compared": [], "refreshed": []}
        with Ledger.open(ledger_url()) as ledger, Registry.open(now=lambda: clock[0]) as registry:
            frozen = None
            with suppress(KeyboardInterrupt):
                for day, reports in zip(
                    tqdm(days, desc="mornings", disable=None), reports_by_morning(days), strict=True
                ):
                    clock[0] = morning_of(day)
                    ledger.ingest(Reading(SOURCE, f"morning {day}", iter(reports)), clock[0])
                    started = perf_counter()
                    with retraining_runs() as runs:
                        outcome = retrain(ledger, registry, runs, settings, folder=home, now=lambda: clock[0])
                    if outcome.kind is not Kind.NOTHING_NEW:
                        seconds["compared" if outcome.comparison else "refreshed"].append(perf_counter() - started)
                    if outcome.kind is Kind.PROMOTED:
                        print(f"{day}: {outcome.summary}")
                    champion = registry.champion(UKRAINE, SHAHED)
                    assert champion is not None
                    history = ledger.history()
                    paths = {SERVED: registry.load(champion).forecast(REQUEST, SEED).paths}
                    for policy, name in ((RECIPE, first_champion), (REFERENCE_MODEL, REFERENCE_MODEL)):
                        known = champion.model_id == name and champion.origin == history.last_day
                        paths[policy] = paths[SERVED] if known else _forecast(name, history)
                    if frozen is None:
                        ahead = SimulationRequest(min(mornings + REQUEST.horizon, 730), REQUEST.n_paths)
                        frozen = history.last_day, registry.load(champion).forecast(ahead, SEED).paths
                    since = (history.last_day - frozen[0]).days
                    paths[FROZEN] = frozen[1][:, since : since + REQUEST.horizon]
                    observed = truth.after(history.last_day, REQUEST.horizon)
                    for policy, simulated in paths.items():
                        scored = score_path(simulated, observed, np.random.default_rng(day.toordinal()))
                        rows += [{"policy": policy, "day": day, **row} for row in scored]
            changes = registry.champion_history(UKRAINE, SHAHED)
            models = {version.version: version.model_id for version in registry.versions(UKRAINE, SHAHED)}
        ended = clock[0].date()
        n_done = days.index(ended) + 1
        print(f"\n{n_done} mornings from {days[0]} to {ended}, first champion {first_champion}")
        print(f"{len(changes)} changes of the version that served; the recipes, with their first morning:")
        served = None
        for change in reversed(changes):
            if models[change.version or 0] != served:
                served = models[change.version or 0]
                print(f"  {change.promoted_at:%Y-%m-%d}  {served}: {change.reason}")
        print(f"\nmean scores of {REQUEST.horizon} days ahead, drones; coverage of the 80 % range of days, percent")
        print(_board(pd.DataFrame(rows)).to_string(float_format=lambda value: f"{value:,.2f}"))
        print()
        for what, took in seconds.items():
            if took:
                told = f"median {np.median(took):.1f} s, longest {max(took):.1f} s"
                print(f"{len(took)} mornings {what}: {told}")
        for name in ("ledger.db", "mlflow.db", "mlartifacts", "models"):
            print(f"{name}: {megabytes(home / name):.1f} MB")
    sys.stdout.flush()


def morning_of(day: date) -> datetime:
    return datetime.combine(day, time(9, 30), KYIV)


def reports_by_morning(days: list[date]) -> Iterator[list[SalvoReport]]:
    """What is new each morning: the reports whose window ended since the morning before, at first all until then."""
    reports = [row for row in read_bundled().rows if isinstance(row, SalvoReport)]
    reports.sort(key=lambda report: report.window_end)
    for day in days:
        until = morning_of(day).replace(tzinfo=None)
        number = sum(report.window_end <= until for report in reports)
        yield reports[:number]
        del reports[:number]


def _forecast(name: str, history: LaunchHistory) -> Any:
    return forecast(load_model(name), history, REQUEST, SEED).paths


def _board(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per policy: WIS of days and totals, each also as ratio to the reference, and coverage."""
    band = scores["band"].where(scores["band"].str.startswith("total"), "days")
    means = scores.assign(band=band).pivot_table("wis", "policy", "band", sort=False)
    board = means.add_prefix("wis ").join(means.div(means.loc[REFERENCE_MODEL]).add_prefix("ratio "))
    days = scores[band == "days"]
    board["coverage"] = 100 * days.groupby("policy")["coverage_80"].mean()
    return board


def megabytes(path: Path) -> float:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


@contextmanager
def home_of_its_own(keep: Path | None) -> Iterator[Path]:
    """A home of its own: nothing of the person's is touched."""
    for name in ("SALVOCAST_LEDGER_URL", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder:
        home = keep or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        os.environ["SALVOCAST_HOME"] = str(home)
        yield home


if __name__ == "__main__":
    typer.run(main)
