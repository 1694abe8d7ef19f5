"""Recipes at held-out origins: who sees what, and how they are scored."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from experiments import held_out
from experiments.held_out import FEWEST_PAST, compare, held_out_origins
from experiments.promotion import Decision
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from tests.experiments.stand_ins import LAST_DAY, NOW, RULES, Operator


def test_every_fit_sees_what_was_published_by_its_origin_and_every_outcome_is_known(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction published today of a night a month ago changes outcomes, and no history of an origin before today.

    Broken by reading the history without its origin, or by cutting today's.
    """
    old = next(entry.report for entry in operator.ledger.as_of(NOW) if entry.report.attack_day == date(2026, 1, 20))
    corrected = replace(old, launched=old.launched + 100, source="table", published_at=NOW)
    operator.ledger.ingest(Reading("table", "correction", iter([corrected])), NOW)
    seen: dict[date, LaunchHistory] = {}
    real = held_out.run_backtest

    def spy(
        history_at: Callable[[date], LaunchHistory], truth: Any, models: Any, origins: Any, *rest: Any, **named: Any
    ) -> Any:
        seen.update({origin: history_at(origin) for origin in origins})
        assert all((truth.last_known_day - origin).days > RULES.horizon for origin in origins)
        assert truth.launched[(date(2026, 1, 20) - truth.first_day).days] == corrected.launched
        return real(history_at, truth, models, origins, *rest, **named)

    monkeypatch.setattr(held_out, "run_backtest", spy)
    history = operator.ledger.history()
    comparison = compare(operator.ledger, history, "empirical_window", RULES)
    assert comparison is not None
    assert {*seen} == {*comparison.origins}
    assert any(origin > date(2026, 1, 20) for origin in seen)
    for origin, past in seen.items():
        assert past.last_day == origin
        if origin >= date(2026, 1, 20):
            assert past.launched[(date(2026, 1, 20) - past.first_day).days] == old.launched


def test_scores_are_the_mean_over_bands_of_wis_relative_to_the_reference(operator: Operator) -> None:
    history = operator.ledger.history()
    comparison = compare(operator.ledger, history, "empirical_window", RULES)
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


@settings(deadline=None)
@given(days=st.integers(100, 900), every=st.integers(1, 40), horizon=st.integers(1, 28), n=st.integers(2, 60))
def test_held_out_origins_are_known_weeks_on_a_grid_that_does_not_move(
    days: int, every: int, horizon: int, n: int, history_from: Callable[[ArrayLike], LaunchHistory]
) -> None:
    rules = RULES.model_copy(update={"every_days": every, "horizon": horizon, "origins": n})
    today, tomorrow = (history_from(np.ones(size)) for size in (days, days + 1))
    origins, next_origins = held_out_origins(today, rules), held_out_origins(tomorrow, rules)
    assert len(origins) <= n
    step = rules.days_between_comparisons
    assert step >= horizon  # whatever changes, changes with outcomes that were not there before
    assert all((later - earlier).days == every for earlier, later in pairwise(origins))
    for origin in origins:
        assert (today.last_known_day - origin).days > horizon  # the last day may still get reports
        assert (origin - today.first_day).days >= FEWEST_PAST
    if origins:
        assert (today.last_known_day - origins[-1]).days <= horizon + step  # the most recent there are
    if origins and next_origins != origins:
        assert (next_origins[-1] - origins[-1]).days == step
