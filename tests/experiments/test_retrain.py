"""A morning's retraining: who serves afterwards, and that it ends the same wherever it is killed.

`test_retrain_kills.py` kills the real thing.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from experiments import held_out
from experiments import retrain as retraining
from experiments.report_sources import Severity
from experiments.retrain import Kind
from experiments.settings import Settings, TableSource
from features.history import LaunchHistory
from features.quarantine import release
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.salvos.gap import LONGEST_GAP
from forecasting.salvos.model import MODELS, ModelError
from tests.experiments.stand_ins import RULES, Killed, Operator, World


def test_the_first_champion_serves_untested_and_says_so(operator: Operator) -> None:
    outcome = operator.run()
    assert outcome.kind is Kind.FIRST
    assert operator.served == "empirical_window"
    assert "first champion: empirical_window serves as salvocast-ukraine-shahed version 1" in outcome.summary
    assert "untested" in outcome.summary
    assert outcome.comparison is None
    (run,) = operator.world.runs.values()
    assert (run["status"], run["version"]) == ("FINISHED", 1)
    assert run["parameters"]["champion_before"] == "none"


def test_the_same_data_again_is_nothing_new(operator: Operator) -> None:
    operator.run()
    before = copy.deepcopy(operator.world)
    outcome = operator.run()
    assert outcome.kind is Kind.NOTHING_NEW
    assert outcome.summary.startswith("nothing new: data ")
    assert "\n" not in outcome.summary
    assert operator.world == before


def test_where_the_champion_is_gone_there_is_something_to_do(operator: Operator) -> None:
    operator.run()
    operator.world.champion = None  # somebody has deleted the alias
    outcome = operator.run()
    assert (outcome.kind, outcome.version, operator.world.champion) == (Kind.FIRST, 1, 1)
    assert operator.run().kind is Kind.NOTHING_NEW


def test_new_reports_bring_a_comparison_and_the_better_recipe_serves(operator: Operator) -> None:
    operator.run()
    operator.report("2026-03-01")
    outcome = operator.run()
    assert outcome.kind is Kind.PROMOTED
    assert outcome.comparison is not None
    assert outcome.comparison.decision.promote == operator.served == "seasonal_naive"
    version = operator.world.versions[-1]
    assert version.origin == date(2026, 3, 1)
    table = outcome.comparison.table.set_index("model")
    assert version.scores["score"] == pytest.approx(table.loc["seasonal_naive", "score"])
    assert table.loc["seasonal_naive", "score"] < table.loc["empirical_window", "score"]
    run = operator.world.runs[str(outcome.run_id)]
    assert run["parameters"]["champion_before"] == "empirical_window version 1"
    assert run["metrics"]["score.seasonal_naive", 0] == version.scores["score"]
    assert {*run["tables"]} == {"recipes", "leaderboard", "scores", "failures"}


def test_the_same_recipe_on_newer_data_needs_no_test_until_there_is_a_new_origin(operator: Operator) -> None:
    """Origins are a week apart: of eight mornings one brings a new one, and one more the first comparison."""
    operator.run()
    outcomes = []
    for day in range(1, 9):
        operator.report(f"2026-03-0{day}")
        outcomes.append(operator.run())
    compared = [outcome.comparison is not None for outcome in outcomes]
    assert compared[0]
    assert sum(compared[1:]) == 1
    assert operator.world.champion == 9
    assert {outcome.kind for outcome in outcomes[1:]} == {Kind.REFRESHED}
    kept = outcomes[compared[1:].index(False) + 1]
    assert "the comparison at the same held-out origins stands" in kept.summary
    scores = [version.scores for version in operator.world.versions[1:]]
    assert [one == other for one, other in pairwise(scores)] == [not anew for anew in compared[1:]]


def test_what_comes_by_daylight_brings_no_second_comparison(
    operator: Operator, night: Callable[[date, int], SalvoReport]
) -> None:
    """The night's report in the morning, the day's on the next: the last day is no outcome before it is whole."""
    operator.run()
    n_compared = 0
    for number in range(1, 15):
        day = date(2026, 3, number)
        operator.report(str(day))
        evening = replace(
            night(day, 5), window_start=datetime(2026, 3, number, 8), window_end=datetime(2026, 3, number, 20)
        )
        n_compared += operator.run().comparison is not None
        operator.ledger.ingest(Reading("table", f"day {day}", iter([evening])), datetime(2026, 3, 20, tzinfo=UTC))
    assert n_compared == 3  # the first, and one for each week


def test_other_rules_and_other_code_are_something_new(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator.run()
    operator.settings = replace_rules(operator, margin=0.01)
    assert operator.run().kind is not Kind.NOTHING_NEW
    assert operator.run().kind is Kind.NOTHING_NEW
    for module in (retraining, held_out):
        monkeypatch.setattr(module, "code_version", lambda: "0.2.0+edited")
    outcome = operator.run()
    assert outcome.kind is not Kind.NOTHING_NEW
    assert outcome.comparison is not None
    assert operator.run().kind is Kind.NOTHING_NEW


def replace_rules(operator: Operator, **rules: Any) -> Settings:
    return operator.settings.model_copy(update={"retrain": operator.settings.retrain.model_copy(update=rules)})


def test_force_compares_again_and_makes_no_second_version(operator: Operator) -> None:
    operator.run()
    operator.report("2026-03-01")
    operator.run()
    outcome = operator.run(force=True)
    assert outcome.comparison is not None
    assert outcome.kind is Kind.REFRESHED
    assert (len(operator.world.versions), len(operator.world.runs)) == (2, 3)
    assert operator.world.history == [1, 2]


def test_a_dry_run_decides_and_changes_nothing(operator: Operator) -> None:
    operator.run()
    operator.report("2026-03-01")
    operator.run()
    operator.report("2026-03-02")
    world, batches, last = (
        copy.deepcopy(operator.world),
        len(operator.ledger.batches()),
        operator.ledger.history().last_day,
    )
    outcome = operator.run(dry_run=True, force=True)
    assert outcome.comparison is not None
    assert outcome.summary.startswith("dry run, nothing was changed: refreshed: seasonal_naive would serve: ")
    assert operator.world == world
    assert (len(operator.ledger.batches()), operator.ledger.history().last_day) == (batches, last)


def test_a_broken_source_is_told_and_the_rest_goes_on(operator: Operator) -> None:
    operator.settings = operator.settings.model_copy(
        update={"source": (TableSource(kind="table", path="gone.csv"), *operator.settings.source)}
    )
    operator.report("2026-03-01")
    assert operator.run().kind is Kind.FIRST
    assert operator.findings[0].text.startswith("source table gone.csv failed: ")
    assert operator.findings[0].severity is Severity.FAILURE
    assert operator.world.versions[0].origin == date(2026, 3, 1)


def test_a_count_that_waits_for_a_person_is_not_learned_from_until_it_is_confirmed(operator: Operator) -> None:
    operator.run()
    operator.report("2026-03-01", 9_000)
    assert operator.run().kind is Kind.NOTHING_NEW  # held for a person's word
    (held,) = operator.ledger.quarantine()
    release(operator.ledger, held["id"], "so the Air Force said", operator.now)
    assert operator.run().version == operator.world.champion == 2  # nobody doubts it again


def test_who_was_rolled_back_is_not_promoted_again_on_the_same_evidence(operator: Operator) -> None:
    operator.run()
    operator.report("2026-03-01")
    operator.report("2026-03-02")
    assert operator.run().kind is Kind.PROMOTED
    operator.world.champion = 1  # rolled back
    outcome = operator.run()
    assert outcome.kind is Kind.NOTHING_NEW
    assert "its version 2 was rolled back, empirical_window version 1" in outcome.summary
    operator.report("2026-03-03")
    assert operator.run().kind is Kind.REFRESHED
    assert operator.served == "empirical_window"
    for day in range(4, 10):
        operator.report(f"2026-03-0{day}")
        outcome = operator.run()
    assert outcome.kind is Kind.PROMOTED  # there was a new origin
    assert operator.world.history[-2:] == [8, 9]


def test_a_recipe_that_fails_is_named_and_stops_neither_the_others_nor_the_refresh(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(name: str) -> Any:
        class Failing:
            model_id = name

            def fit(self, _: LaunchHistory) -> None:
                raise ModelError(f"{name} is broken")

        return Failing()

    real = held_out.load_model
    operator.run()
    operator.report("2026-03-01")
    with monkeypatch.context() as patched:
        patched.setattr(held_out, "load_model", lambda name: failing(name) if "window" in name else real(name))
        outcome = operator.run()
        assert (outcome.kind, operator.served) == (Kind.REFRESHED, "empirical_window")
        assert "empirical_window failed at origin 202" in outcome.summary
        assert "empirical_window is broken" in outcome.summary
        assert [finding.severity for finding in operator.findings if "could not be compared" in finding.text] == [
            Severity.FAILURE
        ]
        assert [run["status"] for run in operator.world.runs.values()] == ["FINISHED", "FINISHED"]
    with monkeypatch.context() as patched:
        patched.setattr(held_out, "load_model", lambda name: failing(name) if "seasonal" in name else real(name))
        outcome = operator.run(force=True)
    assert outcome.comparison is not None
    assert [recipe.model for recipe in outcome.comparison.recipes] == ["empirical_window", "exponential_empirical"]
    assert "seasonal_naive failed at origin 202" in outcome.summary


def test_a_challenger_that_earned_it_and_fails_on_all_that_is_known_stops_nothing(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = retraining.load_model

    class Singular:
        model_id = "seasonal_naive"

        def fit(self, _: LaunchHistory) -> None:
            raise ValueError("singular matrix")

    operator.run()
    operator.report("2026-03-01")
    broken = Singular()
    monkeypatch.setattr(retraining, "load_model", lambda name: broken if name == "seasonal_naive" else real(name))
    outcome = operator.run()
    assert (outcome.kind, operator.served, outcome.version) == (Kind.REFRESHED, "empirical_window", 2)
    reason = "model seasonal_naive cannot be fitted to the history until 2026-03-01 (ValueError: singular matrix)"
    assert f"seasonal_naive had earned it and cannot be put in service: {reason}" in outcome.summary
    assert [finding.severity for finding in operator.findings if reason in finding.text] == [Severity.FAILURE]


def test_an_edited_model_of_ones_own_is_news(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each edit is a module of its own here: what a process has imported, it does not read again."""

    def edit(shift: int) -> None:
        name = f"my_model_{shift}"
        (operator.folder / f"{name}.py").write_text(MINE.format(shift=shift), encoding="utf-8")
        monkeypatch.setitem(MODELS, "mine", f"{name}:Mine")

    monkeypatch.syspath_prepend(str(operator.folder))
    edit(1)
    rules = RULES.model_copy(update={"challengers": ("mine",)})
    operator.settings = operator.settings.model_copy(update={"retrain": rules})
    operator.run()
    operator.report("2026-03-01")
    first = operator.run()
    assert first.comparison is not None
    assert [recipe.model for recipe in first.comparison.recipes] == ["empirical_window", "mine"]
    assert operator.run().kind is Kind.NOTHING_NEW
    edit(2)
    again = operator.run()
    assert again.comparison is not None
    assert again.comparison.evidence != first.comparison.evidence
    assert operator.run().kind is Kind.NOTHING_NEW


MINE = """
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class FittedMine:
    level: float
    def simulate(self, request, rng):
        return rng.poisson(self.level + {shift}, (request.horizon, request.n_paths)).T.astype(np.int64)

@dataclass(frozen=True)
class Mine:
    model_id: str = "mine"
    def fit(self, history):
        return FittedMine(float(history.known[-7:].mean()))
"""


def test_a_challenger_whose_package_is_broken_is_named_and_out(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "seasonal_naive", "a_package_that_is_not_there:Model")
    operator.run()
    operator.report("2026-03-01")
    outcome = operator.run()
    assert outcome.comparison is not None
    assert [recipe.model for recipe in outcome.comparison.recipes] == ["empirical_window", "exponential_empirical"]
    assert "; model seasonal_naive cannot be loaded (ModuleNotFoundError" in outcome.summary


def test_after_two_silent_months_learning_goes_on_and_the_origins_in_the_gap_are_counted(operator: Operator) -> None:
    operator.run()
    for day in ("2026-05-01", "2026-05-02", "2026-05-12"):
        operator.report(day)
    operator.now = datetime(2026, 5, 13, 8, tzinfo=UTC)
    outcome = operator.run()
    assert outcome.kind in (Kind.REFRESHED, Kind.PROMOTED)
    assert outcome.comparison is not None
    history = operator.ledger.history()
    for origin in outcome.comparison.origins:
        assert (origin - history.until(origin).last_known_day).days <= LONGEST_GAP
        assert history.since(origin + timedelta(days=1)).until(origin + timedelta(days=RULES.horizon)).known.size
    n_left = RULES.origins - len(outcome.comparison.origins)
    assert n_left > 0
    assert f"{n_left} of {RULES.origins} held-out origins lie in a gap of the record" in outcome.summary


def final(world: World) -> Any:
    """All that is left, but for the process's own."""
    return world.versions, world.champion, world.history, world.runs


def test_killed_at_any_call_and_run_again_it_ends_in_the_same_state(operator: Operator) -> None:
    operator.run()
    operator.report("2026-03-01")
    before = copy.deepcopy(operator.world)
    assert operator.run().kind is Kind.PROMOTED
    undisturbed = copy.deepcopy(final(operator.world))
    kills = 0
    while True:
        operator.world = copy.deepcopy(before)
        operator.world.calls_left = kills
        try:
            operator.run()
            break
        except Killed:
            kills += 1
        operator.world.calls_left = None
        again = operator.run()
        assert again.version == operator.world.champion == 2
        assert final(operator.world) == undisturbed
        assert operator.run().kind is Kind.NOTHING_NEW
    assert kills >= 20


def test_killed_before_newer_data_came_the_old_run_is_ended_first(operator: Operator, home: Path) -> None:
    """Wherever it was killed: no run stays open, and no version that was made is left without having served."""
    operator.run()
    operator.report("2026-03-01")
    before = copy.deepcopy(operator.world)
    table, database = operator.folder / "counts.csv", home / "ledger.db"
    lines, ledger = table.read_bytes(), database.read_bytes()
    ends = set()
    for calls in range(60):
        table.write_bytes(lines)
        database.write_bytes(ledger)
        operator.world = copy.deepcopy(before)
        operator.world.calls_left = calls
        try:
            operator.run()
            break
        except Killed:
            operator.world.calls_left = None
        operator.report("2026-03-02")
        outcome = operator.run()
        assert outcome.version == operator.world.champion == operator.world.versions[-1].version
        assert operator.world.history == [each.version for each in operator.world.versions]
        statuses = [run["status"] for run in operator.world.runs.values()]
        assert "RUNNING" not in statuses
        ends.add((tuple(statuses), len(operator.world.versions)))
    assert ends == {
        (("FINISHED", "FINISHED"), 2),  # killed before there was a run
        (("FINISHED", "KILLED", "FINISHED"), 2),
        (("FINISHED", "FINISHED", "FINISHED"), 3),
    }
