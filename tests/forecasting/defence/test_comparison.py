"""Two defences against the same salvos: what is different is the defence's doing, and its noise is known."""

import numpy as np
import pytest

from features.errors import InputError
from forecasting.defence.comparison import differences, with_more
from forecasting.defence.engagement import engage
from tests.forecasting.defence.defence_layers import DefenceOf, SalvosOf, interceptors, jammer


def test_the_change_is_that_of_each_path_and_its_error_that_of_paired_paths(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """100 drones; the second layer kills all it has interceptors for, ten more in one defence than in the other."""
    salvos = salvos_of(np.full((400, 1), 100))
    layers = [jammer(1.0, 0.3), interceptors(1.0, 1.0, each=1.0, stock=20.0)]
    less = defence_of(layers, warhead_kg=50.0)
    found = {
        each.name: each
        for each in differences(engage(salvos, less), engage(salvos, with_more(less, "b", "stock", 10.0)))
    }
    leak = found["armed drones that leak"]
    assert (leak.change, leak.standard_error, leak.noise) == (-10.0, 0.0, False)
    assert leak.after == pytest.approx(leak.before - 10)
    assert found["leaked warheads, kg"].change == pytest.approx(-500)
    assert found["interceptors used, b"].change == 10
    assert found["interceptors used, USD"].change == 10_000


def test_a_change_that_paths_do_not_agree_on_is_noise(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    one, other = (
        engage(salvos_of(np.full((50, 1), 100), seed=seed), defence_of([jammer(1.0, 0.5)])) for seed in (3, 5)
    )
    (leak, _) = differences(one, other)
    assert leak.noise
    assert leak.standard_error == pytest.approx(np.sqrt(2 * 25 / 50), rel=0.3)


def test_a_layer_that_one_alone_has_uses_nothing_in_the_other(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos = salvos_of(np.full((20, 1), 10))
    met = [engage(salvos, defence_of(layers)) for layers in ([jammer()], [jammer(), interceptors(1.0)])]
    used = {each.name: each for each in differences(*met)}["interceptors used, b"]
    assert used.before == 0 < used.after == used.change


def test_more_is_the_whole_range_moved_and_assumed(defence_of: DefenceOf) -> None:
    defence = defence_of([interceptors(capacity=(20.0, 30.0, 50.0))])
    moved = with_more(defence, "a", "nightly_capacity", 500.0).layers[0].engagements_per_night
    assert moved is not None
    assert (moved.low, moved.mode, moved.high, moved.basis) == (520, 530, 550, "assumed")
    assert with_more(defence, "a", "engagements_per_night", 500.0).layers[0].engagements_per_night == moved


@pytest.mark.parametrize(
    ("layer", "quantity", "by", "told"),
    [
        ("b", "stock", 1.0, "unknown layer 'b'"),
        ("a", "stok", 1.0, "unknown quantity of layer a 'stok': did you mean stock"),
        ("a", "kill_probability", 0.7, "layer a: kill_probability moved by .0.7: kill_probability reaches 1.2"),
        ("a", "stock", -2e6, "layer a: stock moved by -2e.06: Input should be greater than or equal to 0"),
    ],
)
def test_what_cannot_be_added_is_told(layer: str, quantity: str, by: float, told: str, defence_of: DefenceOf) -> None:
    with pytest.raises(InputError, match=told):
        with_more(defence_of([interceptors()]), layer, quantity, by)
