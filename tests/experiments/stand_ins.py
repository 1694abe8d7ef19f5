"""An operator's machine, for tests of retraining: registry and tracking store are stand-ins in memory.

They have the same rules, so that a retraining can be killed at each of their calls.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from experiments import retrain as retraining
from experiments.report_sources import Finding
from experiments.retrain import Outcome, retrain
from experiments.settings import RetrainSettings, Settings, TableSource
from experiments.tracking import RetrainingRun
from features.ledger import Ledger
from forecasting.salvos.saved import SavedModel, digest_of, save_model

NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
RULES = RetrainSettings(
    first_champion="empirical_window",
    challengers=("seasonal_naive", "exponential_empirical"),
    origins=8,
    fewest_origins=4,
    horizon=7,
    paths=50,
    p_value=0.9,
    coverage_tolerance=1.0,
)
"""Quick recipes. The record is a week that repeats itself, which of these only seasonal_naive can see."""
LAST_DAY = date(2026, 2, 28)
SETTINGS = Settings(source=(TableSource(kind="table", path="counts.csv"),), retrain=RULES)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class World:
    """What outlives a process: versions, runs and the alias. `calls_left`: after so many, the process is killed."""

    versions: list[Any] = field(default_factory=list)
    champion: int | None = None
    challenger: int | None = None
    history: list[int] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls_left: int | None = None
    locked: bool = False

    def call(self) -> None:
        if self.calls_left is not None:
            if self.calls_left == 0:
                raise Killed
            self.calls_left -= 1


class StandInRegistry:
    """forecasting.registry.Registry, as its contract says it behaves."""

    def __init__(self, world: World) -> None:
        self.world = world

    @contextmanager
    def lock(self) -> Iterator[None]:
        assert not self.world.locked
        self.world.locked = True
        try:
            yield
        finally:
            self.world.locked = False  # a lock dies with its process

    def champion(self, *_: str) -> Any:
        assert self.world.locked
        self.world.call()
        return next((each for each in self.world.versions if each.version == self.world.champion), None)

    def challenger(self, *_: str) -> Any:
        assert self.world.locked
        self.world.call()
        return next((each for each in self.world.versions if each.version == self.world.challenger), None)

    def versions(self, *_: str) -> list[Any]:
        self.world.call()
        return self.world.versions[::-1]

    def register(self, saved: SavedModel, *, run_id: str, scores: Any, **_: object) -> Any:
        assert self.world.locked
        self.world.call()
        digest = digest_of(save_model(saved))
        code = retraining.code_version()
        known = [each for each in self.world.versions if (each.digest, each.code_version) == (digest, code)]
        if not known:
            known = [
                SimpleNamespace(
                    name=f"salvocast-{saved.theatre}-{saved.weapon_class}",
                    version=len(self.world.versions) + 1,
                    model_id=saved.model.model_id,
                    digest=digest,
                    data_digest=saved.data_digest,
                    code_version=code,
                    origin=saved.origin,
                    run_id=run_id,
                    scores=dict(scores),
                )
            ]
            self.world.versions += known
        self.world.call()
        return known[0]

    def record_move_by_hand(self, *_: str) -> None:
        assert self.world.locked

    def set_champion(self, _: str, version: int) -> None:
        assert self.world.locked
        self.world.call()
        if version == self.world.champion:
            return
        self.world.champion = version
        self.world.history.append(version)
        self.world.call()


class StandInRuns:
    """experiments.tracking.RetrainingRuns, on a dictionary."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _all(self) -> list[tuple[RetrainingRun, dict[str, Any]]]:
        self.world.call()
        return [
            (
                RetrainingRun(name, run["key"], run["status"] == "FINISHED", run.get("version"), run.get("decision")),
                run,
            )
            for name, run in reversed(self.world.runs.items())
        ]

    def of(self, series: str, key: str) -> RetrainingRun | None:
        found = [run for run, stored in self._all() if (stored["series"], stored["key"]) == (series, key)]
        return next((run for run in found if not run.finished), found[0] if found else None)

    def unfinished(self, series: str) -> list[RetrainingRun]:
        return [run for run, stored in self._all() if (stored["series"], stored["status"]) == (series, "RUNNING")]

    def has_compared(self, evidence: str) -> bool:
        return any(stored.get("evidence") == evidence and run.finished for run, stored in self._all())

    def start(self, series: str, key: str, name: str) -> RetrainingRun:
        self.world.call()
        run_id = f"run {len(self.world.runs) + 1}"
        self.world.runs[run_id] = {"series": series, "key": key, "name": name, "status": "RUNNING"}
        self.world.call()
        return RetrainingRun(run_id, key, False, None, None)

    def decide(self, run_id: str, decision: str, evidence: str, _: Any, *logged: Any) -> None:
        run = self.world.runs[run_id]
        for name, value in zip(("parameters", "metrics", "tables", "texts"), logged, strict=True):
            self.world.call()
            run[name] = {key: _plain(each) for key, each in value.items()}
        self.world.call()
        run["evidence"] = evidence
        self.world.call()
        run["decision"] = decision
        self.world.call()

    def finish(self, run_id: str, status: str, version: int | None = None) -> None:
        self.world.call()
        run = self.world.runs[run_id]
        if version is not None:
            run["version"] = version
        self.world.call()
        run["status"] = status
        self.world.call()


def _plain(value: Any) -> Any:
    """A table without what no two runs have in common, the time it took."""
    if hasattr(value, "drop"):
        return value.drop(columns=["seconds_per_origin"], errors="ignore").to_csv(index=False)
    return value


@dataclass
class Operator:
    """An operator's machine: a ledger, a folder with new reports, and what outlives a process."""

    ledger: Ledger
    folder: Path
    world: World = field(default_factory=World)
    findings: list[Finding] = field(default_factory=list)
    settings: Settings = SETTINGS
    now: datetime = NOW

    def report(self, day: str, launched: int | None = None) -> None:
        """A new line in the operator's table, with the usual number of that weekday."""
        usual = 30 + 30 * date.fromisoformat(day).weekday()
        with (self.folder / "counts.csv").open("a", encoding="utf-8") as file:
            file.write(f"{day},{usual if launched is None else launched}\n")

    def run(self, **options: Any) -> Outcome:
        self.findings.clear()
        return retrain(
            self.ledger,
            StandInRegistry(self.world),  # type: ignore[arg-type]
            StandInRuns(self.world),  # type: ignore[arg-type]
            self.settings,
            folder=self.folder,
            now=lambda: self.now,
            on_finding=self.findings.append,
            **options,
        )

    @property
    def served(self) -> str:
        return next(each.model_id for each in self.world.versions if each.version == self.world.champion)
