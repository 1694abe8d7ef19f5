"""What the record says of a scenario, kept as bytes: the same forecast to the last digit, and learned once."""

from collections.abc import Callable

import numpy as np

from features.history import LaunchHistory
from features.scenarios import load_scenario
from forecasting.answers.learned_supply import packed_supply, remembered_supply, unpacked_supply
from forecasting.supply.assimilation import assimilate
from forecasting.supply.scenario_forecast import meet_record
from forecasting.supply.verdict import scenario_verdict

DRAWS = 60


def test_what_is_kept_gives_the_same_supply_as_all_the_days_do(bundled_history: LaunchHistory) -> None:
    scenario = load_scenario("workers_25000")  # with a switch of model, whose share changes by day
    whole = assimilate(scenario, bundled_history, 90, DRAWS, 1)
    met, verdict = meet_record(scenario, bundled_history, 90, DRAWS, 1)
    again, verdict_again = unpacked_supply(packed_supply(met, verdict), scenario.as_known(bundled_history.last_day))
    assert scenario_verdict(whole).reason == verdict.reason == verdict_again.reason
    assert verdict_again.share == verdict.share
    assert (verdict_again.stock == verdict.stock).all()
    for kept in (met, again):
        assert kept.scenario == whole.scenario
        assert kept.effective_sample_size == whole.effective_sample_size
        for name in ("capacity", "capacity_stated", "certain_now", "output_ratio", "stock", "log_ratio"):
            assert (getattr(kept, name) == getattr(whole, name)).all(), name
        for one, other in ((kept.future(40, 3), whole.future(40, 3)),):
            assert one.first_day == other.first_day
            assert (one.inflow == other.inflow).all()
            assert (one.opening == other.opening).all()
            assert [model.kind for model in one.new_models] == [model.kind for model in other.new_models]
            assert all((a.share == b.share).all() for a, b in zip(one.new_models, other.new_models, strict=True))
            assert [sorted(model.factors) for model in one.new_models] == [
                sorted(model.factors) for model in other.new_models
            ]
        assert (kept.future(40, 3).inflow == kept.future(40, 3).inflow).all()  # the same numbers again, not the next
        assert (kept.sustained_now(40, 3) == whole.sustained_now(40, 3)).all()
        assert kept.drawn.levels.keys() == whole.drawn.levels.keys()
    assert met.drawn.n_days == 28 + 90
    assert met.drawn.armed.base is None  # the days that nothing looks at are not kept with it


def test_it_is_learned_once_for_each_scenario_and_horizon(bundled_history: LaunchHistory) -> None:
    kept: dict[str, bytes] = {}
    made = []

    def remember(key: str, make: Callable[[], bytes]) -> bytes:
        if key not in kept:
            made.append(key)
            kept[key] = make()
        return kept[key]

    meet = remembered_supply(remember)
    scenario = load_scenario("truce_30_days")
    first, _ = meet(scenario, bundled_history, 28, DRAWS, 1)
    second, _ = meet(scenario, bundled_history, 28, DRAWS, 1)
    assert len(made) == 1
    assert (first.drawn.armed == second.drawn.armed).all()
    meet(scenario, bundled_history, 29, DRAWS, 1)
    meet(load_scenario("published"), bundled_history, 28, DRAWS, 1)
    meet(scenario, bundled_history.until(bundled_history.last_day.replace(day=1)), 28, DRAWS, 1)
    assert len(made) == 4
    level = next(iter(first.drawn.levels))
    held, _ = meet(scenario, bundled_history, 28, DRAWS, 1, {level: 0.5})
    assert len(made) == 4  # not kept
    assert np.ptp(held.drawn.levels[level]) == 0
