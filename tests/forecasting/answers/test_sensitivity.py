"""The tornado: what matters is on top, what does nothing is called noise, and pieces of layers are never added."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from features.history import LaunchHistory
from forecasting.answers.sensitivity import sensitivity_document
from forecasting.defence.layers import Defence
from forecasting.plan import prepare, simulate
from forecasting.report.sensitivity_document import SensitivityDocument
from forecasting.report.sensitivity_text import sensitivity_text
from forecasting.salvos.model import SimulationRequest, load_model
from tests.forecasting.report.pictured import SURGE

HORIZON = 20


@pytest.fixture(scope="module")
def found(
    history_of: Callable[[Any], LaunchHistory], defence_of: Callable[[Sequence[dict[str, Any]]], Defence]
) -> SensitivityDocument:
    """Ten drones a night, each met with two to six interceptors of layer a, of which there are few; layer b comes
    after it, kills next to nothing, and has more than it can use."""
    rest = {"monthly_supply": 0.0, "engagements_per_night": 1e6, "engaged_share": 1.0}
    first = {"interceptors_per_engagement": (2.0, 4.0, 6.0), "stock": 100.0, "kill_probability": 1.0}
    second = {"interceptors_per_engagement": 1.0, "stock": (1e6, 2e6, 3e6), "kill_probability": 0.1}
    defence = defence_of(
        [first | rest | {"unit_cost_usd": (900.0, 1000.0, 1100.0)}, second | rest | {"unit_cost_usd": 5.0}]
    )
    prepared = prepare(load_model("empirical_window"), history_of(np.full(120, 10.0)))
    request = SimulationRequest(HORIZON, 1_000)
    made = simulate(prepared, defence, defence, request, seed=1, end=HORIZON)
    return sensitivity_document(made, 0.95, HORIZON, ("a", "b"))


def test_what_certainly_matters_is_on_top_and_what_does_nothing_is_noise(found: SensitivityDocument) -> None:
    top, *others = found.tornado("order", "a")
    assert (top.assumption, top.of, top.noise) == ("a.interceptors_per_engagement", "defence", False)
    # Ten a night at 2 to 6 each, less the 100 in hand: the order follows what is fired at each.
    assert top.low < 200 * 4 - 100 < top.high
    assert top.low >= 200 * 2 - 100
    assert top.high <= 200 * 6 - 100
    assert {each.assumption for each in others if each.noise} >= {"b.stock"}
    # Nobody runs short of b: nothing moves an order of it.
    assert all(each.noise and each.low == each.high == 0 for each in found.tornado("order", "b"))


def test_a_price_moves_the_cost_of_its_own_order_alone(found: SensitivityDocument) -> None:
    cost = {each.assumption: each for each in found.tornado("order_cost_usd")}
    pieces = {each.assumption: each for each in found.tornado("order", "a")}
    price = cost["a.unit_cost_usd"]
    assert 1.05 < price.high / price.low < 1.3
    assert pieces["a.unit_cost_usd"].noise
    assert [(each.measure, each.layer) for each in found.measures] == [
        ("order_cost_usd", None),
        ("leakers", None),
        ("order", "a"),
        ("order", "b"),
    ]


def test_the_text_tells_a_tornado_for_each_layer_and_counts_the_noise(found: SensitivityDocument) -> None:
    text = sensitivity_text(found)
    assert "\nTO ORDER, a, pieces: " in text
    assert "\nTO ORDER, b, pieces: 0 over all futures\n" in text
    assert "scenario none" in text
    n_assumptions = len(found.tornado("leakers"))
    assert f"({n_assumptions} within noise)" in text


def test_without_a_record_the_text_says_so_first(found: SensitivityDocument) -> None:
    borrowed = found.model_copy(update={"assumption_only": True, "shape_from": "ukraine", "surge": SURGE})
    assert sensitivity_text(borrowed).startswith("ASSUMPTIONS ONLY: ")
    assert "The shape of the salvos is that of Ukraine: each day as" in " ".join(sensitivity_text(borrowed).split())
    assert "The surge: 40 (20 to 80) a day for 12 (6 to >20) days" in " ".join(sensitivity_text(borrowed).split())
