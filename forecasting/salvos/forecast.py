"""A forecast of salvos: simulated futures of one series, as paths."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import HeldCount
from features.massed import massed_thresholds
from features.records import QuietDayRule
from features.unknown_days import UnknownDays


@dataclass(frozen=True, eq=False)
class SalvoForecast:
    """Simulated futures of one series.

    Parameters
    ----------
    theatre, weapon_class : str
        Of the series.
    origin : date
        The attack day whose reports are the last that the forecast may have used.
    last_day_known : date
        The last attack day with a count.
    paths : (n_paths, horizon) array of int64
        Whole drones per attack day, read-only; column h - 1 is the day `origin` + h.
    model_id : str
        Of the model that simulated them.
    data_sources : tuple of str
        Names of the sources of the counts.
    data_digest : str
        SHA-256 of the history that the model saw.
    quiet_day_rule : QuietDayRule
        Of the history.
    massed_threshold : int
        Drones: the smallest count that `features.massed` calls a massed strike as of the origin.
    seed : int
        That the paths were drawn with.
    unknown_days : UnknownDays, optional
        Where most of the last days are unknown.
    mostly_quiet : bool
        Whether most of the known ones had no launches.
    held : tuple of HeldCount
        Counts that wait for a person's word, and that the forecast does not know of.
    days_before : tuple of float
        Drones on the last known days, oldest first, by which the line of massed strikes moves on; with none it stays.
    nights_alone : int
        Of the last quarter, the days of which only the night is told, where attacks by day are not negligible.
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
    days_before: tuple[float, ...] = ()
    nights_alone: int = 0

    def __post_init__(self) -> None:
        self.paths.setflags(write=False)

    @property
    def n_paths(self) -> int:
        """Number of simulated futures."""
        return int(self.paths.shape[0])

    @property
    def horizon(self) -> int:
        """Number of attack days."""
        return int(self.paths.shape[1])

    @property
    def days(self) -> list[date]:
        """(horizon,) the attack days forecast."""
        return [self.origin + timedelta(days=step) for step in range(1, self.horizon + 1)]

    def totals(self, n_days: int) -> NDArray[np.int64]:
        """Drones launched on the first days together, path by path.

        Parameters
        ----------
        n_days : int
            Days 1 to n_days, at most the horizon.

        Returns
        -------
        (n_paths,) array of int64
            Drones.

        Raises
        ------
        InputError
            For a number of days that the horizon does not have.
        """
        if not 1 <= n_days <= self.horizon:
            raise InputError(f"a total of {n_days} days: expected 1 to the horizon, {self.horizon}")
        totals: NDArray[np.int64] = self.paths[:, :n_days].sum(axis=1)
        return totals

    @property
    def largest_day(self) -> NDArray[np.int64]:
        """(n_paths,) drones on the largest day of each path."""
        largest: NDArray[np.int64] = self.paths.max(axis=1)
        return largest

    @cached_property
    def massed_thresholds(self) -> NDArray[np.int64]:
        """(n_paths, horizon) the smallest count that is a massed strike by the level that the path has by then."""
        return massed_thresholds(self.massed_threshold, np.array(self.days_before), self.paths)

    @property
    def massed(self) -> NDArray[np.bool_]:
        """(n_paths, horizon) whether the day is a massed strike."""
        massed: NDArray[np.bool_] = self.paths >= self.massed_thresholds
        return massed
