"""A forecast of salvos: simulated futures of one series, as paths."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import HeldCount
from features.records import QuietDayRule
from features.unknown_days import UnknownDays


@dataclass(frozen=True, eq=False)
class SalvoForecast:
    """Simulated futures of one series.

    paths: (n_paths, horizon) whole drones per attack day, read-only; column h - 1 is the day `origin` + h.
    massed_threshold: the smallest count that `features.massed` calls a massed strike as of the origin.
    unknown_days: where most of the last days are unknown. mostly_quiet: whether most of the known ones had no launches.
    held: counts that wait for a person's word, and that the forecast does not know of. nights_alone: of the last
    `unknown_days.RECENT` days those of which only the night is told, where attacks by day are not negligible.
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
    unknown_days: UnknownDays | None = None
    mostly_quiet: bool = False
    held: tuple[HeldCount, ...] = ()
    nights_alone: int = 0

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
