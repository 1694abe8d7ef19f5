"""Reports -> LaunchHistory: one count per attack day."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.records import QuietDayRule, ReportingRegime, SalvoReport

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class LaunchHistory:
    """One count per attack day, without gaps in the days.

    first_day: the day of index 0. launched, neutralised: (n_days,) drones, NaN where nothing is known (a gap stays a
    gap); 0 for a reported or rule-derived quiet day. neutralised means what `regimes` says of that day, and is never
    filled: NaN on days without a report. sources: names of the sources that the counts are from.
    missiles: (n_days,) missiles reported launched on the same days, 0 where none was; None where not asked for.
    """

    theatre: str
    weapon_class: str
    quiet_day_rule: QuietDayRule
    first_day: date
    launched: NDArray[np.float64]
    neutralised: NDArray[np.float64]
    sources: tuple[str, ...] = ()
    missiles: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.launched.ndim != 1 or self.launched.shape != self.neutralised.shape or not self.launched.size:
            raise InputError(
                f"launched {self.launched.shape} and neutralised {self.neutralised.shape}: "
                "expected two series of the same length, at least one day long"
            )
        if np.nanmin(self.launched, initial=0) < 0:
            raise InputError("launched has a negative count")
        for series in self._series:
            series.setflags(write=False)

    @property
    def _series(self) -> list[NDArray[np.float64]]:
        return [series for series in (self.launched, self.neutralised, self.missiles) if series is not None]

    @property
    def last_day(self) -> date:
        """The origin: the last attack day that this history could know of."""
        return self.first_day + timedelta(days=self.launched.size - 1)

    @property
    def days(self) -> NDArray[np.datetime64]:
        """(n_days,) attack days."""
        return np.datetime64(self.first_day, "D") + np.arange(self.launched.size)

    @property
    def known(self) -> NDArray[np.float64]:
        """(n_known,) the counts that are known, oldest first."""
        return self.launched[~np.isnan(self.launched)]

    @property
    def last_known_day(self) -> date:
        """The last attack day with a count."""
        return self.first_day + timedelta(days=int(np.flatnonzero(~np.isnan(self.launched))[-1]))

    @property
    def regimes(self) -> list[ReportingRegime]:
        """What `neutralised` means, day by day."""
        return [
            ReportingRegime.of(self.theatre, self.first_day + timedelta(days=index))
            for index in range(self.launched.size)
        ]

    @property
    def digest(self) -> str:
        """SHA-256 of what a model can see of this history: equal digests, equal data."""
        head = f"{self.theatre}|{self.weapon_class}|{self.quiet_day_rule}|{self.first_day}|"
        state = hashlib.sha256(head.encode())
        # Little-endian doubles, with one bit pattern for every NaN, are the same bytes on every machine.
        for series in self._series:
            state.update(np.where(np.isnan(series), np.float64("nan"), series).astype("<f8").tobytes())
        return state.hexdigest()

    @classmethod
    def from_reports(
        cls,
        reports: Iterable[SalvoReport],
        *,
        until: date | None = None,
        rule: QuietDayRule = QuietDayRule.BEFORE_2025,
    ) -> Self:
        """Sums the reports of one theatre and weapon class by attack day.

        until: the last day of the history (default: the last reported day). Reports of later days are left out; days
        after the last report are unknown under every rule, because their reports may still come.
        Raises InputError when no report is left, or when reports of two series are mixed.
        """
        kept = without_overlaps([report for report in reports if until is None or report.attack_day <= until])
        if not kept:
            raise InputError(
                "there are no reports"
                + (f" until {until}: choose a later origin" if until else ": ingest some (salvocast ingest bundled)")
            )
        series = {(report.theatre, report.weapon_class) for report in kept}
        if len(series) > 1:
            raise InputError(f"reports of several series ({sorted(series)}): expected one theatre and weapon class")
        theatre, weapon_class = series.pop()
        first = min(report.attack_day for report in kept)
        last_reported = max(report.attack_day for report in kept)
        n_days = ((until or last_reported) - first).days + 1
        launched = np.full(n_days, np.nan)
        neutralised = np.full(n_days, np.nan)
        for index in range((last_reported - first).days + 1):
            if rule.applies_to(first + timedelta(days=index)):
                launched[index] = 0.0
        for report in kept:
            index = (report.attack_day - first).days
            launched[index] = np.nansum([launched[index], report.launched])
            if report.neutralised is not None:
                neutralised[index] = np.nansum([neutralised[index], report.neutralised])
        sources = tuple(sorted({report.source for report in kept}))
        return cls(theatre, weapon_class, rule, first, launched, neutralised, sources)

    def until(self, day: date) -> Self:
        """The same history, cut after `day`. For pictures and tests: what was known by then is the ledger's to say."""
        return self._cut(0, max(0, (day - self.first_day).days + 1))

    def since(self, day: date) -> Self:
        """The same history, from `day` on (unchanged where it begins later)."""
        return self._cut(max((day - self.first_day).days, 0), self.launched.size)

    def _cut(self, start: int, stop: int) -> Self:
        return replace(
            self,
            first_day=self.first_day + timedelta(days=start),
            launched=self.launched[start:stop].copy(),
            neutralised=self.neutralised[start:stop].copy(),
            missiles=None if self.missiles is None else self.missiles[start:stop].copy(),
        )

    def with_missiles(self, reports: Iterable[SalvoReport]) -> Self:
        """The same history with the missiles of these reports, summed by attack day."""
        missiles = np.zeros(self.launched.size)
        for report in reports:
            index = (report.attack_day - self.first_day).days
            if 0 <= index < missiles.size:
                missiles[index] += report.launched
        return replace(self, missiles=missiles)

    def to_frame(self) -> "pd.DataFrame":
        """One row per attack day: attack_day, launched, neutralised (drones, missing where unknown), regime."""
        import pandas as pd  # half a second that a forecast need not spend

        return pd.DataFrame(
            {
                "attack_day": pd.to_datetime(self.days),
                "launched": pd.Series(self.launched).astype("Int64"),
                "neutralised": pd.Series(self.neutralised).astype("Int64"),
                "regime": [regime.value for regime in self.regimes],
            }
        )


_SOURCE_RANK = {"table": 0, "kaggle": 1, "bundled": 1, "bulletin": 2}
"""Whose count stands where two sources report the same salvo: a team's own table before the compiled record, and that
before the first news."""


def without_overlaps(reports: Sequence[SalvoReport]) -> list[SalvoReport]:
    """Drops a report whose window overlaps that of a higher-ranked source on the same attack day.

    Two sources rarely name the same window to the minute; without this one salvo would be counted twice. Reports of
    sources of equal rank are all kept: one source reports two areas of a night apart.
    """
    by_day: dict[tuple[str, str, date], list[SalvoReport]] = {}
    for report in reports:
        by_day.setdefault((report.theatre, report.weapon_class, report.attack_day), []).append(report)
    kept: list[SalvoReport] = []
    for same_day in by_day.values():
        standing: list[SalvoReport] = []
        for report in sorted(same_day, key=_rank):  # one that was dropped itself drops no other
            if not any(_rank(other) < _rank(report) and _overlap(other, report) for other in standing):
                standing.append(report)
        kept += standing
    return kept


def _overlap(one: SalvoReport, other: SalvoReport) -> bool:
    """Whether two windows share time: the night to 08:00 and the day from 08:00 do not; one without length may."""
    shared = min(one.window_end, other.window_end) - max(one.window_start, other.window_start)
    moment = one.window_start == one.window_end or other.window_start == other.window_end
    return shared > timedelta(0) or (moment and shared == timedelta(0))


def _rank(report: SalvoReport) -> int:
    return _SOURCE_RANK.get(report.source, 0)
