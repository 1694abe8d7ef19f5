"""A morning's retraining: who serves afterwards, and that it ends the same wherever it is killed.

Registry and tracking store are stand-ins in memory with the same rules, so that the process can be killed at each of
their calls; `test_retrain_kills.py` kills the real thing.
"""

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from experiments import retrain as retraining
from experiments.promotion import Decision
from experiments.pull import Finding, Weight
from experiments.retrain import FEWEST_PAST, Kind, Outcome, compare, held_out_origins, retrain
from experiments.settings import RetrainSettings, Settings, TableSource
from experiments.tracking import RetrainingRun
from features.errors import SalvocastError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.model import ModelError
from forecasting.saved import SavedModel, digest_of, save_model

NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
RULES = RetrainSettings(
    first_champion="empirical_window",
    challengers=("seasonal_naive", "exponential_empirical"),
    origins=8,
    fewest_origins=4,
    horizon=7,
    paths=50,
    p_value=0.05,
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

    def challenger(self, theatre: str, weapon_class: str) -> None:
        """None was registered."""

    def champion(self, *_: str) -> Any:
        assert self.world.locked
        self.world.call()
        return next((each for each in self.world.versions if each.version == self.world.champion), None)

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

    def set_champion(self, _: str, version: int) -> None:
        assert self.world.locked
        self.world.call()
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

    def judged(self, evidence: str) -> bool:
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
class Desk:
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


@pytest.fixture(scope="session")
def weekly_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger file with 150 nights: ten times as many drones at the end of a week as at its beginning."""
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("weekly") / "ledger.db"
    days = [LAST_DAY - timedelta(days=back) for back in reversed(range(150))]
    with Ledger.open(f"sqlite:///{path}") as ledger:
        reports = [night(day, 20 + 30 * day.weekday() + int(rng.integers(0, 20))) for day in days]
        ledger.ingest(Reading("table", "all", iter(reports)), NOW)
    return path


def night(day: date, launched: int) -> SalvoReport:
    end = datetime(day.year, day.month, day.day, 8)
    return SalvoReport(window_start=end - timedelta(hours=14), window_end=end, launched=launched, source="table")


@pytest.fixture
def desk(home: Path, weekly_ledger: Path, tmp_path: Path) -> Iterator[Desk]:
    """With the weeks in the ledger and no report that is new."""
    home.mkdir()
    shutil.copy(weekly_ledger, home / "ledger.db")
    (tmp_path / "counts.csv").write_text("date,launched\n", encoding="utf-8")
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        yield Desk(ledger, tmp_path)


def test_the_first_champion_serves_untested_and_says_so(desk: Desk) -> None:
    outcome = desk.run()
    assert outcome.kind is Kind.FIRST
    assert desk.served == "empirical_window"
    assert "first champion: empirical_window serves as salvocast-ukraine-shahed version 1" in outcome.told
    assert "untested" in outcome.told
    assert outcome.comparison is None
    (run,) = desk.world.runs.values()
    assert (run["status"], run["version"]) == ("FINISHED", 1)
    assert run["parameters"]["champion_before"] == "none"


def test_the_same_data_again_is_nothing_new(desk: Desk) -> None:
    desk.run()
    before = copy.deepcopy(desk.world)
    outcome = desk.run()
    assert outcome.kind is Kind.NOTHING_NEW
    assert outcome.told.startswith("nothing new: data ")
    assert "\n" not in outcome.told
    assert desk.world == before


def test_new_reports_bring_a_comparison_and_the_better_recipe_serves(desk: Desk) -> None:
    desk.run()
    desk.report("2026-03-01")
    outcome = desk.run()
    assert outcome.kind is Kind.PROMOTED
    assert outcome.comparison is not None
    assert outcome.comparison.decision.promote == desk.served == "seasonal_naive"
    version = desk.world.versions[-1]
    assert version.origin == date(2026, 3, 1)
    table = outcome.comparison.table.set_index("model")
    assert version.scores["score"] == pytest.approx(table.loc["seasonal_naive", "score"])
    assert table.loc["seasonal_naive", "score"] < table.loc["empirical_window", "score"]
    run = desk.world.runs[str(outcome.run_id)]
    assert run["parameters"]["champion_before"] == "empirical_window version 1"
    assert run["metrics"]["score.seasonal_naive", 0] == version.scores["score"]
    assert {*run["tables"]} == {"recipes", "leaderboard", "scores"}


def test_the_same_recipe_on_newer_data_needs_no_test_until_there_is_a_new_origin(desk: Desk) -> None:
    """Origins are a week apart: of eight mornings one brings a new one, and one more the first comparison."""
    desk.run()
    outcomes = []
    for day in range(1, 9):
        desk.report(f"2026-03-0{day}")
        outcomes.append(desk.run())
    compared = [outcome.comparison is not None for outcome in outcomes]
    assert compared[0]
    assert sum(compared[1:]) == 1
    assert desk.world.champion == 9
    assert {outcome.kind for outcome in outcomes[1:]} == {Kind.REFRESHED}
    kept = outcomes[compared[1:].index(False) + 1]
    assert "the comparison at the same held-out origins stands" in kept.told
    scores = [version.scores for version in desk.world.versions[1:]]
    assert [one == other for one, other in pairwise(scores)] == [not anew for anew in compared[1:]]


def test_what_comes_by_daylight_brings_no_second_comparison(
    desk: Desk, night: Callable[[date, int], SalvoReport]
) -> None:
    """The night's report in the morning, the day's on the next: the last day is no outcome before it is whole."""
    desk.run()
    n_compared = 0
    for number in range(1, 15):
        day = date(2026, 3, number)
        desk.report(str(day))
        evening = replace(
            night(day, 5), window_start=datetime(2026, 3, number, 8), window_end=datetime(2026, 3, number, 20)
        )
        n_compared += desk.run().comparison is not None
        desk.ledger.ingest(Reading("table", f"day {day}", iter([evening])), datetime(2026, 3, 20, tzinfo=UTC))
    assert n_compared == 3  # the first, and one for each week


def test_other_rules_and_other_code_are_something_new(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run()
    desk.settings = replace_rules(desk, margin=0.01)
    assert desk.run().kind is not Kind.NOTHING_NEW
    assert desk.run().kind is Kind.NOTHING_NEW
    monkeypatch.setattr(retraining, "code_version", lambda: "0.2.0+edited")
    outcome = desk.run()
    assert outcome.kind is not Kind.NOTHING_NEW
    assert outcome.comparison is not None
    assert desk.run().kind is Kind.NOTHING_NEW


def replace_rules(desk: Desk, **rules: Any) -> Settings:
    return desk.settings.model_copy(update={"retrain": desk.settings.retrain.model_copy(update=rules)})


def test_force_compares_again_and_makes_no_second_version(desk: Desk) -> None:
    desk.run()
    desk.report("2026-03-01")
    desk.run()
    outcome = desk.run(force=True)
    assert outcome.comparison is not None
    assert outcome.kind is Kind.REFRESHED
    assert (len(desk.world.versions), len(desk.world.runs)) == (2, 3)
    assert desk.world.history == [1, 2]


def test_a_dry_run_decides_and_changes_nothing(desk: Desk) -> None:
    desk.run()
    desk.report("2026-03-01")
    desk.run()
    desk.report("2026-03-02")
    world, batches, last = copy.deepcopy(desk.world), len(desk.ledger.batches()), desk.ledger.history().last_day
    outcome = desk.run(dry_run=True, force=True)
    assert outcome.comparison is not None
    assert outcome.told.startswith("dry run, nothing was changed: refreshed: seasonal_naive would serve: ")
    assert desk.world == world
    assert (len(desk.ledger.batches()), desk.ledger.history().last_day) == (batches, last)


def test_a_broken_source_is_told_and_the_rest_goes_on(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(
        update={"source": (TableSource(kind="table", path="gone.csv"), *desk.settings.source)}
    )
    desk.report("2026-03-01")
    assert desk.run().kind is Kind.FIRST
    assert desk.findings[0].text.startswith("source table gone.csv failed: ")
    assert desk.findings[0].weight is Weight.FAILURE
    assert desk.world.versions[0].origin == date(2026, 3, 1)


def test_data_that_do_not_pass_are_not_learned_from_until_forced(desk: Desk) -> None:
    desk.run()
    desk.report("2026-03-01", 9_000)
    with pytest.raises(SalvocastError) as error:
        desk.run()
    assert "the data did not pass: 2026-03-01 has 9,000 launched" in str(error.value)
    assert "empirical_window version 1, fitted through 2026-02-28, still serves" in str(error.value)
    assert (desk.world.champion, len(desk.world.runs)) == (1, 1)
    assert desk.run(force=True).version == desk.world.champion == 2


def test_who_was_rolled_back_is_not_promoted_again_on_the_same_evidence(desk: Desk) -> None:
    desk.run()
    desk.report("2026-03-01")
    desk.report("2026-03-02")
    assert desk.run().kind is Kind.PROMOTED
    desk.world.champion = 1  # rolled back
    outcome = desk.run()
    assert outcome.kind is Kind.NOTHING_NEW
    assert "its version 2 was rolled back, empirical_window version 1" in outcome.told
    desk.report("2026-03-03")
    assert desk.run().kind is Kind.REFRESHED
    assert desk.served == "empirical_window"
    for day in range(4, 10):
        desk.report(f"2026-03-0{day}")
        outcome = desk.run()
    assert outcome.kind is Kind.PROMOTED  # there was a new origin
    assert desk.world.history[-2:] == [8, 9]


def test_a_challenger_that_cannot_be_fitted_is_out_and_a_champion_fails_the_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(name: str) -> Any:
        class Failing:
            model_id = name

            def fit(self, _: LaunchHistory) -> None:
                raise ModelError(f"{name} is broken")

        return Failing()

    real = retraining.load_model
    desk.run()
    desk.report("2026-03-01")
    with monkeypatch.context() as patched:
        patched.setattr(retraining, "load_model", lambda name: failing(name) if "window" in name else real(name))
        before = copy.deepcopy(desk.world.versions)
        with pytest.raises(
            SalvocastError, match="empirical_window failed at a held-out origin: empirical_window is broken"
        ):
            desk.run()
        assert (desk.world.versions, desk.world.champion) == (before, 1)
        assert [run["status"] for run in desk.world.runs.values()] == ["FINISHED", "FAILED"]
    with monkeypatch.context() as patched:
        patched.setattr(retraining, "load_model", lambda name: failing(name) if "seasonal" in name else real(name))
        outcome = desk.run()
    assert outcome.comparison is not None
    assert [recipe.model for recipe in outcome.comparison.recipes] == ["empirical_window", "exponential_empirical"]
    assert [run["status"] for run in desk.world.runs.values()] == ["FINISHED", "FINISHED"]  # the failed one went on


def test_every_fit_sees_what_was_published_by_its_origin_and_every_outcome_is_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction published today of a night a month ago changes outcomes, and no history of an origin before today.

    Broken by reading the history without its origin, or by cutting today's.
    """
    old = next(entry.report for entry in desk.ledger.as_of(NOW) if entry.report.attack_day == date(2026, 1, 20))
    corrected = replace(old, launched=old.launched + 333, source="table", published_at=NOW)
    desk.ledger.ingest(Reading("table", "correction", iter([corrected])), NOW)
    seen: dict[date, LaunchHistory] = {}
    real = retraining.run_backtest

    def spy(
        history_at: Callable[[date], LaunchHistory], truth: Any, models: Any, origins: Any, *rest: Any, **named: Any
    ) -> Any:
        seen.update({origin: history_at(origin) for origin in origins})
        assert all((truth.last_known_day - origin).days > RULES.horizon for origin in origins)
        assert truth.launched[(date(2026, 1, 20) - truth.first_day).days] >= 333
        return real(history_at, truth, models, origins, *rest, **named)

    monkeypatch.setattr(retraining, "run_backtest", spy)
    history = desk.ledger.history()
    comparison = compare(desk.ledger, history, "empirical_window", RULES)
    assert comparison is not None
    assert {*seen} == {*comparison.origins}
    assert any(origin > date(2026, 1, 20) for origin in seen)
    for origin, past in seen.items():
        assert past.last_day == origin
        if origin >= date(2026, 1, 20):
            assert past.launched[(date(2026, 1, 20) - past.first_day).days] < 333


def test_scores_are_the_mean_over_bands_of_wis_relative_to_the_reference(desk: Desk) -> None:
    history = desk.ledger.history()
    comparison = compare(desk.ledger, history, "empirical_window", RULES)
    assert comparison is not None
    assert comparison.result is not None
    means = comparison.result.scores.groupby(["model", "band"])["wis"].mean().unstack()
    # No day of these weeks is unknown, so the mean over origins of the means over bands is that of the board.
    for recipe in comparison.recipes:
        expected = (means.loc[recipe.model] / means.loc["empirical_window"]).mean()
        assert recipe.scores.mean() == pytest.approx(expected, rel=0.02)
        assert recipe.scores.size == len(comparison.origins) == RULES.origins
    assert comparison.recipes[0].scores.mean() == pytest.approx(1.0, rel=0.02)
    assert {*comparison.recipes[0].coverage} == {"days", "total_7"}


def test_a_short_record_keeps_its_champion(ledger: Ledger, night: Callable[[date, int], SalvoReport]) -> None:
    days = [LAST_DAY - timedelta(days=back) for back in range(FEWEST_PAST + RULES.horizon + 14)]
    ledger.ingest(Reading("table", "all", iter([night(day, 100) for day in days])), NOW)
    history = ledger.history()
    assert len(held_out_origins(history, RULES)) == 2
    comparison = compare(ledger, history, "empirical_window", RULES)
    assert comparison is not None
    assert comparison.decision == Decision(None, "2 held-out origins are too few to tell: expected at least 4")


@given(days=st.integers(100, 900), every=st.integers(1, 40), horizon=st.integers(1, 28), n=st.integers(2, 60))
def test_held_out_origins_are_known_weeks_on_a_grid_that_does_not_move(
    days: int, every: int, horizon: int, n: int, history_from: Callable[[ArrayLike], LaunchHistory]
) -> None:
    rules = RULES.model_copy(update={"every_days": every, "horizon": horizon, "origins": n})
    today, tomorrow = (history_from(np.ones(size)) for size in (days, days + 1))
    origins, next_origins = held_out_origins(today, rules), held_out_origins(tomorrow, rules)
    assert len(origins) <= n
    assert all((later - earlier).days == every for earlier, later in pairwise(origins))
    for origin in origins:
        assert (today.last_known_day - origin).days > horizon  # the last day may still get reports
        assert (origin - today.first_day).days >= FEWEST_PAST
    if origins:
        assert (today.last_known_day - origins[-1]).days <= horizon + every  # the most recent there are
    assert len({*next_origins} - {*origins}) <= 1


def final(world: World) -> Any:
    """All that is left, but for the process's own."""
    return world.versions, world.champion, world.history, world.runs


def test_killed_at_any_call_and_run_again_it_ends_in_the_same_state(desk: Desk) -> None:
    desk.run()
    desk.report("2026-03-01")
    before = copy.deepcopy(desk.world)
    assert desk.run().kind is Kind.PROMOTED
    undisturbed = copy.deepcopy(final(desk.world))
    kills = 0
    while True:
        desk.world = copy.deepcopy(before)
        desk.world.calls_left = kills
        try:
            desk.run()
            break
        except Killed:
            kills += 1
        desk.world.calls_left = None
        again = desk.run()
        assert again.version == desk.world.champion == 2
        assert final(desk.world) == undisturbed
        assert desk.run().kind is Kind.NOTHING_NEW
    assert kills >= 20


def test_killed_before_newer_data_came_the_old_run_is_ended_first(desk: Desk, home: Path) -> None:
    """Wherever it was killed: no run stays open, and no version that was made is left without having served."""
    desk.run()
    desk.report("2026-03-01")
    before = copy.deepcopy(desk.world)
    table, database = desk.folder / "counts.csv", home / "ledger.db"
    lines, ledger = table.read_bytes(), database.read_bytes()
    ends = set()
    for calls in range(60):
        table.write_bytes(lines)
        database.write_bytes(ledger)
        desk.world = copy.deepcopy(before)
        desk.world.calls_left = calls
        try:
            desk.run()
            break
        except Killed:
            desk.world.calls_left = None
        desk.report("2026-03-02")
        outcome = desk.run()
        assert outcome.version == desk.world.champion == desk.world.versions[-1].version
        assert desk.world.history == [each.version for each in desk.world.versions]
        statuses = [run["status"] for run in desk.world.runs.values()]
        assert "RUNNING" not in statuses
        ends.add((tuple(statuses), len(desk.world.versions)))
    assert ends == {
        (("FINISHED", "FINISHED"), 2),  # killed before there was a run
        (("FINISHED", "KILLED", "FINISHED"), 2),
        (("FINISHED", "FINISHED", "FINISHED"), 3),
    }
