"""What the core computes: forecasts as paths, and what the defence makes of them, path by path."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.records import QuietDayRule


@dataclass(frozen=True, eq=False)
class SalvoForecast:
    """Simulated futures of one series.

    paths: (n_paths, horizon) whole drones per attack day, read-only; column h - 1 is the day `origin` + h.
    massed_threshold: the smallest count that `features.massed` calls a massed strike as of the origin.
    """

    theatre: str
    weapon_class: str
    origin: date
    last_day_known: date
    paths: NDArray[np.int64]
    model_id: str
    data_sources: tuple[str, ...]
    data_digest: str
    quiet_day_rule: QuietDayRule
    massed_threshold: int
    seed: int

    def __post_init__(self) -> None:
        self.paths.setflags(write=False)

    @property
    def n_paths(self) -> int:
        return int(self.paths.shape[0])

    @property
    def horizon(self) -> int:
        return int(self.paths.shape[1])

    @property
    def days(self) -> list[date]:
        """(horizon,) the attack days forecast."""
        return [self.origin + timedelta(days=step) for step in range(1, self.horizon + 1)]

    def totals(self, n_days: int) -> NDArray[np.int64]:
        """(n_paths,) drones launched on days 1 to n_days together."""
        if not 1 <= n_days <= self.horizon:
            raise InputError(f"a total of {n_days} days: expected 1 to the horizon, {self.horizon}")
        totals: NDArray[np.int64] = self.paths[:, :n_days].sum(axis=1)
        return totals

    @property
    def largest_day(self) -> NDArray[np.int64]:
        """(n_paths,) drones on the largest day of each path."""
        largest: NDArray[np.int64] = self.paths.max(axis=1)
        return largest

    @property
    def massed(self) -> NDArray[np.bool_]:
        """(n_paths, horizon) whether the day is a massed strike."""
        massed: NDArray[np.bool_] = self.paths >= self.massed_threshold
        return massed


@dataclass(frozen=True, eq=False)
class InterceptorDemand:
    """What the defence does against the paths. Arrays are (n_layers, n_paths, horizon) unless said otherwise; the
    layers stand in their order of engagement.

    engagements, kills, interceptors: whole numbers per night; interceptors is 0 for a layer that uses none.
    leakers: (n_paths, horizon) drones that no layer killed.
    """

    layer_ids: tuple[str, ...]
    engagements: NDArray[np.int64]
    kills: NDArray[np.int64]
    interceptors: NDArray[np.int64]
    leakers: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StockOutlook:
    """What becomes of the stock of one layer. Interceptors; paths of whole numbers.

    opening: (n_paths,). supplied: (n_paths, horizon) delivered by the start of each night since the origin.
    used: (n_paths, horizon) with the stock there is. needed: (n_paths, horizon) had every layer enough.
    """

    layer_id: str
    opening: NDArray[np.int64]
    supplied: NDArray[np.int64]
    used: NDArray[np.int64]
    needed: NDArray[np.int64]

    @property
    def at_end(self) -> NDArray[np.int64]:
        """(n_paths,) interceptors left after the last night."""
        left: NDArray[np.int64] = self.opening + self.supplied[:, -1] - self.used.sum(axis=1)
        return left

    @property
    def missing(self) -> NDArray[np.int64]:
        """(n_paths, horizon) what all nights until then need beyond stock and supply; negative while some is left."""
        missing: NDArray[np.int64] = np.cumsum(self.needed, axis=1) - self.supplied - self.opening[:, np.newaxis]
        return missing

    @property
    def shortfall(self) -> NDArray[np.int64]:
        """(n_paths,) the least extra opening stock with which the path never runs short."""
        shortfall: NDArray[np.int64] = np.maximum(self.missing.max(axis=1), 0)
        return shortfall

    @property
    def days_of_supply(self) -> NDArray[np.float64]:
        """(n_paths,) attack days that the stock and supply cover in full; inf where they last beyond the horizon."""
        short = self.missing > 0
        return np.where(short.any(axis=1), short.argmax(axis=1), np.inf)

    @property
    def stock_out_by_day(self) -> NDArray[np.float64]:
        """(horizon,) share of the paths on which the stock has run short by that night."""
        shares: NDArray[np.float64] = np.maximum.accumulate(self.missing > 0, axis=1).mean(axis=0)
        return shares

    @property
    def stock_out_probability(self) -> float:
        """Share of the paths on which the stock runs short within the horizon."""
        return float(self.stock_out_by_day[-1])


@dataclass(frozen=True, slots=True)
class InterceptorOrder:
    """The least order of one layer, in hand at the origin, that meets the service level over the horizon.

    quantity: interceptors. cost_usd: (low, mode, high) of quantity times the range of the unit cost.
    """

    layer_id: str
    quantity: int
    service_level: float
    cost_usd: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))
