"""Counts of stocks on their way into the ledger: the one way in, for command, API and page."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from features.errors import InputError, unknown_name
from features.ledger import Ledger
from features.sources.counts import CountRow
from features.stocks import StockCount
from forecasting.defence.layers import Defence


def count_stocks(
    ledger: Ledger,
    defence: Defence,
    rows: Iterable[CountRow],
    *,
    on: date | None = None,
    known: date | None = None,
    source: str = "",
    correct: bool = False,
) -> tuple[tuple[StockCount, ...], int]:
    """Keeps counts of the stocks of a defence: all of them or none.

    Parameters
    ----------
    ledger : Ledger
        Where they are kept.
    defence : Defence
        Whose layers they are of.
    rows : iterable of CountRow
        As somebody stated them.
    on, known : date, optional
        The day of the count, and the day by which it was known, of rows that do not say.
    source : str
        Who says so, of rows that do not say.
    correct : bool
        Whether they may say something else than an earlier count of the same day.

    Returns
    -------
    (tuple of StockCount, int)
        The counts, and how many of them are new.

    Raises
    ------
    InputError
        For what can be no count, with its row, and what `Ledger.count_stocks` refuses; nothing is kept.
    """
    stocked = [layer.id for layer in defence.layers if layer.interceptor is not None]
    counts = []
    for row in rows:
        try:
            if row.layer not in stocked:
                raise unknown_name("layer with interceptors", row.layer, stocked, field="layer")
            day = row.counted_on or on
            if day is None:
                raise InputError(
                    "the count of {layer} has no day: expected the day on which it was counted (--on 2026-02-28)",
                    field="counted_on",
                    layer=row.layer,
                )
            counts.append(
                StockCount.of(
                    defence.theatre,
                    row.layer,
                    row.quantity,
                    day,
                    known_on=row.known_on or known,
                    source=row.source or source,
                )
            )
        except InputError as error:
            if not row.where:
                raise
            raise InputError(f"{row.where}: {error}", field=error.field) from error
    if not counts:
        raise InputError("nothing is counted: expected a count at least, such as interceptor_drone=12000")
    return tuple(counts), ledger.count_stocks(counts, datetime.now(UTC), correct=correct)
