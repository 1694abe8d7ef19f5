"""What was reported of the drones lost: night by night, and as published shares of kills by layer."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from io import StringIO
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from features.errors import InputError
from features.history import LaunchHistory
from features.records import ReportingRegime, SalvoReport
from features.sightings import Salvos

Array = NDArray[np.float64]
KINDS = ("lost", "shot_down")
_Counts = tuple[float, float, float, float, float]
_Row = tuple[date, float, float, float, float, float]
"""Day; launched, shot_down, suppressed, neutralised, impact_sites."""


@dataclass(frozen=True, eq=False)
class ReportedLosses:
    """Reported nights, oldest first; (n_nights,) drones, NaN where not told.

    Parameters
    ----------
    days : (n_nights,) array of datetime64
        Attack days.
    launched : (n_nights,) array of float
        Drones.
    shot_down : (n_nights,) array of float
        Where it is told by itself.
    suppressed : (n_nights,) array of float
        Where it is told beside drones shot down.
    neutralised : (n_nights,) array of float
        Both together.
    impact_sites : (n_nights,) array of float
        Places hit, told by some reports; no count of drones.
    """

    days: NDArray[np.datetime64]
    launched: Array
    shot_down: Array
    suppressed: Array
    neutralised: Array
    impact_sites: Array

    @classmethod
    def from_reports(cls, reports: Iterable[SalvoReport]) -> Self:
        """The nights on which every report tells its losses, in the style of its day.

        Parameters
        ----------
        reports : iterable of SalvoReport
            Of one theatre and weapon class, as published by the origin (`Ledger.as_of`).

        Returns
        -------
        ReportedLosses
        """
        nights: dict[date, list[SalvoReport]] = {}
        for report in Salvos.of(reports).standing:
            nights.setdefault(report.attack_day, []).append(report)
        rows = [(day, *counts) for day, night in sorted(nights.items()) if (counts := _night_counts(night)) is not None]
        return cls._of(rows)

    @classmethod
    def from_history(cls, history: LaunchHistory) -> Self:
        """The same from daily sums, which do not tell shot down and suppressed apart, nor sites.

        Parameters
        ----------
        history : LaunchHistory
            As published by the origin.

        Returns
        -------
        ReportedLosses
        """
        rows = []
        for day, launched, lost, regime in zip(
            history.days.tolist(), history.launched, history.neutralised, history.regimes, strict=True
        ):
            if launched > 0 and not math.isnan(lost) and regime is not ReportingRegime.UNSPECIFIED:
                only = regime is ReportingRegime.SHOT_DOWN_ONLY
                told = (lost, math.nan, math.nan) if only else (math.nan, math.nan, lost)
                rows.append((day, launched, *told, math.nan))
        return cls._of(rows)

    @classmethod
    def _of(cls, rows: Sequence[_Row]) -> Self:
        days = np.array([row[0] for row in rows], dtype="datetime64[D]")
        counts = np.array([row[1:] for row in rows], dtype=float).reshape(len(rows), 5).T
        # A few reports have more lost than launched, by drones of the night before.
        launched, rest, sites = counts[0], counts[1:4], counts[4]
        suppressed = np.minimum(rest[1], launched)
        shot_down = np.minimum(rest[0], launched - np.nan_to_num(suppressed))
        return cls(days, launched, shot_down, suppressed, np.minimum(rest[2], launched), sites)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Self:
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def lost(self) -> Array:
        """(n_nights,) the drones that the report of the night counts as lost, in its style."""
        return np.where(np.isnan(self.neutralised), self.shot_down, self.neutralised)

    @property
    def counts_all(self) -> NDArray[np.bool_]:
        """(n_nights,) whether `lost` counts both, drones shot down and suppressed."""
        return ~np.isnan(self.neutralised)

    def ages(self, origin: date) -> Array:
        """How old the nights are.

        Parameters
        ----------
        origin : date
            An attack day.

        Returns
        -------
        (n_nights,) array of float
            Days before the origin.
        """
        ages: Array = (np.datetime64(origin, "D") - self.days).astype(float)
        return ages


def _night_counts(night: Sequence[SalvoReport]) -> _Counts | None:
    """What the reports of a night come to, without its day; None where some report does not tell."""
    regime, launched = night[0].regime, sum(report.launched for report in night)
    fire = [report.shot_down for report in night if report.shot_down is not None]
    jammed = [report.suppressed for report in night if report.suppressed is not None]
    if not launched or len(fire) < len(night) or regime is ReportingRegime.UNSPECIFIED:
        return None
    sites = [report.impact_sites for report in night if report.impact_sites is not None]
    shot_down, suppressed, hit = sum(fire), sum(jammed), sum(sites) if sites else math.nan
    if regime is ReportingRegime.MERGED:
        return launched, math.nan, math.nan, shot_down + suppressed, hit
    if regime is ReportingRegime.APART and jammed:
        return launched, shot_down, suppressed, shot_down + suppressed, hit
    return launched, shot_down, math.nan, math.nan, hit


@dataclass(frozen=True, slots=True)
class StatedKills:
    """A published share of the drones lost or shot down that a layer killed, read as 80 % sure to lie between two ends.

    Parameters
    ----------
    layer_id : str
        Of the defence.
    of : str
        Share of what: "lost" or "shot_down".
    low, high : float
        Shares, 0 to 1.
    first_day, last_day : date
        What it speaks of.
    published : date
        When it was known.
    source : str
        Id of the statement.
    """

    layer_id: str
    of: str
    low: float
    high: float
    first_day: date
    last_day: date
    published: date
    source: str = ""

    @property
    def share(self) -> float:
        """The middle of its range, 0 to 1."""
        return (self.low + self.high) / 2.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the normal distribution whose central 80 % are its range."""
        return max((self.high - self.low) / 2.0, 1e-3) / float(ndtri(0.9))


def parse_kill_shares(text: str, file_name: str) -> tuple[StatedKills, ...]:
    """Published shares from CSV text with the fields of `StatedKills` as columns.

    Parameters
    ----------
    text : str
        CSV with a header.
    file_name : str
        For errors.

    Returns
    -------
    tuple of StatedKills
        In the order of the file.

    Raises
    ------
    InputError
        Naming file and row, for a cell that is none.
    """
    stated = []
    for number, row in enumerate(csv.DictReader(StringIO(text)), start=1):
        try:
            bounds = (float(row["low"]), float(row["high"]))
            first, last, published = (date.fromisoformat(row[name]) for name in ("first_day", "last_day", "published"))
            each = StatedKills(row["layer_id"], row["of"], *bounds, first, last, published, row["source"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{file_name}: row {number}: {error}: expected layer_id, of, low, high, first_day, last_day, published "
                "(days such as 2026-03-31) and source"
            ) from error
        if each.of not in KINDS or not 0 <= each.low <= each.high <= 1 or each.first_day > each.last_day:
            raise InputError(
                f"{file_name}: row {number}: {each.low} to {each.high} of '{each.of}', {each.first_day} to "
                f"{each.last_day}: expected 0 to 1, rising, of {' or '.join(KINDS)}, and days in order"
            )
        stated.append(each)
    return tuple(stated)
