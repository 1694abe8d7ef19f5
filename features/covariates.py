"""Covariates: a number a day beside the launches, each with the time at which it became public.

A frame has the columns `date`, `value` and `published_at`; others are left alone. It joins the ledger's as-of view
(`Ledger.history(covariates=...)`), which shows of each day the value last published by the origin, and nothing else.
What a covariate will be after the origin is the model's own affair: it forecasts it, or does without.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import InputError, one_line
from features.history import LaunchHistory
from features.ledger import end_of_day

COLUMNS = ("date", "value", "published_at")
FURTHEST = 28
"""Days after its publication in which no covariate can tell the launches all but exactly."""
ALL_BUT_EXACT, LEFT_OPEN = 0.9, 0.25
"""A rank correlation with days to come above the first, which leaves at most the second share of what that with days
gone leaves open, has looked."""
FEWEST_DAYS = 60


@dataclass(frozen=True, eq=False)
class Covariate:
    """A named series with the time at which each value became public.

    Parameters
    ----------
    name : str
        As models ask for it: `history.covariates[name]`.
    days : (n,) array of datetime64[D]
        Ascending; a day comes again where its value was revised.
    values : (n,) array of float
        In whatever unit, finite.
    published_at : (n,) array of datetime64[s]
        In UTC; of one day ascending.
    """

    name: str
    days: NDArray[np.datetime64]
    values: NDArray[np.float64]
    published_at: NDArray[np.datetime64]

    @classmethod
    def from_frame(cls, name: str, frame: pd.DataFrame) -> Self:
        """A covariate from a table.

        Parameters
        ----------
        name : str
            Letters, digits and _.
        frame : pandas.DataFrame
            Columns date (day), value (number), published_at: a time with its zone, or a day, which stands for its end
            in Kyiv. A value that is revised has a row for each time it was published. A day without a value has none.

        Returns
        -------
        Covariate

        Raises
        ------
        InputError
            For a column that is missing, a cell that cannot be read or is empty, a value that was published before its
            day began, and a day that is published twice at the same time.
        """
        if not name.isidentifier():
            raise InputError(f"covariate '{name}': expected a name of letters, digits and _, such as weather")
        if missing := [column for column in COLUMNS if column not in frame.columns]:
            raise InputError(
                f"covariate {name} has no column {', '.join(missing)}: expected {', '.join(COLUMNS)}; when a value "
                "became public decides which forecast may use it"
            )
        if frame.empty:
            raise InputError(f"covariate {name} has no rows: expected {', '.join(COLUMNS)} of at least one day")
        rows = []
        for number, cells in enumerate(zip(*(frame[column] for column in COLUMNS), strict=True), start=1):
            try:
                rows.append(_row(*cells))
            except (ValueError, OverflowError, TypeError) as error:
                raise one_line(f"covariate {name}, row {number}: {error}") from error
        rows.sort(key=lambda row: (row[0], row[2]))
        for (day, _, known), (next_day, _, next_known) in pairwise(rows):
            if (day, known) == (next_day, next_known):
                raise InputError(
                    f"covariate {name} has {day} twice, published at the same time ({known:%Y-%m-%d %H:%M} UTC): "
                    "expected one row of a day, or a later published_at for a revised value"
                )
        days, values, published = zip(*rows, strict=True)
        return cls(
            name,
            np.array(days, dtype="datetime64[D]"),
            np.array(values, dtype=float),
            np.array([moment.replace(tzinfo=None) for moment in published], dtype="datetime64[s]"),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of its name and of all its rows."""
        state = hashlib.sha256(self.name.encode())
        for column, kind in ((self.days, "<i8"), (self.values, "<f8"), (self.published_at, "<i8")):
            state.update(column.astype(kind).tobytes())
        return state.hexdigest()

    def as_of(self, moment: datetime, days: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """What was public at a moment.

        Parameters
        ----------
        moment : datetime
            With zone; see `features.ledger.end_of_day`.
        days : (n_days,) array of datetime64[D]
            Consecutive days.

        Returns
        -------
        (n_days,) array of float
            The value last published by then; NaN for days of which none was.
        """
        seen = np.full(days.size, np.nan)
        index = (self.days - days[0]).astype(int)
        now = np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "s")
        public = (self.published_at <= now) & (index >= 0) & (index < days.size)
        seen[index[public]] = self.values[public]  # of a day that comes again the last one stays, the newest
        return seen

    def to_frame(self) -> pd.DataFrame:
        """The same as a table, which `from_frame` reads to the same digest.

        Returns
        -------
        pandas.DataFrame
            Columns date, value, published_at (datetime, UTC).
        """
        published = pd.to_datetime(self.published_at).tz_localize("UTC")
        return pd.DataFrame({"date": self.days.astype(str), "value": self.values, "published_at": published})


def read_covariate(given: str) -> Covariate:
    """The covariate of an option NAME=FILE, a CSV or Parquet file. Raises InputError in one line where it is none."""
    name, mark, text = given.partition("=")
    file = Path(text)
    if not mark or not text:
        raise InputError(f"--covariate {given}: expected NAME=FILE, such as weather=weather.csv")
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"--covariate {given}: expected a file that ends in .csv or .parquet")
    try:
        frame = pd.read_parquet(file) if file.suffix.lower() == ".parquet" else pd.read_csv(file, dtype=str)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        reason = getattr(error, "strerror", None) or error
        raise one_line(f"--covariate {given}: cannot read {file}: {reason}") from error
    return Covariate.from_frame(name, frame)


def covariates_of(frames: Mapping[str, pd.DataFrame]) -> tuple[Covariate, ...]:
    """The covariates of frames by name, in alphabetical order."""
    return tuple(Covariate.from_frame(name, frames[name]) for name in sorted(frames))


def refuse_look_ahead(covariate: Covariate, truth: LaunchHistory) -> None:
    """Nothing, for a covariate that was public when it says so, as far as the record can tell.

    One that follows the launches of days after its own publication all but exactly, and those before it less, cannot
    have been: a frame that was moved by a day, or whose published_at is a guess.

    Parameters
    ----------
    covariate : Covariate
        As it was given.
    truth : LaunchHistory
        What is known now.

    Raises
    ------
    InputError
        Naming the days and the correlation.
    """
    from scipy.stats import spearmanr

    published = (covariate.published_at - covariate.days.astype("datetime64[s]")).astype("timedelta64[D]").astype(int)
    delay = int(np.median(published))
    start = (covariate.days - np.datetime64(truth.first_day)).astype(int)
    found: dict[int, float] = {}
    for ahead in range(delay - FURTHEST, delay + FURTHEST + 1):
        at = start + ahead
        inside = (at >= 0) & (at < truth.launched.size)
        launched, values = truth.launched[at[inside]], covariate.values[inside]
        known = ~np.isnan(launched)
        if known.sum() >= FEWEST_DAYS and np.ptp(launched[known]) > 0 and np.ptp(values[known]) > 0:
            found[ahead] = abs(float(spearmanr(launched[known], values[known]).statistic))
    later = {ahead: strength for ahead, strength in found.items() if ahead > delay}
    if not later:
        return
    ahead = max(later, key=lambda each: later[each])
    gone = max((strength for each, strength in found.items() if each <= delay), default=0.0)
    if later[ahead] > ALL_BUT_EXACT and 1.0 - later[ahead] < LEFT_OPEN * (1.0 - gone):
        raise InputError(
            f"covariate {covariate.name} looks ahead: its values follow the launches {ahead} days after their date "
            f"(rank correlation {later[ahead]:.2f}, with days gone at most {gone:.2f}), and are said to be public "
            f"{delay} days after it: see its published_at"
        )


def _row(day: Any, value: Any, published: Any) -> tuple[date, float, datetime]:
    """The cells of a row as they were meant. Raises ValueError, saying what is wrong with which."""
    if _is_empty(day):
        raise ValueError("date is missing: expected a day such as 2026-02-28")
    on = _day_or_time(day, "date")
    if isinstance(on, datetime):
        raise ValueError(f"date is {day}: expected a day such as 2026-02-28, without a time")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        told = "missing" if _is_empty(value) else f"'{value}'"
        raise ValueError(f"value of {on} is {told}: expected a finite number; leave out the row of a day without one")
    if _is_empty(published):
        raise ValueError(f"published_at of {on} is missing: expected the day or the time at which it became public")
    moment = _day_or_time(published, "published_at")
    known = moment.astimezone(UTC) if isinstance(moment, datetime) else end_of_day(moment)
    if known <= end_of_day(on - timedelta(days=1)):
        raise ValueError(
            f"{on} was published before it began ({published}): expected what was measured of the day; forecasts of a "
            "covariate are the model's own"
        )
    return on, number, known.replace(microsecond=0) + timedelta(seconds=known.microsecond > 0)


def _day_or_time(given: Any, column: str) -> date:
    """A day, or a datetime with its zone. Raises ValueError for a time without one, and for anything else."""
    try:
        made = pd.Timestamp(given.strip() if isinstance(given, str) else given).to_pydatetime(warn=False)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{column} is '{given}': expected a day, or for published_at a time with its zone") from error
    if made.tzinfo is not None:
        return made
    if made.time() != time():
        raise ValueError(f"{column} {given} has no time zone: expected a time such as 2026-02-28T09:00+02:00, or a day")
    return made.date()


def _is_empty(cell: Any) -> bool:
    return bool(pd.isna(cell)) or (isinstance(cell, str) and not cell.strip())
