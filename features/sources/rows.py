"""Rows of a table -> reports: a bad one is reported with its reason, and costs no other."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from features.errors import InputError, one_line
from features.records import KYIV, SalvoReport
from features.sources.cells import Row
from features.sources.reading import RejectedRow


def reports(
    header: Sequence[str],
    rows: Iterable[Row],
    make: Callable[[Sequence[str]], SalvoReport],
    published_at: datetime | None = None,
    add_to_total: Callable[[SalvoReport], bool] | None = None,
) -> Iterator[SalvoReport | RejectedRow]:
    """One report, or one rejection with its reason, per row that is not wholly empty.

    make, published_at: as of `row_report`. add_to_total: told of each report, says whether it is part of a total, which
    the caller reports in its place. A second row with the same key and time of publication is rejected: it repeats or
    contradicts the first; knowing this takes about 130 bytes of memory a row, whatever the row holds.
    """
    first: dict[int, int] = {}

    def report_of(number: int, row: Row) -> SalvoReport | None:
        report = row_report(row, len(header), make, published_at)
        if add_to_total is not None and add_to_total(report):
            return None
        salvo = hash((report.key, report.published_at))
        content = hash(report.content) & 0xFFFF_FFFF_FFFF_FFFF
        # One integer a row, not a tuple: a million rows must fit.
        entry = first.setdefault(salvo, (number << 32 | report.launched) << 64 | content)
        if entry >> 96 != number:
            raise InputError(_repetition(entry, report.launched, content))
        return report

    for number, row in enumerate(rows, start=1):
        read = row_outcome(number, header, row[0], partial(report_of, number, row))
        if read is not None:
            yield read


def row_report(
    row: Row, width: int, make: Callable[[Sequence[str]], SalvoReport], published_at: datetime | None = None
) -> SalvoReport:
    """The report of a row of a file that came out at `published_at`: a window that ends later is no report.

    make: the report of the cells (as many as the header has). Raises InputError, or what `make` does.
    """
    cells, problem = row
    if problem:
        raise InputError(problem)
    report = make(cells if len(cells) == width else _fitted(cells, width))
    if published_at is not None:
        latest = published_at.astimezone(KYIV).replace(tzinfo=None)
        if report.window_end > latest:
            raise InputError(
                f"window ends ({report.window_end.isoformat()}) after the file came out ({latest.isoformat()}): "
                "check the row, and the date of the file"
            )
    return report


def row_outcome(
    number: int, header: Sequence[str], cells: Sequence[str], report_of: Callable[[], SalvoReport | None]
) -> SalvoReport | RejectedRow | None:
    """What `report_of` returns, or the row with the reason why not, whatever it raises; None for an empty row."""
    if not any(cell.strip() for cell in cells):
        return None
    try:
        return report_of()
    except InputError as error:
        return rejection(number, header, cells, str(error))
    except Exception as error:  # noqa: BLE001  # nothing that stands in a row may cost the rows beside it
        return rejection(number, header, cells, str(one_line(f"cannot be read ({type(error).__name__}: {error})")))


def rejection(number: int, header: Sequence[str], cells: Sequence[str], reason: str) -> RejectedRow:
    """The row as it was, with the reason why it is no report."""
    named = dict(zip(header, cells, strict=False))
    beyond = {"": list(cells[len(header) :])} if len(cells) > len(header) else {}
    return RejectedRow(number, json.dumps({**named, **beyond}, ensure_ascii=False), reason)


def _fitted(cells: Sequence[str], width: int) -> Sequence[str]:
    """Cells without the empty ones that spreadsheets append."""
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return cells[:width]
    raise InputError(f"has {len(cells)} cells: expected {width}, as many as there are named columns")


def _repetition(entry: int, launched: int, content: int) -> str:
    row, earlier = entry >> 96, entry >> 64 & 0xFFFF_FFFF
    if entry & 0xFFFF_FFFF_FFFF_FFFF == content:
        return f"repeats row {row}"
    if earlier == launched:
        return f"contradicts row {row}: launched {launched} in both, other counts differ"
    return f"contradicts row {row}: launched {launched} against {earlier}"
