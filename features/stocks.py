"""Counts of interceptors in hand: sightings like reports, added to and never changed.

What is in force at a moment is, of each layer and day, the count that was known last by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.errors import InputError
from features.records import KYIV, LONGEST_TEXTS
from features.stated import LARGEST_NUMBER
from features.tables import report_table, stock_table

NOBODY = "not stated"
"""The source of a count that names none."""


@dataclass(frozen=True, slots=True)
class StockCount:
    """Interceptors of one layer that somebody counted.

    Parameters
    ----------
    theatre, layer : str
        Whose they are.
    quantity : int
        Interceptors in hand.
    counted_on : date
        The attack day after whose night they were counted.
    known_at : datetime
        Since when the count is known, in UTC: as stated, or else the end of that day.
    source : str
        Who says so.
    """

    theatre: str
    layer: str
    quantity: int
    counted_on: date
    known_at: datetime
    source: str = NOBODY

    @classmethod
    def of(
        cls,
        theatre: str,
        layer: str,
        quantity: int,
        counted_on: date,
        *,
        known_on: date | None = None,
        source: str = "",
    ) -> "StockCount":
        """A count that can be one.

        Parameters
        ----------
        theatre, layer : str
            Whose interceptors they are.
        quantity : int
            In hand.
        counted_on : date
            The day.
        known_on : date, optional
            The day by whose end it was known; None: the same.
        source : str
            Who says so.

        Returns
        -------
        StockCount

        Raises
        ------
        InputError
            For a quantity, a source or a day that cannot be.
        """
        if not 0 <= quantity <= LARGEST_NUMBER:
            raise InputError(
                "the count of {layer} is {given}: expected a whole number, 0 to {most}",
                field="quantity",
                layer=layer,
                given=quantity,
                most=f"{LARGEST_NUMBER:,.0f}",
            )
        longest = LONGEST_TEXTS["reporter"]
        if len(source) > longest or not source.isprintable():
            raise InputError(
                "source is {given}: expected who says so, up to {longest} characters",
                field="source",
                given=repr(source[:40]),
                longest=longest,
            )
        if known_on is not None and known_on < counted_on:
            raise InputError(
                "the count of {layer} of {day} was known on {known}: expected that day or a later one",
                field="known",
                layer=layer,
                day=counted_on,
                known=known_on,
            )
        known_at = datetime.combine((known_on or counted_on) + timedelta(days=1), time(), tzinfo=KYIV)
        return cls(theatre, layer, quantity, counted_on, known_at.astimezone(UTC), source.strip() or NOBODY)

    @property
    def known_on(self) -> date:
        """The day in Kyiv by whose end it was known."""
        return (self.known_at - timedelta(seconds=1)).astimezone(KYIV).date()


def store_counts(connection: Connection, counts: Sequence[StockCount], recorded: datetime, *, correct: bool) -> int:
    """Adds counts; the number of those that were not known yet. recorded: now, in UTC, without zone.

    correct: whether they may say something else than an earlier count of the same layer and day; what is not stated of
    when that became known is then now. Raises InputError where they may not, and nothing is to be stored.
    """
    now = recorded.replace(tzinfo=UTC)
    today = now.astimezone(KYIV).date()
    first, added, told = _first_days(connection), 0, dict[tuple[str, str, date], StockCount]()
    for count in counts:
        key = (count.theatre, count.layer, count.counted_on)
        if count.counted_on > today or count.known_on > today:
            raise InputError(
                "the count of {layer} of {day} is of the future: expected {today} or earlier",
                field="counted_on",
                layer=count.layer,
                day=max(count.counted_on, count.known_on),
                today=today,
            )
        if (start := first.get(count.theatre)) and count.counted_on < start:
            raise InputError(
                "the count of {layer} of {day} is before the first report of theatre {theatre}: expected {first} or "
                "later",
                field="counted_on",
                layer=count.layer,
                day=count.counted_on,
                theatre=count.theatre,
                first=start,
            )
        if key in told and told[key].quantity != count.quantity:
            raise _disagreement(told[key], count, "state the one that is right")
        told[key] = count
        before = {each.counted_on: each for each in read_counts(connection, count.theatre) if each.layer == count.layer}
        earlier = before.get(count.counted_on)
        if earlier is not None and earlier.quantity == count.quantity:
            continue
        if earlier is not None and not correct:
            raise _disagreement(earlier, count, "state the right one as a correction (--correct); both are kept")
        kept = count
        if earlier is not None and count.known_at <= earlier.known_at:
            kept = StockCount(*key[:2], count.quantity, count.counted_on, max(now, earlier.known_at), count.source)
        values = {name: getattr(kept, name) for name in _NAMES}
        values["known_at"] = kept.known_at.astimezone(UTC).replace(tzinfo=None)
        connection.execute(stock_table.insert().values(**values, recorded_at=recorded))
        added += 1
    return added


def read_counts(connection: Connection, theatre: str, moment: datetime | None = None) -> list[StockCount]:
    """The counts of a theatre in force at a moment with zone (None: as known now), by layer and day."""
    columns = stock_table.c
    query = sa.select(*(columns[name] for name in _NAMES)).where(columns.theatre == theatre)
    if moment is not None:
        query = query.where(columns.known_at <= moment.astimezone(UTC).replace(tzinfo=None))
    query = query.order_by(columns.layer, columns.counted_on, columns.known_at, columns.id)
    found = (
        StockCount(**{**row, "known_at": row["known_at"].replace(tzinfo=UTC)})
        for row in connection.execute(query).mappings()
    )
    return list({(each.layer, each.counted_on): each for each in found}.values())


def _first_days(connection: Connection) -> dict[str, date]:
    columns = report_table.c
    query = sa.select(columns.theatre, sa.func.min(columns.attack_day).label("first")).group_by(columns.theatre)
    return {row.theatre: row.first for row in connection.execute(query)}


def _disagreement(earlier: StockCount, count: StockCount, advice: str) -> InputError:
    return InputError(
        f"{{layer}} was counted twice on {{day}}: {{earlier:,}} ({{source}}), and {{count:,}} now: {advice}",
        field="quantity",
        layer=count.layer,
        day=count.counted_on,
        earlier=earlier.quantity,
        source=earlier.source,
        count=count.quantity,
    )


_NAMES = tuple(field.name for field in fields(StockCount))
