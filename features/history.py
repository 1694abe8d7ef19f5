"""Reports -> LaunchHistory: one count per attack day."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    armed_share: (n_days,) `strike_drones` / `launched` of the reports of a day that tell both, NaN where none does; the
    Air Force has told since 2025-07. It may exceed 1 where a report does.
    """

    theatre: str
    weapon_class: str
    quiet_day_rule: QuietDayRule
    first_day: date
    launched: NDArray[np.float64]
    neutralised: NDArray[np.float64]
    sources: tuple[str, ...] = ()
    missiles: NDArray[np.float64] | None = None
    armed_share: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if self.launched.ndim != 1 or self.launched.shape != self.neutralised.shape or not self.launched.size:
            raise InputError(
                f"launched {self.launched.shape} and neutralised {self.neutralised.shape}: "
                "expected two series of the same length, at least one day long"
            )
        if np.nanmin(self.launched, initial=0) < 0:
            raise InputError("launched has a negative count")
        if not self.armed_share.size:
            object.__setattr__(self, "armed_share", np.full(self.launched.size, np.nan))
        if self.armed_share.shape != self.launched.shape:
            raise InputError(f"armed_share {self.armed_share.shape}: expected one share per day {self.launched.shape}")
        for series in (*self._series, self.armed_share):
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
    def neutralised_comparable(self) -> NDArray[np.bool_]:
        """(n_days,) whether `neutralised` counts both, drones shot down and drones suppressed, on that day.

        So it does where they were reported apart (their sum) or merged. Where only drones shot down were reported, or
        the reporter's style is not known, a share of neutralised drones must not be set beside one of such days.
        """
        both = (ReportingRegime.APART, ReportingRegime.MERGED)
        return np.array([regime in both for regime in self.regimes]) & ~np.isnan(self.neutralised)

    @property
    def digest(self) -> str:
        """SHA-256 of what a model can see of this history: equal digests, equal data.

        Models see launched, neutralised and missiles. `armed_share` is for people, and not part of it.
        """
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
                + (f" until {until}: choose a later origin" if until else ": ingest some (salvocast ingest bundled)"),
                field="origin",
            )
        series = {(report.theatre, report.weapon_class) for report in kept}
        if len(series) > 1:
            raise InputError(f"reports of several series ({sorted(series)}): expected one theatre and weapon class")
        theatre, weapon_class = series.pop()
        return cls.from_daily(theatre, weapon_class, DailySums.of(kept), until=until, rule=rule)

    @classmethod
    def from_daily(
        cls,
        theatre: str,
        weapon_class: str,
        daily: "DailySums",
        *,
        until: date | None = None,
        rule: QuietDayRule = QuietDayRule.BEFORE_2025,
    ) -> Self:
        """The history of reports that were summed by attack day already, at least one of them; see `from_reports`."""
        first, last_reported = min(daily.launched), max(daily.launched)
        n_days = ((until or last_reported) - first).days + 1
        launched = np.full(n_days, np.nan)
        neutralised = np.full(n_days, np.nan)
        start = first.toordinal()
        n_reported = (last_reported - first).days + 1
        quiet = [rule.applies_to(date.fromordinal(start + index)) for index in range(n_reported)]
        launched[:n_reported][quiet] = 0.0
        for series, sums in ((launched, daily.launched), (neutralised, daily.neutralised)):
            series[[day.toordinal() - start for day in sums]] = list(sums.values())
        armed_share = np.full(n_days, np.nan)
        for day, (strike_drones, of_launched) in daily.armed.items():
            if of_launched:
                armed_share[day.toordinal() - start] = strike_drones / of_launched
        sources = tuple(sorted(daily.sources))
        return cls(theatre, weapon_class, rule, first, launched, neutralised, sources, armed_share=armed_share)

    def until(self, day: date) -> Self:
        """The same history, cut after `day`. For pictures and tests: what was known by then is the ledger's to say."""
        return self._cut(0, max(0, (day - self.first_day).days + 1))

    def since(self, day: date) -> Self:
        """The same history, from `day` on (unchanged where it begins later)."""
        return self._cut(max((day - self.first_day).days, 0), self.launched.size)

    def after(self, origin: date, horizon: int) -> NDArray[np.float64]:
        """(horizon,) the counts of the days after the origin; NaN where nothing is known (yet, or from before)."""
        indices = (origin - self.first_day).days + np.arange(1, horizon + 1)
        known = (indices >= 0) & (indices < self.launched.size)
        return np.where(known, self.launched[np.clip(indices, 0, self.launched.size - 1)], np.nan)

    def _cut(self, start: int, stop: int) -> Self:
        return replace(
            self,
            first_day=self.first_day + timedelta(days=start),
            launched=self.launched[start:stop].copy(),
            neutralised=self.neutralised[start:stop].copy(),
            missiles=None if self.missiles is None else self.missiles[start:stop].copy(),
            armed_share=self.armed_share[start:stop].copy(),
        )

    def with_missiles(self, launched: Mapping[date, int]) -> Self:
        """The same history with the missiles launched by attack day; a day that is not named had none."""
        missiles = np.zeros(self.launched.size)
        for day, count in launched.items():
            index = (day - self.first_day).days
            if 0 <= index < missiles.size:
                missiles[index] += count
        return replace(self, missiles=missiles)

    def to_frame(self) -> "pd.DataFrame":
        """One row per attack day: attack_day, launched, neutralised (drones, missing where unknown), regime,
        neutralised_comparable, armed_share (missing where not reported).
        """
        import pandas as pd  # half a second that a forecast need not spend

        return pd.DataFrame(
            {
                "attack_day": pd.to_datetime(self.days),
                "launched": pd.Series(self.launched).astype("Int64"),
                "neutralised": pd.Series(self.neutralised).astype("Int64"),
                "regime": [regime.value for regime in self.regimes],
                "neutralised_comparable": self.neutralised_comparable,
                "armed_share": self.armed_share.round(4),
            }
        )


@dataclass(slots=True)
class DailySums:
    """The counts of one series by attack day, before days without a report are told apart.

    launched, neutralised: drones by day; a day is in the second where at least one of its reports tells. armed: strike
    drones, and launched drones of the reports that tell strike drones. sources: the names of the sources that the
    counts are from.
    """

    launched: dict[date, int] = field(default_factory=dict)
    neutralised: dict[date, int] = field(default_factory=dict)
    armed: dict[date, tuple[int, int]] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, reports: Iterable[SalvoReport]) -> Self:
        """The sums of these reports, all of them: see `without_overlaps`."""
        sums = cls()
        for report in reports:
            of_launched = None if report.strike_drones is None else report.launched
            armed = (report.strike_drones, of_launched)
            sums.add(report.attack_day, report.source, report.launched, report.neutralised, *armed)
        return sums

    def add(
        self,
        day: date,
        source: str,
        launched: int,
        neutralised: int | None,
        strike_drones: int | None = None,
        of_launched: int | None = None,
    ) -> None:
        """Adds the counts of a report, or of several of one day and source."""
        self.launched[day] = self.launched.get(day, 0) + launched
        if neutralised is not None:
            self.neutralised[day] = self.neutralised.get(day, 0) + neutralised
        if strike_drones is not None and of_launched is not None:
            earlier, of_earlier = self.armed.get(day, (0, 0))
            self.armed[day] = earlier + strike_drones, of_earlier + of_launched
        self.sources.add(source)


_SOURCE_RANK = {"table": 0, "kaggle": 1, "bundled": 1, "bulletin": 2}
"""Whose count stands where two sources report the same salvo: a team's own table before the compiled record, and that
before the first news."""


def source_rank(source: str) -> int:
    """The lower, the more its count stands; a name that is not known is a team's own."""
    return _SOURCE_RANK.get(source, 0)


def without_overlaps(reports: Sequence[SalvoReport]) -> list[SalvoReport]:
    """Drops a report whose window overlaps that of a higher-ranked source on the same attack day.

    Two sources rarely name the same window to the minute; without this one salvo would be counted twice. Reports of
    sources of equal rank are all kept: one source reports two areas of a night apart.
    """
    by_day: dict[tuple[str, str, date], dict[int, list[SalvoReport]]] = {}
    for report in reports:
        ranks = by_day.setdefault((report.theatre, report.weapon_class, report.attack_day), {})
        ranks.setdefault(source_rank(report.source), []).append(report)
    kept: list[SalvoReport] = []
    for ranks in by_day.values():
        standing: list[SalvoReport] = []
        for rank in sorted(ranks):  # one that was dropped itself drops no other
            standing += [report for report in ranks[rank] if not any(_overlap(other, report) for other in standing)]
        kept += standing
    return kept


def _overlap(one: SalvoReport, other: SalvoReport) -> bool:
    """Whether two windows share time: the night to 08:00 and the day from 08:00 do not; one without length may."""
    shared = min(one.window_end, other.window_end) - max(one.window_start, other.window_start)
    moment = one.window_start == one.window_end or other.window_start == other.window_end
    return shared > timedelta(0) or (moment and shared == timedelta(0))
