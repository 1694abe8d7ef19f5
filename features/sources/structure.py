"""What the rows of a table are together: days or sums of weeks, several rows of one salvo, days that are left out."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

from features.errors import InputError
from features.records import COUNT_FIELDS, LARGEST_COUNT, QuietDayRule, SalvoReport
from features.sources.cells import DAY_END, DAY_START, Row
from features.sources.reading import RejectedRow
from features.sources.rows import rejection, row_outcome, row_report

Rows = Callable[[], Iterator[Row]]
"""The rows of a table from the first: gone through more than once, so that no file needs memory of its size."""
Salvo = Mapping[str, Any]
"""What tells the salvo of a row from others: theatre, class, window, area, reporter, time of publication."""

NIGHT, DAY = "night", "day"
PARTS = {
    **dict.fromkeys((NIGHT, "ніч", "нічна", "вночі"), NIGHT),
    **dict.fromkeys((DAY, "daytime", "день", "денна", "вдень"), DAY),
}
"""How tables name the parts of a date."""

LONG_WINDOW = timedelta(days=2)
"""A longer window may be one of many of the same length, which are sums of weeks."""
FEWEST_EVENTS = 5
"""Of fewer attack days nobody is asked whether the days between them were quiet."""
RUN = 6
"""So many equal spacings one after the other are no accident among attack days."""
MOST_QUIET_DAYS = 20_000
"""Days without a row that a table can call quiet, of all its series: half a century."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What one look at all rows tells.

    several: hashes of the salvos that more than one row speaks of. unequal: one of those whose rows differ, where more
    than half of all salvos are such: then it is the table, and no slip. totals: attack days (ordinals) of the rows that
    speak of whole days, by (theatre, weapon class); days: those of all rows.
    """

    several: frozenset[int]
    unequal: int | None
    totals: dict[tuple[str, str], set[int]]
    days: dict[tuple[str, str], set[int]]

    @classmethod
    def of(cls, rows: Rows, salvo_of: Callable[[Sequence[str]], Salvo], *, by_date: bool) -> "Structure":
        """by_date: whether the rows state a date instead of a window. A row that cannot be read tells nothing."""
        first: dict[int, int] = {}  # some 130 bytes a row: a million must fit
        several: set[int] = set()
        unequal: dict[int, None] = {}  # in the order of the rows: the same file is refused in the same words
        totals: dict[tuple[str, str], set[int]] = {}
        days: dict[tuple[str, str], set[int]] = {}
        for cells, problem in rows():
            salvo = legible(salvo_of, cells) if any(cells) and not problem else None
            if salvo is None:
                continue
            key, whole, known = hash_of(salvo), hash(tuple(cells)), len(first)
            earlier = first.setdefault(key, whole)
            if len(first) == known:
                several.add(key)
                if earlier != whole:
                    unequal[key] = None
            start, end = salvo["window_start"], salvo["window_end"]
            series = salvo["theatre"], salvo["weapon_class"]
            days.setdefault(series, set()).add(end.toordinal())
            if by_date or end - start > LONG_WINDOW:
                totals.setdefault(series, set()).add(end.toordinal())
        usual = next(iter(unequal)) if 2 * len(unequal) > len(first) else None
        return cls(frozenset(several), usual, totals, days)


def legible(salvo_of: Callable[[Sequence[str]], Salvo], cells: Sequence[str]) -> Salvo | None:
    """The salvo that a row speaks of, None where that cannot be read."""
    try:
        return salvo_of(cells)
    except Exception:  # noqa: BLE001  # told when the row is read
        return None


def hash_of(salvo: Salvo) -> int:
    """One integer for what tells a salvo from others."""
    return hash((*salvo.values(), salvo["window_end"].fold))  # datetimes of the two hours of one clock are equal


def spacing(days: Collection[int]) -> str | None:
    """How far apart the days (ordinals) of a table are, where that is too regular for attack days; else None.

    >>> spacing(range(730_000, 730_070, 7))
    '7 days'
    """
    gaps = [later - earlier for earlier, later in pairwise(sorted(days))]
    if len(gaps) < 2:
        return None
    usual = int(median(gaps))
    # Of weeks and months one may be missing; the spacing of those beside it tells all the same.
    weekly = [gap == 7 for gap in gaps]
    if (usual == 7 and all(gap % 7 == 0 for gap in gaps)) or _longest_run(weekly) >= RUN:
        return "7 days"
    monthly = [28 <= gap <= 31 for gap in gaps]
    if (28 <= usual <= 31 and all(gap in _MONTHS for gap in gaps)) or _longest_run(monthly) >= RUN:
        return "28 to 31 days"
    if len(gaps) >= 4 and 1 < min(gaps) == max(gaps):
        return f"{gaps[0]} days"
    if len(gaps) >= 4 and min(gaps) >= 8 and 2 * max(gaps) <= 3 * min(gaps):
        return f"{min(gaps)} to {max(gaps)} days"
    return None


_MONTHS = frozenset((*range(28, 32), *range(59, 63)))


def _longest_run(fitting: Sequence[bool]) -> int:
    longest = run = 0
    for fits in fitting:
        run = run + 1 if fits else 0
        longest = max(longest, run)
    return longest


def refuse_totals(structure: Structure, table: str) -> None:
    """Raises InputError, naming the `table` and the spacing, where rows look like sums of weeks or months."""
    for (theatre, weapon_class), days in structure.totals.items():
        if apart := spacing(days):
            first = ", ".join(str(date.fromordinal(day)) for day in sorted(days)[:3])
            raise InputError(
                f"{table}: the rows of {theatre} {weapon_class} are {apart} apart ({first}, ...): these look like sums "
                "of the time between, not counts of a day; give a row for each day, or, where each is the count of one "
                "attack, its hours in columns window_start and window_end"
            )


def question_of(structure: Structure) -> str:
    """Whether the days without a row were quiet, as a question in one line; '' where nobody need ask."""
    for (theatre, weapon_class), days in structure.days.items():
        ordered = sorted(days)
        span = ordered[-1] - ordered[0] + 1
        apart = sum(later - earlier > 1 for earlier, later in pairwise(ordered))
        # One long gap is a gap; attack days alone lie scattered.
        if len(days) >= FEWEST_EVENTS and 2 * apart > len(days) - 1 and 2 * len(days) < span:
            return (
                f"{theatre} {weapon_class} has rows for {len(days):,} of the {span:,} days from "
                f"{date.fromordinal(ordered[0])} to {date.fromordinal(ordered[-1])}: were the other "
                f"{span - len(days):,} without launches? read it again with --quiet-days all if so, with --quiet-days "
                "none if they are unknown, as which they count until then"
            )
    return ""


def quiet_reports(structure: Structure, rule: QuietDayRule, source: str) -> Iterator[SalvoReport]:
    """A report of no launches for each day between the rows of a series that has none and is quiet by the rule."""
    missing = {series: range(min(days), max(days)) for series, days in structure.days.items()}
    if (total := sum(map(len, missing.values()))) > MOST_QUIET_DAYS:
        raise InputError(f"the days between the rows are {total:,}: expected at most {MOST_QUIET_DAYS:,}")
    for (theatre, weapon_class), span in missing.items():
        for ordinal in span:
            day = date.fromordinal(ordinal)
            if ordinal not in structure.days[theatre, weapon_class] and rule.applies_to(day):
                yield SalvoReport(
                    window_start=datetime.combine(day, DAY_START),
                    window_end=datetime.combine(day, DAY_END),
                    launched=0,
                    theatre=theatre,
                    weapon_class=weapon_class,
                    source=source,
                )


@dataclass(frozen=True, slots=True)
class _Said:
    """What one of several rows of a salvo says."""

    number: int
    cells: Sequence[str]
    outcome: SalvoReport | RejectedRow


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of a table, each salvo once. unused: the columns that no field takes; sum_rows: whether the counts of
    several rows of a salvo are added up; published_at: when the table came out."""

    header: Sequence[str]
    rows: Rows
    salvo_of: Callable[[Sequence[str]], Salvo]
    report_of: Callable[[Sequence[str]], SalvoReport]
    unused: Collection[str]
    sum_rows: bool = False
    published_at: datetime | None = None

    def read(self, several: Collection[int]) -> Iterator[SalvoReport | RejectedRow]:
        """A report or a rejection for each row that is not empty, those of the salvos in `several` at the end.

        Of rows that speak of one salvo, those that repeat another in every cell are rejected as such. The others are
        added up, where that was asked for and all can be read; else none of them is a report: which of them counts,
        or whether they add up, is not for a reader to say.
        """
        together: dict[int, list[_Said]] = {}
        for number, row in enumerate(self.rows(), start=1):
            if not any(row[0]):
                continue
            report = partial(row_report, row, len(self.header), self.report_of, self.published_at)
            outcome = row_outcome(number, self.header, row[0], report)
            if outcome is None:
                continue
            salvo = legible(self.salvo_of, row[0]) if several and not row[1] else None
            key = None if salvo is None else hash_of(salvo)
            if key is not None and key in several:
                together.setdefault(key, []).append(_Said(number, row[0], outcome))
            else:
                yield outcome
        for said in together.values():
            yield from self._settled(said)

    def refusal(self, key: int) -> str:
        """Why the rows of this salvo, whose hash is `key`, cannot be told apart, and what to do."""
        said = [
            _Said(number, cells, rejection(number, self.header, cells, problem))
            for number, (cells, problem) in enumerate(self.rows(), start=1)
            if not problem and (salvo := legible(self.salvo_of, cells)) is not None and hash_of(salvo) == key
        ]
        return self._unclear(said)

    def _settled(self, said: Sequence[_Said]) -> Iterator[SalvoReport | RejectedRow]:
        first: dict[tuple[str, ...], int] = {}
        different = []
        for each in said:
            earlier = first.setdefault(tuple(each.cells), each.number)
            if earlier == each.number:
                different.append(each)
            elif isinstance(each.outcome, RejectedRow):
                yield each.outcome
            else:
                yield rejection(each.number, self.header, each.cells, f"repeats row {earlier}")
        read = [each.outcome for each in different if isinstance(each.outcome, SalvoReport)]
        unread = [each.outcome for each in different if isinstance(each.outcome, RejectedRow)]
        if len(different) == 1:
            yield different[0].outcome
            return
        if not unread and self.sum_rows:
            total = sum_of(read)
            if total is not None:
                yield total
                return
        yield from unread
        reason = (
            f"speaks of the same salvo as row {unread[0].row}, which cannot be read"
            if unread
            else f"brings the sum of its salvo beyond {LARGEST_COUNT:,}"
            if self.sum_rows
            else self._unclear(different)
        )
        for each in different:
            if isinstance(each.outcome, SalvoReport):
                yield rejection(each.number, self.header, each.cells, reason)

    def _unclear(self, said: Sequence[_Said]) -> str:
        salvo = self.salvo_of(said[0].cells)
        rows = ", ".join(str(each.number) for each in said[:3]) + (", ..." if len(said) > 3 else "")
        told = {
            name: [each.cells[place].strip().lower() for each in said if place < len(each.cells)]
            for place, name in enumerate(self.header)
            if name in self.unused
        }
        telling = [name for name, texts in told.items() if len(set(texts)) == len(said)]
        by_part = [name for name in telling if PARTS.keys() >= set(told[name])]
        if by_part:
            hint = f"say that column '{by_part[0]}' names night and day (--map part={by_part[0]})"
        elif telling:
            hint = (
                f"add them up (--sum), or say that column '{telling[0]}' names areas (--map target_area={telling[0]})"
            )
        else:
            hint = "add them up (--sum), or leave one"
        return f"rows {rows} speak of one salvo ({salvo['window_end']:%Y-%m-%d}) and differ: {hint}"


def sum_of(reports: Sequence[SalvoReport]) -> SalvoReport | None:
    """One report with the counts of several, each unknown where one does not tell it; None where that is too many.

    Launch areas and counts by area do not add up, and are left out.
    """
    counts: dict[str, int | None] = {}
    for name in COUNT_FIELDS:
        told = [getattr(report, name) for report in reports]
        counts[name] = None if None in told or name == "launch_areas" else sum(told)
    if max(count or 0 for count in counts.values()) > LARGEST_COUNT:
        return None
    return replace(reports[0], shot_down_by_area=None, **counts)  # type: ignore[arg-type]
