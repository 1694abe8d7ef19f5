"""What a team's stores take after a year: mornings as they are lived, measured, and their last weeks laid on.

    python -m experiments.benchmarks.sizes [--mornings N]

Each morning brings the reports of the bundled record, a retraining with the default settings, and the issued plan, as
the schedule has them, on SQLite and with a fake clock. Rows, bytes and MLflow's runs are counted after half of the
mornings and after all; what half of them adds is what the others of a year add. Halves are whole numbers of four weeks,
after which recipes are compared anew. `salvocast gc` is not run: it keeps what an issued plan names.
"""

import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from tqdm import tqdm

from experiments.benchmarks.mornings import home_of_its_own, megabytes, morning_of, reports_by_morning
from experiments.follow_up import issue_plan
from experiments.retrain import retrain
from experiments.settings import Settings
from experiments.tracking import retraining_runs
from features.home import ledger_url
from features.ledger import Ledger
from features.records import SHAHED, UKRAINE
from features.release import code_version
from features.sources.bundled import SNAPSHOT_DAY, SOURCE
from features.sources.reading import Reading
from forecasting.record.archive import Archive
from forecasting.registry import Registry, tracking_uri

YEAR, COMPARED_EVERY = 365, 28
"""Mornings; the days after which there is something new to compare recipes by."""


def main(
    mornings: Annotated[
        int, typer.Option(min=2 * COMPARED_EVERY, help="How many to live, twice a number of weeks.")
    ] = (2 * COMPARED_EVERY),
) -> None:
    """Lives the mornings and prints what a year of them takes."""
    half = mornings // 2
    days = [SNAPSHOT_DAY - timedelta(days=back) for back in reversed(range(2 * half))]
    with home_of_its_own(None) as home:
        clock = [morning_of(days[0])]
        found: list[dict[str, float]] = []
        with (
            Ledger.open(ledger_url()) as ledger,
            Archive.open(ledger_url()) as archive,
            Registry.open(now=lambda: clock[0]) as registry,
        ):
            for number, (day, reports) in enumerate(
                zip(tqdm(days, desc="mornings", disable=None), reports_by_morning(days), strict=True), start=1
            ):
                clock[0] = morning_of(day)
                ledger.ingest(Reading(SOURCE, f"morning {day}", iter(reports)), clock[0])
                with retraining_runs() as runs:
                    retrain(ledger, registry, runs, Settings(), folder=home, now=lambda: clock[0])
                issue_plan(ledger, archive, UKRAINE, SHAHED, clock[0])
                if number in (half, 2 * half):
                    found.append(_taken(home))
    before, after = found
    print(
        f"{2 * half} mornings to {SNAPSHOT_DAY}, measured on {datetime.now(UTC):%Y-%m-%d} by salvocast "
        f"{code_version()[:12]}, MLflow {version('mlflow')}, SQLite {sa.create_engine('sqlite://').dialect.dbapi.sqlite_version}"
    )
    print(f"{'':<42}{'a morning':>12}{'after a year':>14}")
    for what, amount in after.items():
        daily = (amount - before[what]) / half
        print(f"{what:<42}{daily:>12,.3f}{amount + daily * (YEAR - 2 * half):>14,.1f}")
    sys.stdout.flush()


def _taken(home: Path) -> dict[str, float]:
    """What is there -> rows, files or MB."""
    taken = {f"{name}, MB": megabytes(home / name) for name in ("ledger.db", "mlflow.db", "mlartifacts", "models")}
    taken["home as a whole, MB"] = megabytes(home)
    for url, tables in (
        (ledger_url(), ("sighting", "report", "batch", "issued_forecast")),
        (tracking_uri(), ("runs", "model_versions", "params", "latest_metrics", "tags", "registered_model_tags")),
    ):
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            for table in tables:
                taken[f"rows of {table}"] = connection.execute(
                    sa.select(sa.func.count()).select_from(sa.table(table))
                ).scalar_one()
            if "issued_forecast" in tables:
                stored = sa.text("SELECT SUM(LENGTH(document)) FROM issued_forecast")
                taken["issued plans, MB"] = connection.execute(stored).scalar_one() / 1e6
        engine.dispose()
    return taken


if __name__ == "__main__":
    typer.run(main)
