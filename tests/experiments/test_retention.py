"""What `salvocast gc` deletes, what it never does, and that it ends the same wherever it is killed."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import typer
from numpy.typing import ArrayLike

from experiments import retention_cli
from experiments.retention import RetentionDatabase, Surplus, surplus
from experiments.settings import RetentionSettings
from experiments.stored_runs import _local_folder, stored_runs
from experiments.tracking import EXPERIMENT, _artifact_location, retraining_runs
from features.history import LaunchHistory
from features.ledger import Ledger
from features.tables import issued_table
from forecasting.commands.main import run as run_command
from forecasting.registry import RegisteredModel, Registry, ready_client
from forecasting.salvos.model import fit, load_model
from forecasting.salvos.saved import SavedModel

NOW = datetime.now(UTC).replace(microsecond=0)
SERIES = ("ukraine", "shahed")
NAME = "salvocast-ukraine-shahed"
SETTINGS = RetentionSettings(runs_days=300, artefacts_days=100, quarantine_days=200)
HistoryFrom = Callable[[ArrayLike], LaunchHistory]


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@dataclass
class World:
    """A home with five versions of a model, each by a retraining of its own, and two backtests.

    Versions 1, 2, 4 and 5 served, in that order; version 3 never did. An issued forecast names version 1.
    """

    home: Path
    registry: Registry
    versions: dict[int, RegisteredModel]
    backtests: dict[str, str]

    def surplus(self, settings: RetentionSettings = SETTINGS) -> list[Surplus]:
        with stored_runs() as runs, RetentionDatabase.open(f"sqlite:///{self.home / 'ledger.db'}") as shelf:
            return surplus(self.registry, runs, shelf, settings, self.home, NOW)

    def remove(self, *, at_most: int = 1_000) -> None:
        with stored_runs() as runs, RetentionDatabase.open(f"sqlite:///{self.home / 'ledger.db'}") as shelf:
            for each in surplus(self.registry, runs, shelf, SETTINGS, self.home, NOW)[:at_most]:
                each.remove()

    def numbers(self) -> list[int]:
        return [version.version for version in self.registry.versions(*SERIES)]

    def runs(self) -> set[str]:
        with stored_runs() as runs:
            return {run.id for run in runs.all()}

    def with_artefacts(self) -> set[str]:
        return {path.name for path in (self.home / "mlartifacts").iterdir()}

    def aged(self, version: int, days: int) -> None:
        """Makes a version, and its run, so old."""
        stamp = int(ago(days).timestamp() * 1_000)
        with closing(sqlite3.connect(self.home / "mlflow.db")) as database, database:
            database.execute("UPDATE model_versions SET creation_time = ? WHERE version = ?", (stamp, version))
            run_id = self.versions[version].run_id
            database.execute("UPDATE runs SET start_time = ? WHERE run_uuid = ?", (stamp, run_id))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, empty_store: Path, history_from: HistoryFrom) -> World:
    """The world, made once: that takes seconds."""
    home = tmp_path_factory.mktemp("built")
    shutil.copy(empty_store, home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALVOCAST_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        made = World(home, Registry.open(now=lambda: ago(900 - next(days))), {}, {})
        days = iter(range(1_000))
        with retraining_runs() as runs:
            for number in range(1, 6):
                history = history_from(np.random.default_rng(number).poisson(100.0, 60))
                run = runs.start("ukraine shahed", f"key {number}", f"retraining {number}")
                runs.decide(run.id, "{}", f"evidence {number}", history, {}, {}, {}, {"decision": "{}"})
                model = load_model("exponential_empirical")
                saved = SavedModel.of(model, fit(model, history), history)
                version = made.versions[number] = made.registry.register(saved, run_id=run.id, scores={})
                if number != 3:
                    made.registry.set_champion(NAME, number, reason="newer")
                made.registry.load(made.registry.champion(*SERIES) if number != 3 else version)  # type: ignore[arg-type]
                runs.finish(run.id, "FINISHED", version=number)
        uri = f"sqlite:///{home / 'mlflow.db'}"
        client = ready_client(uri)
        experiment = client.create_experiment(EXPERIMENT, artifact_location=_artifact_location(uri))
        for name, age in (("old", 301), ("fair", 101), ("new", 99)):
            began = int(ago(age).timestamp() * 1_000)
            run_id = client.create_run(experiment, start_time=began, run_name=name).info.run_id
            client.log_text(run_id, "x" * 1_000, "board.csv")
            made.backtests[name] = run_id
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}"):
        pass
    issue(home, 1)
    for number, age in zip(made.versions, (700, 600, 500, 400, 350), strict=True):
        made.aged(number, age)
    return made


@pytest.fixture
def world(home: Path, built: World) -> World:
    """A copy of it in the home of the test."""
    shutil.copytree(built.home, home)
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        for table, column in (
            ("runs", "artifact_uri"),
            ("experiments", "artifact_location"),
            ("model_versions", "source"),
            ("model_versions", "storage_location"),
        ):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(built.home), str(home)))
    days = iter(range(1_000))
    return World(home, Registry.open(now=lambda: ago(800 - next(days))), built.versions, built.backtests)


def issue(home: Path, version: int) -> None:
    with sa.create_engine(f"sqlite:///{home / 'ledger.db'}", poolclass=sa.NullPool).begin() as connection:
        connection.execute(
            issued_table.insert().values(
                id=f"{version:064}",
                issued_at=ago(700).replace(tzinfo=None),
                channel="cli",
                kind="plan",
                theatre="ukraine",
                weapon_class="shahed",
                origin=date(2026, 2, 28),
                horizon=28,
                model_id="exponential_empirical",
                model_version=version,
                data_digest="0" * 64,
                request="{}",
                document=b"",
            )
        )


def run_ids(world: World, *numbers: int) -> set[str]:
    return {world.versions[number].run_id for number in numbers}


def test_what_serves_served_before_or_was_issued_stays_with_its_run_and_artefacts(world: World) -> None:
    champion = world.registry.champion(*SERIES)
    world.remove()
    assert world.numbers() == [5, 4, 1]  # champion, predecessor, issued
    assert world.runs() == run_ids(world, 1, 4, 5) | {world.backtests["fair"], world.backtests["new"]}
    assert world.with_artefacts() == run_ids(world, 1, 4, 5) | {world.backtests["new"]}
    assert world.registry.champion(*SERIES) == champion
    assert [change.version for change in world.registry.champion_history(*SERIES)] == [5, 4, 2, 1]
    models = {path.name for path in (world.home / "models").iterdir() if path.is_dir()}
    assert models == {world.versions[4].digest, world.versions[5].digest}
    for path in (world.home / "models").iterdir():  # from the registry, not from the copies
        path.unlink() if path.is_file() else [each.unlink() for each in path.iterdir()]
    for version in world.registry.versions(*SERIES):
        assert world.registry.load(version).data_digest == version.data_digest


def test_after_a_rollback_what_it_came_from_and_what_the_next_would_go_to_stay(world: World) -> None:
    world.registry.set_champion(NAME, 4, reason="rolled back")
    world.remove()
    assert world.numbers() == [5, 4, 2, 1]


def test_a_version_and_its_run_stay_for_the_days_of_the_settings(world: World) -> None:
    world.aged(2, 99)
    world.aged(3, 101)
    names = [(each.kind, each.name) for each in world.surplus() if "retraining" in each.name or each.kind == "model"]
    assert names == [
        ("model", f"{NAME} version 3"),
        ("artefacts", f"retraining 3 ({world.versions[3].run_id})"),
    ]


def test_runs_that_the_next_retraining_asks_for_stay(world: World) -> None:
    with retraining_runs() as runs:
        dead = runs.start("ukraine shahed", "key 6", "retraining 6")
        again = runs.start("ukraine shahed", "key 5", "retraining 7")  # its comparison stands: no evidence of its own
        runs.finish(again.id, "FINISHED", version=5)
        failed = runs.start("ukraine shahed", "key 8", "retraining 8")
        runs.finish(failed.id, "FAILED")
        judged = runs.start("israel shahed", "key 9", "retraining 9")
        runs.finish(judged.id, "FINISHED")
    with closing(sqlite3.connect(world.home / "mlflow.db")) as database, database:
        for number, each in enumerate((dead, again, failed, judged)):
            stamp = int(ago(340 - number).timestamp() * 1_000)
            database.execute("UPDATE runs SET start_time = ? WHERE run_uuid = ?", (stamp, each.id))
    for version in world.registry.versions(*SERIES):
        world.registry._client.delete_model_version(NAME, str(version.version))  # no longer what keeps a run
    world.remove()
    newest_comparison = world.versions[5].run_id
    assert world.runs() - set(world.backtests.values()) == {dead.id, again.id, judged.id, newest_comparison}
    with retraining_runs() as runs:
        assert runs.has_compared("evidence 5")
        found = runs.of("ukraine shahed", "key 5")
        assert found is not None
        assert found.finished


def test_killed_after_any_step_it_goes_on_with_the_next(world: World) -> None:
    expected = world.surplus()
    assert {each.kind for each in expected} >= {"model", "artefacts", "run", "copy of a model"}
    while expected:
        world.remove(at_most=1)
        expected = expected[1:]
        assert world.surplus() == expected


def test_killed_within_a_folder_it_deletes_the_rest(world: World) -> None:
    folder = world.home / "mlartifacts" / world.versions[2].run_id
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files[: len(files) // 2]:
        path.unlink()
    world.remove()
    assert not folder.exists()
    assert world.surplus() == []


def test_a_run_that_somebody_elses_version_came_from_stays(world: World) -> None:
    client = world.registry._client
    client.create_registered_model("theirs")
    run_id = world.backtests["old"]
    client.create_model_version("theirs", "file:///nowhere", run_id)
    client.copy_model_version(f"models:/{NAME}/2", "theirs")
    world.aged(2, 600)  # both of them
    world.remove()
    assert run_id in world.runs() & world.with_artefacts()
    assert len(client.search_model_versions("name = 'theirs'")) == 2
    assert run_ids(world, 2) < world.runs()


@pytest.fixture
def gc() -> Callable[..., int]:
    """Runs `salvocast gc` in this process; its exit code."""
    app = typer.Typer()
    app.command()(retention_cli.gc)
    return lambda *arguments: run_command(app, list(arguments))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def leftovers(world: World) -> dict[str, Path]:
    unfinished = world.home / "unfinished"
    unfinished.mkdir()
    (world.home / "models" / ".begun").mkdir()
    paths = {
        "old backtest": unfinished / "a.jsonl",
        "new backtest": unfinished / "b.jsonl",
        "old copy": world.home / "models" / ".begun" / "model.json",
        "new copy": world.home / "models" / ".name.json.tmp",
    }
    for name, path in paths.items():
        path.write_text("half a li")
        if name.startswith("old"):
            os.utime(path, (0, ago(101).timestamp()))
            os.utime(path.parent, (0, ago(101).timestamp()))
    return paths


def test_leftovers_of_killed_processes_go_when_they_are_old(world: World, leftovers: dict[str, Path]) -> None:
    noted = world.home / "models" / f"{NAME}.json"
    noted.write_text(noted.read_text().replace(world.versions[5].digest, world.versions[2].digest))
    world.remove()
    assert {name for name, path in leftovers.items() if path.exists()} == {"new backtest", "new copy"}
    assert (world.home / "models" / world.versions[2].digest).exists()  # this machine would serve it


def test_a_dry_run_lists_what_goes_with_sizes_and_changes_no_byte(
    world: World, leftovers: dict[str, Path], gc: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (world.home / "settings.toml").write_text(
        "[retention]\nruns_days = 300\nartefacts_days = 100\nquarantine_days = 200\n"
    )
    before = contents(world.home)
    assert gc("--dry-run") == 0
    told = capsys.readouterr().out
    assert contents(world.home) == before
    for each in world.surplus():
        assert f"{each.kind}  " in told
        assert each.name in told
    folder = world.home / "mlartifacts" / world.versions[2].run_id
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    (line,) = [line for line in told.splitlines() if line.startswith("artefacts") and folder.name in line]
    assert line.endswith(f"{n_bytes / 1e6:.3f}")
    assert told.splitlines()[-1].endswith("would be deleted; nothing was changed")
    assert gc() == 0
    done = capsys.readouterr().out
    assert done == told.replace("would be deleted; nothing was changed", "deleted")
    assert world.numbers() == [5, 4, 1]
    after = contents(world.home)
    assert gc() == 0
    assert capsys.readouterr().out == "nothing to delete\n"
    assert {name: after[name] for name in after if "lock" not in name} == {
        name: content for name, content in contents(world.home).items() if "lock" not in name
    }


def test_it_waits_for_a_retraining_to_end(
    world: World, gc: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry.lock.__wrapped__, "__defaults__", (0.0,))  # type: ignore[attr-defined]
    before = world.numbers()
    with world.registry.lock():
        assert gc() == 1
    assert "locked by" in capsys.readouterr().err
    assert world.numbers() == before


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("file://{}/0123/artifacts", True),
        ("{}/0123/artifacts", True),
        ("file://localhost{}/0123/artifacts", True),
        ("file://elsewhere{}/0123/artifacts", False),  # another machine's
        ("{}/0123", False),
        ("file://{}/other/artifacts", False),  # not of that run alone
        ("0123/artifacts", False),  # of whatever folder the server was started in
        ("mlflow-artifacts:{}/0123/artifacts", False),
        ("s3://bucket{}/0123/artifacts", False),
        ("file://{}/link/0123/artifacts", False),
    ],
)
def test_only_a_folder_of_that_run_on_this_machine_is_deleted(tmp_path: Path, uri: str, found: bool) -> None:
    (tmp_path / "0123" / "artifacts").mkdir(parents=True)
    (tmp_path / "other" / "artifacts").mkdir(parents=True)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "0123").symlink_to(tmp_path / "other")
    assert _local_folder(uri.format(tmp_path), "0123") == (tmp_path / "0123" if found else None)
