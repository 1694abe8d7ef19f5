"""How the engine computes: in blocks, path by path, with draws of their own for each layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from features.errors import InputError
from forecasting.defence import blocks
from forecasting.defence.engagement import engage, engage_in_total
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from tests.forecasting.defence.defence_layers import DefenceOf, SalvosOf, armed, interceptors, jammer, same


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once, where there are twelve nights: 75 paths are five blocks, of which the last is alone."""
    monkeypatch.setattr(blocks, "BLOCK", 16)
    monkeypatch.setattr(blocks, "AT_ONCE", 2 * 16 * 12)


@pytest.mark.usefixtures("small_blocks")
def test_how_many_blocks_are_computed_at_once_changes_nothing(
    salvos_of: SalvosOf, bundled_defence: Defence, monkeypatch: pytest.MonkeyPatch
) -> None:
    salvos = salvos_of(np.random.default_rng(1).poisson(300, (75, 12)))
    met: list[Engagements] = []
    done: list[int] = []
    for at_once in (1, 2 * 16 * 12, 10**6):
        monkeypatch.setattr(blocks, "AT_ONCE", at_once)
        met.append(engage(salvos, bundled_defence, armed_share=armed(0.6, salvos), on_paths=done.append))
    assert done == [16] * 4 + [11] + [32, 32, 11] + [75]
    assert same(met[0], met[1])
    assert same(met[0], met[2])


@pytest.mark.usefixtures("small_blocks")
def test_a_path_meets_the_same_however_many_there_are(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    paths = np.random.default_rng(1).poisson(300, (75, 12))
    whole, part = (engage(salvos_of(paths[:n]), bundled_defence) for n in (75, 39))
    assert same(whole.rows(slice(0, 39)), part)
    for drawn, again in zip(whole.draws, part.draws, strict=True):
        assert all(np.array_equal(drawn[name][:39], again[name]) for name in drawn)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("share", [None, 0.6])
def test_totals_are_the_sums_of_the_nights_in_whatever_order_blocks_are_computed(
    share: float | None, salvos_of: SalvosOf, bundled_defence: Defence
) -> None:
    salvos = salvos_of(np.random.default_rng(1).poisson(300, (75, 12)))
    factors = {"helicopter": np.random.default_rng(2).random((75, 12))}

    def backwards(work: Callable[[Any], Any], blocks: Any) -> list[Any]:
        return [work(block) for block in reversed(list(blocks))][::-1]

    seen: list[int] = []
    met = engage(salvos, bundled_defence, kill_factors=factors, armed_share=armed(share, salvos))
    totals, again = (
        engage_in_total(
            salvos,
            bundled_defence,
            (7, 12),
            kill_factors=factors,
            armed_share=armed(share, salvos),
            map_blocks=map_blocks,
            on_paths=seen.append,
        )
        for map_blocks in (map, backwards)
    )
    assert sum(seen) == 2 * 75
    assert totals.through == (7, 12)
    for demand, total, other in (
        (met.actual, totals.actual, again.actual),
        (met.unlimited, totals.unlimited, again.unlimited),
    ):
        for name in ("engagements", "kills", "decoy_kills", "interceptors", "unmet", "leakers", "decoy_leakers"):
            sums = [getattr(demand, name)[..., :n_days].sum(axis=-1) for n_days in (7, 12)]
            assert np.array_equal(getattr(total, name), sums), name
            assert np.array_equal(getattr(other, name), sums), name
    for index, layer in enumerate(bundled_defence.layers):
        price = met.draws[index].get("unit_cost_usd", np.zeros(75))
        assert totals.actual.cost_usd[1, index] == pytest.approx(price * totals.actual.interceptors[1, index])
        assert (totals.actual.cost_usd[1, index].any()) == (layer.interceptor is not None)
    for stock, of_stock in zip(met.stocks, totals.stocks, strict=True):
        assert of_stock.layer_id == stock.layer_id
        assert np.array_equal(of_stock.opening, stock.opening)
        assert np.array_equal(of_stock.supplied, stock.supplied[:, [6, 11]].T)
        assert np.array_equal(of_stock.shortfall, stock.shortfall)
        assert np.array_equal(of_stock.days_of_supply, stock.days_of_supply)


def test_a_change_in_one_layer_leaves_the_draws_of_the_others_alone(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    wide = (0.2, 0.5, 0.9)
    one, other = (
        engage(salvos_of(np.full((50, 2), 30)), defence_of([jammer(0.5, kill), interceptors(wide, wide)]))
        for kill in (0.5, (0.1, 0.4, 0.6))
    )
    for quantity, values in one.draws[1].items():
        assert np.array_equal(values, other.draws[1][quantity])


@pytest.mark.usefixtures("small_blocks")
def test_the_first_nights_are_the_same_however_many_follow(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    paths = np.random.default_rng(1).poisson(300, (39, 12))
    whole, part = (engage(salvos_of(paths[:, :n]), bundled_defence) for n in (12, 5))
    for one, other in ((whole.actual, part.actual), (whole.unlimited, part.unlimited)):
        for name in ("engagements", "kills", "interceptors", "unmet", "leakers", "leakers_by_kind"):
            assert np.array_equal(getattr(one, name)[..., :5], getattr(other, name)), name


def test_a_layer_that_joins_changes_the_others_through_the_drones_alone(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """In front and with nothing in reach it changes nothing; the draws of the others stay whatever it does."""
    wide = (0.2, 0.5, 0.9)
    salvos = salvos_of(np.full((60, 3), 30))
    whole = defence_of([jammer(0.0, 0.5), jammer(wide, wide), interceptors(wide, wide)])
    without = whole.model_copy(update={"layers": whole.layers[1:]})
    idle, alone = engage(salvos, whole), engage(salvos, without)
    assert np.array_equal(idle.actual.kills[1:], alone.actual.kills)
    assert np.array_equal(idle.actual.interceptors[1:], alone.actual.interceptors)
    busy = engage(salvos, defence_of([jammer(0.9, 0.9), jammer(wide, wide), interceptors(wide, wide)]))
    for drawn, again in zip(busy.draws[1:], alone.draws, strict=True):
        assert all(np.array_equal(drawn[name], again[name]) for name in again)


@pytest.mark.parametrize("through", [(0,), (7, 13), (-1,)])
def test_a_total_over_other_nights_than_there_are_is_refused(
    through: tuple[int, ...], salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    with pytest.raises(InputError, match=f"a total of {through[-1]} days: expected 1 to the horizon, 12"):
        engage_in_total(salvos_of(np.full((2, 12), 3)), defence_of([jammer()]), through)
