"""How long `experiments.compare` takes to read from an embedded store with many backtests in it.

    python experiments/benchmarks/compare.py [N]

N backtests (1,000 by default) of the same targets by five models each, with their runs, parameters and metrics, and N
promotions are written into an SQLite store; then each function is timed once. That is the worst case: all of them are
comparable.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

AIM_SECONDS = 3.0


def main(n_backtests: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["SALVOCAST_HOME"] = home
        for name in ("MLFLOW_TRACKING_URI", "SALVOCAST_LEDGER_URL"):
            os.environ.pop(name, None)
        from experiments import compare

        models = ["salvo_ensemble", "exponential_empirical", "two_regime", "local_level"]
        run_id = compare.ensure_backtest(models, n_paths=100)
        n_runs = multiply(Path(home) / "mlflow.db", run_id, n_backtests)
        print(f"{n_backtests:,} backtests, {n_runs:,} runs in SQLite, {_megabytes(Path(home) / 'mlflow.db'):.0f} MB")
        scores = print_timed("scores", compare.scores)
        origin = scores["origin"].iloc[0]
        calls: dict[str, Callable[[], Any]] = {
            "backtests": compare.backtests,
            "leaderboard": compare.leaderboard,
            "paired_differences": compare.paired_differences,
            "winners": compare.winners,
            "forecasts_at": lambda: compare.forecasts_at(origin),
            "ensemble_weights": compare.ensemble_weights,
            "champion_history": compare.champion_history,
        }
        for name, call in calls.items():
            print_timed(name, call)


def print_timed(name: str, call: Callable[[], Any]) -> Any:
    """Prints how long the call takes, and whether that is within the aim."""
    started = perf_counter()
    result = call()
    seconds = perf_counter() - started
    print(f"{name:20} {seconds:5.2f} s  {'within' if seconds < AIM_SECONDS else 'MISSED:'} {AIM_SECONDS:g} s")
    return result


def multiply(database: Path, run_id: str, n: int) -> int:
    """Copies a backtest with its children, parameters, tags, metrics and inputs until there are n; the number of runs.

    The first one stays the newest. Registers as many versions of the champion, each promoted after the other.
    """
    import json
    import sqlite3

    def columns(table: str) -> list[str]:
        return [row[1] for row in connection.execute(f"pragma table_info({table})")]

    with closing(sqlite3.connect(database)) as connection, connection:
        runs = [row[0] for row in connection.execute("select run_uuid from runs")]
        for table in ("runs", "params", "tags", "metrics", "latest_metrics"):
            names = columns(table)
            rows = connection.execute(f"select {', '.join(names)} from {table}").fetchall()
            place = names.index("run_uuid")
            copies = []
            for number in range(1, n):
                for row in rows:
                    made = list(row)
                    made[place] = _copy_id(row[place], number)
                    if "start_time" in names:
                        made[names.index("start_time")] -= 1_000_000 * number
                    if table == "tags" and made[names.index("key")] == "mlflow.parentRunId":
                        made[names.index("value")] = _copy_id(row[names.index("value")], number)
                    copies.append(made)
            marks = ", ".join("?" * len(names))
            connection.executemany(f"insert into {table} ({', '.join(names)}) values ({marks})", copies)
        name = "salvocast-ukraine-shahed"
        connection.execute("insert into registered_models (name, creation_time) values (?, 1)", [name])
        day = date(2023, 1, 1)
        for version in range(1, n + 1):
            connection.execute(
                "insert into model_versions (name, version, creation_time, last_updated_time, current_stage, source, "
                "run_id, status) values (?, ?, ?, ?, 'None', 'nowhere', ?, 'READY')",
                [name, version, version, version, run_id],
            )
            promoted = {"version": version, "reason": "", "predecessor": version - 1 or None}
            promoted["promoted_at"] = f"{day + timedelta(days=version)}T07:30:00+00:00"
            told = {
                "digest": f"{version:064x}",
                "model_id": "salvo_ensemble",
                "data_digest": f"{version:064x}",
                "code_version": "0",
                "origin": str(day),
                "scores": json.dumps({"score": 0.9}),
                "promotions": json.dumps([promoted]),
            }
            connection.executemany(
                "insert into model_version_tags (name, version, key, value) values (?, ?, ?, ?)",
                [[name, version, f"salvocast.{key}", value] for key, value in told.items()],
            )
        connection.execute(
            "insert into registered_model_aliases (alias, version, name) values ('champion', ?, ?)", [n, name]
        )
        return n * len(runs)


def _copy_id(run_id: str, number: int) -> str:
    return f"{number:08x}{run_id[8:]}"


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
