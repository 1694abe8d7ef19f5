"""Reports -> LaunchHistory: one count per attack day."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.records import AFTERNOON, MORNING, QuietDayRule, ReportingRegime, SalvoReport
from features.sightings import Salvos

if TYPE_CHECKING:
    import pandas as pd


DAYTIME_SHARE = 0.1
"""From this share of the drones of late on, attacks by day are not negligible (none of 2024 and 2025 came near it)."""
DAYTIME_DAYS, DAYTIME_LAUNCHED = 60, 2_000
"""Days before, and drones launched in them, without which nothing is said of that share."""


@dataclass(frozen=True, slots=True)
class HeldCount:
    """A count that is in quarantine because the record cannot bear it: no part of a history until it is confirmed.

    row_id: as `salvocast data quarantine` lists it; reason: why it is held.
    """

    row_id: int
    attack_day: date
    launched: int
    reason: str


class PublishedValues(Protocol):
    """A named value a day that knows when it became public; see `features.covariates`."""

    @property
    def name(self) -> str:
        """As models ask for it."""
        ...

    def as_of(self, moment: datetime, days: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """(n_days,) what was public at a moment, NaN of other days."""
        ...


@dataclass(frozen=True, eq=False)
class LaunchHistory:
    """One count per attack day, without gaps in the days.

    Parameters
    ----------
    theatre, weapon_class : str
        Of the series.
    quiet_day_rule : QuietDayRule
        By which silent days have 0.
    first_day : date
        The day of index 0.
    launched, neutralised : (n_days,) array of float
        Drones, NaN where nothing is known (a gap stays a gap); 0 for a reported or rule-derived quiet day. neutralised
        means what `regimes` says of that day, and is never filled: NaN on days without a report.
    sources : tuple of str
        Names of the sources that the counts are from.
    missiles : (n_days,) array of float, optional
        Missiles reported launched on the same days, 0 where none was; None where not asked for.
    armed_share : (n_days,) array of float
        `strike_drones` / `launched` of the reports of a day that tell both, NaN where none does; the Air Force has told
        since 2025-07. It may exceed 1 where a report does.
    held : tuple of HeldCount
        Counts of its days that wait for a person's word, and are in no series; no part of the digest.
    covariates : mapping of str to (n_days,) array of float
        By name what else is told of the same days, as public by the origin (`features.covariates`), NaN where nothing
        is; models see it, so that it is part of the digest.
    others : tuple of LaunchHistory
        The other series as published by the same origin, for models that learn from many; part of the digest.
    floor : (n_days,) array of float
        Drones of the days of which the night alone is told where attacks by day are not negligible, NaN on others.
        Their totals are unknown, and at least that: `launched` is NaN there, so that nothing takes a part for a whole.

    Raises
    ------
    InputError
        For series of different lengths, or a negative count.
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
    held: tuple[HeldCount, ...] = ()
    floor: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    covariates: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    others: tuple["LaunchHistory", ...] = ()

    def __post_init__(self) -> None:
        if self.launched.ndim != 1 or self.launched.shape != self.neutralised.shape or not self.launched.size:
            raise InputError(
                f"launched {self.launched.shape} and neutralised {self.neutralised.shape}: "
                "expected two series of the same length, at least one day long"
            )
        if np.nanmin(self.launched, initial=0) < 0:
            raise InputError("launched has a negative count")
        for name in ("armed_share", "floor"):
            if not getattr(self, name).size:
                object.__setattr__(self, name, np.full(self.launched.size, np.nan))
            if getattr(self, name).shape != self.launched.shape:
                raise InputError(f"{name} {getattr(self, name).shape}: expected one per day {self.launched.shape}")
        for name, values in self.covariates.items():
            if values.shape != self.launched.shape:
                raise InputError(f"covariate {name} {values.shape}: expected one per day {self.launched.shape}")
        for series in (*self._series, self.armed_share, self.floor, *self.covariates.values()):
            series.setflags(write=False)

    @property
    def _series(self) -> list[NDArray[np.float64]]:
        return [series for series in (self.launched, self.neutralised, self.missiles) if series is not None]

    @property
    def last_day(self) -> date:
        """The origin: the last attack day that this history could know of."""
        return self.first_day + timedelta(days=self.launched.size - 1)

    def waiting_until(self, day: date) -> "LaunchHistory":
        """The same with days of which nothing is known, until that one.

        Parameters
        ----------
        day : date
            Its last day then; an earlier one than its last leaves it as it is.

        Returns
        -------
        LaunchHistory
        """
        missing = np.full(max((day - self.last_day).days, 0), np.nan)

        def longer(series: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.concatenate([series, missing])

        return replace(
            self,
            launched=longer(self.launched),
            neutralised=longer(self.neutralised),
            missiles=None if self.missiles is None else longer(self.missiles),
            armed_share=longer(self.armed_share),
            floor=longer(self.floor),
            covariates={name: longer(values) for name, values in self.covariates.items()},
        )

    @property
    def days(self) -> NDArray[np.datetime64]:
        """(n_days,) attack days."""
        return np.datetime64(self.first_day, "D") + np.arange(self.launched.size)

    @property
    def known(self) -> NDArray[np.float64]:
        """(n_known,) the counts that are known, oldest first."""
        return self.launched[~np.isnan(self.launched)]

    @property
    def unknown_days(self) -> int:
        """How many of its days nothing is known of."""
        return self.launched.size - self.known.size

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

        Models see launched, neutralised, missiles, covariates and other series. `armed_share` is for people, and not
        part of it.
        """
        head = f"{self.theatre}|{self.weapon_class}|{self.quiet_day_rule}|{self.first_day}|"
        state = hashlib.sha256(head.encode())
        # Little-endian doubles, with one bit pattern for every NaN, are the same bytes on every machine.
        for series in self._series:
            state.update(np.where(np.isnan(series), np.float64("nan"), series).astype("<f8").tobytes())
        for name in sorted(self.covariates):
            values = self.covariates[name]
            state.update(f"|{name}|".encode())
            state.update(np.where(np.isnan(values), np.float64("nan"), values).astype("<f8").tobytes())
        for other in self.others:
            state.update(f"|{other.digest}|".encode())
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

        Parameters
        ----------
        reports : iterable of SalvoReport
            In any order. Reports of days after `until` are left out.
        until : date, optional
            The last day of the history; None for the last reported day. Days after the last report are unknown under
            every rule, because their reports may still come.
        rule : QuietDayRule
            Which silent days were quiet.

        Returns
        -------
        LaunchHistory

        Raises
        ------
        InputError
            Where no report is left, or reports of two series are mixed.
        """
        kept = Salvos.of(report for report in reports if until is None or report.attack_day <= until).standing
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
        """The history of reports that were summed by attack day already; see `from_reports`.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.
        daily : DailySums
            Of one report at least.
        until, rule
            As of `from_reports`.

        Returns
        -------
        LaunchHistory
        """
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
        floor = _floors(launched, daily, first)
        launched[~np.isnan(floor)] = np.nan
        return cls(
            theatre, weapon_class, rule, first, launched, neutralised, sources, armed_share=armed_share, floor=floor
        )

    def until(self, day: date) -> Self:
        """The same history, cut. For pictures and tests: what was known by then is the ledger's to say.

        Parameters
        ----------
        day : date
            The last day to keep.

        Returns
        -------
        LaunchHistory
        """
        cut = self._cut(0, max(0, (day - self.first_day).days + 1))
        return replace(cut, others=tuple(each.until(day) for each in self.others if each.first_day <= day))

    def since(self, day: date) -> Self:
        """The same history without its first days.

        Parameters
        ----------
        day : date
            The first day to keep; unchanged where the history begins later.

        Returns
        -------
        LaunchHistory
        """
        cut = self._cut(max((day - self.first_day).days, 0), self.launched.size)
        return replace(cut, others=tuple(each.since(day) for each in self.others if each.last_day >= day))

    def after(self, origin: date, horizon: int) -> NDArray[np.float64]:
        """The counts of the days after an origin.

        Parameters
        ----------
        origin : date
            An attack day, in the history or not.
        horizon : int
            Attack days.

        Returns
        -------
        (horizon,) array of float
            Drones a day; NaN where nothing is known (yet, or from before).
        """
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
            floor=self.floor[start:stop].copy(),
            covariates={name: values[start:stop].copy() for name, values in self.covariates.items()},
        )

    def with_missiles(self, launched: Mapping[date, int]) -> Self:
        """The same history with missiles.

        Parameters
        ----------
        launched : mapping of date to int
            Attack day -> missiles launched; a day that is not named had none.

        Returns
        -------
        LaunchHistory
        """
        missiles = np.zeros(self.launched.size)
        for day, count in launched.items():
            index = (day - self.first_day).days
            if 0 <= index < missiles.size:
                missiles[index] += count
        return replace(self, missiles=missiles)

    def to_frame(self) -> "pd.DataFrame":
        """The history as a table.

        Returns
        -------
        pandas.DataFrame
            One row per attack day: attack_day, launched, neutralised (drones, missing where unknown), regime,
            neutralised_comparable, armed_share (missing where not reported), complete (whether `launched` is of all
            hours, as far as is known: of a floor it is not).
        """
        import pandas as pd  # half a second that a forecast need not spend

        return pd.DataFrame(
            {
                "attack_day": pd.to_datetime(self.days),
                "launched": pd.Series(np.where(np.isnan(self.floor), self.launched, self.floor)).astype("Int64"),
                "neutralised": pd.Series(self.neutralised).astype("Int64"),
                "regime": [regime.value for regime in self.regimes],
                "neutralised_comparable": self.neutralised_comparable,
                "armed_share": self.armed_share.round(4),
                "complete": np.isnan(self.floor),
            }
        )


@dataclass(slots=True)
class DailySums:
    """The counts of one series by attack day, before days without a report are told apart.

    launched, neutralised: drones by day; a day is in the second where at least one of its reports tells. armed: strike
    drones, and launched drones of the reports that tell strike drones. sources: the names of the sources that the
    counts are from. daytime: by day of which more than the night is told, the drones of windows by day alone.
    """

    launched: dict[date, int] = field(default_factory=dict)
    neutralised: dict[date, int] = field(default_factory=dict)
    armed: dict[date, tuple[int, int]] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    daytime: dict[date, int] = field(default_factory=dict)

    @classmethod
    def of(cls, reports: Iterable[SalvoReport]) -> Self:
        """The sums of these reports, all of them: see `features.sightings`."""
        sums = cls()
        for report in reports:
            sums.add_report(report)
        return sums

    def add_report(self, report: SalvoReport) -> None:
        """Adds the counts of one report."""
        of_launched = None if report.strike_drones is None else report.launched
        armed = (report.strike_drones, of_launched)
        self.add(report.attack_day, report.source, report.launched, report.neutralised, *armed)
        if report.window_end.time() >= AFTERNOON:
            midnight = datetime.combine(report.attack_day, time())
            by_day = report.window_start >= midnight.replace(hour=MORNING.hour)
            self.add_daytime(report.attack_day, report.launched if by_day else 0)

    def add_daytime(self, day: date, launched: int) -> None:
        """Notes that more of a day is told than its night, and the drones of that which came by day alone."""
        self.daytime[day] = self.daytime.get(day, 0) + launched

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


def _floors(launched: NDArray[np.float64], daily: DailySums, first: date) -> NDArray[np.float64]:
    """(n_days,) the counts of the days of which the night alone is told, where attacks by day are not negligible.

    Whether they are is told by the days before, so that no later day changes an earlier one.
    """
    floor = np.full(launched.size, np.nan)
    if not daily.daytime:
        return floor
    by_day = np.zeros(launched.size)
    more_than_night = np.zeros(launched.size, dtype=bool)
    for day, drones in daily.daytime.items():
        index = (day - first).days
        by_day[index], more_than_night[index] = drones, True
    both = np.cumsum([np.nan_to_num(launched), by_day], axis=1)
    both -= np.pad(both, ((0, 0), (DAYTIME_DAYS, 0)))[:, : launched.size]  # of so many days up to each
    notable = (both[0] >= DAYTIME_LAUNCHED) & (both[1] >= DAYTIME_SHARE * both[0])
    night_alone = notable & ~more_than_night & (launched > 0)
    floor[night_alone] = launched[night_alone]
    return floor
