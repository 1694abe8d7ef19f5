"""Plans of any size: the same bytes however many paths are met at a time, and a refusal where memory would not do."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.defence import blocks
from forecasting.defence.layers import Defence
from forecasting.losses.calibrated_defence import Calibration
from forecasting.orders import plan_size
from forecasting.orders.plan_size import check_memory
from forecasting.orders.policy import AskedPolicy
from forecasting.plan import Prepared, Target, make_plan
from forecasting.salvos import model as models
from forecasting.salvos.model import SimulationRequest, load_model
from tests.forecasting.plans import json_of


def made(prepared: Prepared, defence: Defence, calibrated: Calibration, **given: Any) -> str:
    request = SimulationRequest(given.pop("horizon", 28), 1_200)
    return json_of(make_plan(prepared, defence, request, service_level=0.9, seed=3, calibrated=calibrated, **given))


@pytest.mark.parametrize(
    "given", [{}, {"target": Target(250.0)}, {"layers": ("fighter",), "joint": True}], ids=["plan", "target", "joint"]
)
def test_a_plan_without_its_nights_is_the_same_to_the_byte(
    given: Mapping[str, Any],
    bundled_prepared: Prepared,
    bundled_defence: Defence,
    bundled_calibrated: Calibration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Summed as they are met, a block of 500 paths at a time or several, beside all nights in memory."""
    whole = made(bundled_prepared, bundled_defence, bundled_calibrated, **given)
    monkeypatch.setattr(plan_size, "NIGHTS_KEPT", 1_200 * 28 - 1)
    several = made(bundled_prepared, bundled_defence, bundled_calibrated, **given)
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    assert several == whole
    assert made(bundled_prepared, bundled_defence, bundled_calibrated, **given) == whole


def test_a_policy_of_a_large_plan_says_on_how_many_paths_it_was_found(
    bundled_prepared: Prepared,
    bundled_defence: Defence,
    bundled_calibrated: Calibration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_size, "NIGHTS_KEPT", 500 * 56)
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    request = SimulationRequest(56, 1_200)
    plan = make_plan(
        bundled_prepared,
        bundled_defence,
        request,
        service_level=0.9,
        seed=3,
        calibrated=bundled_calibrated,
        policy=AskedPolicy("base_stock", 14),
    )
    (note,) = [each for each in plan.notes if each.code == "policy_on_first_paths"]
    assert note.values == {"n": 500, "paths": 1_200}
    assert plan.policy is not None
    assert plan.policy.futures.launched.tolist() == plan.forecast.paths[:500].tolist()


def test_paths_of_a_large_forecast_are_drawn_a_part_at_a_time(
    bundled_history: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first part is what it is alone; no part repeats another."""
    model = load_model("exponential_empirical")
    fitted = model.fit(bundled_history)
    monkeypatch.setattr(models, "PATHS_AT_ONCE", 100)

    def paths(n: int) -> Any:
        return models.forecast_fitted(model, fitted, bundled_history, SimulationRequest(7, n), 1).paths

    parts = paths(250)
    assert parts.shape == (250, 7)
    assert np.array_equal(parts[:100], paths(100))
    assert np.array_equal(parts[:200], paths(200))
    assert not np.array_equal(parts[:50], parts[200:])


def test_a_hundred_thousand_futures_of_a_year_are_within_the_bound_of_memory() -> None:
    check_memory(SimulationRequest(365, 100_000))
    with pytest.raises(
        InputError, match=r"take 16\.6 GB of memory: expected at most 4\.5; take 17,123 paths, or a shorter"
    ):
        check_memory(SimulationRequest(365, 100_000), under_scenario=True)


def test_as_many_points_of_the_frontier_as_are_asked_for(
    bundled_prepared: Prepared, bundled_defence: Defence, bundled_calibrated: Calibration
) -> None:
    """Rising in cost with fewer leakers; nothing ordered is the first of any number of them."""
    request = SimulationRequest(28, 600)
    made = [
        make_plan(
            bundled_prepared,
            bundled_defence,
            request,
            service_level=0.9,
            seed=3,
            calibrated=bundled_calibrated,
            frontier_points=n,
        ).advice
        for n in (2, 10)
    ]
    few, many = ([(each.cost_usd, each.leakers) for each in advice.frontier] for advice in made if advice)
    assert len(few) == 2
    assert 7 <= len(many) <= 10  # those that are dominated are left out
    assert many[0] == few[0] == (0.0, few[0][1])
    assert [cost for cost, _ in many] == sorted({cost for cost, _ in many})
    assert [leakers for _, leakers in many] == sorted((leakers for _, leakers in many), reverse=True)
