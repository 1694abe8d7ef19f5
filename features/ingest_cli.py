"""`salvocast ingest`: reports in."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from features.errors import InputError
from features.home import ledger_url
from features.options import TheatreOption, WeaponClassOption, counts_text, name_and_value, whole_number
from features.records import QuietDayRule

if TYPE_CHECKING:  # loaded by the commands that use them: `salvocast --help` must answer at once
    from features.records import SalvoReport
    from features.sources.bulletin import Bulletin
    from features.sources.reading import Reading

LARGEST_TEXT = 200_000_000
"""Bytes; a Telegram export of years of a channel has some ten million."""

ingest = typer.Typer(help="Read reports into the ledger.", no_args_is_help=True)


@ingest.command("bundled")
def ingest_bundled() -> None:
    """Read the reports that come with Salvocast (2022-09-29 to 2026-04-30)."""
    from features.sources.bundled import read_bundled

    _ingest([read_bundled()])


@ingest.command("kaggle")
def ingest_kaggle(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="CSV, folder or zip of snapshots; without one the newest is downloaded."),
    ] = None,
    accept_shrink: Annotated[
        bool,
        typer.Option("--accept-shrink", help="Read it although it states less than before, or has unknown columns."),
    ] = False,
) -> None:
    """Read the public table "Massive Missile Attacks on Ukraine"."""
    from dataclasses import replace

    from features.sources.kaggle import download_newest, read_kaggle, snapshot_files

    files = snapshot_files(path) if path else [download_newest()]
    readings = [read_kaggle(file, accept_drift=accept_shrink) for file in files]
    if path is None:  # the newest there is, as of now
        readings = [replace(reading, published_at=datetime.now(UTC)) for reading in readings]
    _ingest(readings, accept_shrink=accept_shrink)


@ingest.command("bulletin")
def ingest_bulletin(
    file: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="One or many messages, or a Telegram export; - is stdin.")
    ] = "-",
    received: Annotated[
        str | None, typer.Option(metavar="ISO", help="When it came out, where no line above a message says so.")
    ] = None,
    review: Annotated[
        bool, typer.Option("--review", help="Show text beside fields, and ask before anything is stored.")
    ] = False,
) -> None:
    """Read the text of Air Force reports, in Ukrainian or English."""
    from features.sources.bulletin import read_bulletins

    text = _text_of(file)
    moment = _instant("--received", received)
    if not review:
        _tell_unread(text, moment)
    elif not _confirmed(text, moment):
        return
    _ingest([read_bulletins(text, received=moment)], unit="message")


@ingest.command("table")
def ingest_table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, XLSX or Parquet, one row per report or per day.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Column of a field, such as launched=UAVs; repeatable."),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="TEXT=CLASS", help="What a kind in the file is, such as 'Shahed-136=shahed'."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=TEXT", help="Read only rows with this text in a column; repeatable."),
    ] = None,
    sum_rows: Annotated[bool, typer.Option("--sum", help="Add up the rows of one date or window.")] = False,
    quiet_days: Annotated[
        QuietDayRule | None, typer.Option(help="Which days without a row had no launches, between the first and last.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(metavar="NAME", help="Of a workbook; without it the first.")] = None,
    skip_rows: Annotated[
        int, typer.Option(callback=whole_number(0), metavar="N", help="Rows above the names of the columns.")
    ] = 0,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    published: Annotated[
        str | None, typer.Option(metavar="ISO", help="When the table came out, such as '2026-02-28 12:00'.")
    ] = None,
    timezone: Annotated[str, typer.Option(metavar="NAME", help="Zone of times that state none.")] = "Europe/Kyiv",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be read; store nothing.")] = False,
) -> None:
    """Read a table of your own."""
    from features.sources.reading import RejectedRow
    from features.sources.table import columns_used, read_table

    mapping = dict(_field_and_column(pair) for pair in columns or [])
    wanted: dict[str, set[str]] = {}
    for pair in only or []:
        column, text = name_and_value(pair, "COLUMN=TEXT, such as kind=Shahed-136")
        wanted.setdefault(column, set()).add(text)
    reading = read_table(
        file,
        mapping=mapping,
        classes=dict(_kind_and_class(pair) for pair in classes or []),
        only=wanted,
        sum_rows=sum_rows,
        quiet_days=quiet_days,
        sheet=sheet,
        skip_rows=skip_rows,
        theatre=theatre,
        weapon_class=weapon_class,
        published_at=_instant("--published", published),
        zone=_zone(timezone),
    )
    if not dry_run:
        _ingest([reading])
        return
    used = columns_used(file, mapping, sheet=sheet, skip_rows=skip_rows)
    print(f"{file}: {', '.join(f'{field} from {column}' for field, column in used.used.items())}")
    if used.ignored:
        print(f"not used: {', '.join(used.ignored)}")
    kept = 0
    for row in reading.rows:
        if isinstance(row, RejectedRow):
            print(f"row {row.row}: {row.reason}")
        else:
            kept += 1
    print(f"{kept:,} reports can be read; nothing was stored (dry run)")
    if not kept:
        raise InputError(f"{file} has no row that can be read: see the reasons above, or map its columns (--map)")
    _tell_notes(reading)


def _instant(option: str, text: str | None) -> datetime | None:
    from features.sources.cells import instant

    return None if text is None else instant(option, text)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, a path, a folder
        raise InputError(f"--timezone is '{name}': expected a name such as Europe/Kyiv") from error


def _text_of(file: str) -> str:
    from features.files import read_bounded
    from features.sources.cells import regular_file

    if file != "-":
        regular_file(Path(file), "text of bulletins")
    if file != "-":
        content = read_bounded(Path(file), LARGEST_TEXT, "text of bulletins")
    elif len(content := sys.stdin.buffer.read(LARGEST_TEXT + 1)) > LARGEST_TEXT:
        raise InputError(f"the text on stdin has over {LARGEST_TEXT:,} bytes: expected bulletins of fewer")
    if not content.strip():
        raise InputError("the text is empty: expected a bulletin, as a file or on stdin")
    return content.decode("utf-8-sig", errors="replace")


def _confirmed(text: str, received: datetime | None) -> bool:
    """Shows each message beside what was read of it; whether the person says yes. Asks nobody but a terminal."""
    from features.sources.bulletin import review

    for number, bulletin in _bulletins(text, received):
        print(f"message {number}\n\n{review(bulletin, *_known_of(bulletin.reports))}")
    if sys.stdin.isatty() and typer.confirm("store these reports?"):
        return True
    print("nothing was stored", file=sys.stderr)
    return False


def _known_of(reports: "Sequence[SalvoReport]") -> "tuple[list[SalvoReport], list[str]]":
    """What the ledger knows of the series of these reports, and why it would hold each; nothing where there is none."""
    from features.ledger import Ledger

    url = ledger_url()
    if not isinstance(url, str) and not Path(str(url.database)).exists():
        return [], []  # and none is made
    now = datetime.now(UTC)
    with Ledger.open(url) as ledger:
        series = dict.fromkeys((one.theatre, one.weapon_class) for one in reports)
        return [entry.report for each in series for entry in ledger.as_of(now, *each)], ledger.doubts(reports)


def _tell_unread(text: str, received: datetime | None) -> None:
    """Prints the stretches of each message that no rule could read."""
    for number, bulletin in _bulletins(text, received):
        for span in bulletin.unread:
            print(f"message {number} unread: {' '.join(bulletin.text[span.start : span.end].split())}")


def _bulletins(text: str, received: datetime | None) -> "Iterator[tuple[int, Bulletin]]":
    """Number and reading of each message that is short enough to be one."""
    from features.sources.bulletin import parse_bulletin
    from features.sources.bulletin.messages import split_messages

    for number, message in enumerate(split_messages(text, received), start=1):
        with suppress(InputError):  # too long: the quarantine tells
            if not message.problem:
                yield number, parse_bulletin(message.text, received=message.received)


def _field_and_column(pair: str) -> tuple[str, str]:
    field, column = name_and_value(pair, "FIELD=COLUMN, such as launched=UAVs")
    if not column:
        raise InputError(f"'{pair}': expected FIELD=COLUMN, such as launched=UAVs")
    return field, column


def _kind_and_class(pair: str) -> tuple[str, str]:
    kind, equals, name = pair.rpartition("=")  # a kind may hold one, a class none
    if not (kind and equals and name):
        raise InputError(f"'{pair}': expected TEXT=CLASS, such as 'Shahed-136/131=shahed'")
    return kind, name.lower()


def _tell_notes(reading: "Reading") -> None:
    for note in reading.notes:
        print(note, file=sys.stderr)


def _ingest(readings: "list[Reading]", *, accept_shrink: bool = False, unit: str = "row") -> None:
    """Ingests one file after the other, prints what became of the rows, exits with 2 where rows were quarantined."""
    from features.ledger import Ledger

    rejected = None
    with Ledger.open(ledger_url()) as ledger:
        for reading in readings:
            counts = ledger.ingest(_with_progress(reading), datetime.now(UTC), accept_shrink=accept_shrink)
            print(counts_text(reading.source, counts))
            _tell_notes(reading)
            for what, number in sorted(reading.passed_over.items()):
                print(f"{reading.source}: passed over {number} {unit}{'s' * (number != 1)}: {what}")
            rejected = rejected or counts.first_rejection
    if rejected is not None:
        what = "held, and not used until confirmed" if rejected.held else "in quarantine"
        raise InputError(
            f"{unit} {rejected.row} is {what}: {rejected.reason} (all such rows: salvocast data quarantine)"
        )


def _with_progress(reading: "Reading") -> "Reading":
    from dataclasses import replace

    from tqdm import tqdm

    rows: Iterator[SalvoReport] = tqdm(reading.rows, desc=f"reading {reading.source}", unit=" rows", disable=None)  # type: ignore[assignment]
    return replace(reading, rows=iter(rows))
