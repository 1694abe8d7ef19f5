"""Production assumptions -> draws of what reaches a theatre's store, and the account of the drones in it.

Every assumption of a scenario is drawn once per draw, by its own stream of random numbers (common random numbers: a
scenario that differs in one assumption differs in that draw alone).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from features.scenarios import ProductionScenario


@dataclass(frozen=True, eq=False)
class SupplyDraws:
    """What a scenario says of one theatre's supply, drawn. Drones per day of the theatre's part, (n_draws, n_days)
    unless said otherwise; day 0 is `first_day`, the day of the opening stock.

    armed, decoys: made and imported, before anything is held back. released: (n_draws,) share of them that goes into
    the store. struck, transferred: drones that leave the store without being launched, as far as it has any.
    opening, minimum: (n_draws,) drones. lost_before_launch: (n_draws,) share. drawdown: (n_draws,) days.
    paused: (n_days,) whether nothing is launched. new_model: (n_draws, n_days) share of the armed drones that is of a
    new model, and kill_probability: layer -> (n_draws,) how many times its kill probability is that against the old.
    levels: assumption -> (n_draws,) the level 0 to 1 of its range that was drawn.
    """

    theatre: str
    first_day: date
    armed: NDArray[np.float64]
    decoys: NDArray[np.float64]
    released: NDArray[np.float64]
    struck: NDArray[np.float64]
    transferred: NDArray[np.float64]
    opening: NDArray[np.float64]
    minimum: NDArray[np.float64]
    lost_before_launch: NDArray[np.float64]
    drawdown: NDArray[np.float64]
    paused: NDArray[np.bool_]

    @property
    def n_draws(self) -> int:
        return int(self.armed.shape[0])

    @property
    def n_days(self) -> int:
        return int(self.armed.shape[1])

    @property
    def inflow(self) -> NDArray[np.float64]:
        """(n_draws, n_days) drones that go into the store."""
        inflow: NDArray[np.float64] = (self.armed + self.decoys) * self.released[:, np.newaxis]
        return inflow


@dataclass(frozen=True, eq=False)
class StockFlow:
    """The account of a store, (n, n_days) drones per day: nothing is negative, and every drone is accounted for:
    opening + inflow so far = stock + what was launched, lost before launch, struck and transferred so far.

    stock: at the end of the day.
    """

    launched: NDArray[np.float64]
    lost_before_launch: NDArray[np.float64]
    struck: NDArray[np.float64]
    transferred: NDArray[np.float64]
    stock: NDArray[np.float64]


def draw_supply(scenario: ProductionScenario, theatre: str, last_day: date, n_draws: int, seed: int) -> SupplyDraws:
    """Draws of the supply of a theatre from the opening of the account through last_day.

    Raises InputError for a theatre that gets nothing in the scenario, or a last_day before the account opens.
    """
    raise NotImplementedError


def stock_flow(supply: SupplyDraws, wanted: NDArray[np.float64]) -> StockFlow:
    """The account of the store when `wanted` (n_draws, n_days) drones are to be launched each day.

    A day: the inflow comes in, strikes and transfers take theirs, then as many of the wanted drones are launched as the
    store above its minimum gives; whole drones where whole ones are wanted. Nothing is launched on a paused day.
    """
    raise NotImplementedError


def sustained(supply: SupplyDraws, stock: NDArray[np.float64], first: date) -> NDArray[np.float64]:
    """(n_draws, n_days) launches per day from `first` that stock and production sustain: the inflow, and the store
    above its minimum used up over the drawdown."""
    raise NotImplementedError((supply, stock, first - timedelta(days=0)))
