"""`salvocast ingest` and `salvocast data`: reports in, and what the ledger knows."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from features.errors import InputError
from features.home import ledger_url
from features.records import SHAHED, QuietDayRule

if TYPE_CHECKING:  # loaded by the commands that use them: `salvocast --help` must answer at once
    import pandas as pd

    from features.ledger import Ledger
    from features.records import SalvoReport
    from features.sources.bulletin import Bulletin
    from features.sources.reading import Reading
    from features.storing import IngestCounts
    from features.views import LedgerReport

LATEST_YEAR = 2099
"""A later day is a mistyped one, and the end of the calendar has no next day."""

ingest = typer.Typer(help="Read reports into the ledger.", no_args_is_help=True)
data = typer.Typer(help="What the ledger knows.", no_args_is_help=True)
quarantine = typer.Typer(help="Rows that could not be read: list, repair or release them.")
data.add_typer(quarantine, name="quarantine")


def _lower(name: str) -> str:
    return name.lower()


TheatreOption = Annotated[str, typer.Option(help="Theatre of the reports.", callback=_lower)]
WeaponClassOption = Annotated[str, typer.Option(help="Weapon class of the reports.", callback=_lower)]
QuietDaysOption = Annotated[
    QuietDayRule | None,
    typer.Option(
        help="Which days without a report count as days without launches.",
        show_default=f"{QuietDayRule.default_for(SHAHED)} for {SHAHED}, {QuietDayRule.default_for('')} for others",
    ),
]


def open_ledger() -> "Ledger":
    """The ledger of this machine; an empty one gets the bundled reports first, and says so on stderr."""
    from features.ledger import Ledger
    from features.sources.bundled import read_bundled

    ledger = Ledger.open(ledger_url())
    if not ledger.series():
        counts = ledger.ingest(read_bundled(), datetime.now(UTC))
        print(f"the ledger was empty: ingested the {counts.added:,} reports bundled with salvocast", file=sys.stderr)
    return ledger


def parse_day(text: str | None, option: str) -> date | None:
    """A day given as YYYY-MM-DD, or None. Raises InputError for anything else."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} is '{text}': expected a day as YYYY-MM-DD, such as 2026-02-28") from error
    if day.year > LATEST_YEAR:
        raise InputError(f"{option} is '{text}': expected a day until {LATEST_YEAR}-12-31")
    return day


@ingest.command("bundled")
def ingest_bundled() -> None:
    """Read the reports that come with Salvocast (2022-09-29 to 2026-02-28)."""
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
    reading = read_table(
        file,
        mapping=mapping,
        theatre=theatre,
        weapon_class=weapon_class,
        published_at=_instant("--published", published),
        zone=_zone(timezone),
    )
    if not dry_run:
        _ingest([reading])
        return
    used = columns_used(file, mapping)
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


@data.command("status")
def status(quiet_days: QuietDaysOption = None) -> None:
    """What the ledger holds: series, span, gaps, files read, quarantine."""
    import numpy as np
    from sqlalchemy import make_url

    with open_ledger() as ledger:
        print(f"ledger       {make_url(ledger_url()).render_as_string(hide_password=True)}")
        for theatre, weapon_class, salvos in ledger.series():
            history = ledger.history(theatre, weapon_class, quiet_days)
            unknown = int(np.isnan(history.launched).sum())
            print(
                f"series       {theatre} {weapon_class}: {salvos:,} salvos, "
                f"{np.nansum(history.launched):,.0f} launched, {history.first_day} to {history.last_day}, "
                f"{unknown} days unknown (rule {history.quiet_day_rule}), data {history.digest[:12]}"
            )
        for batch in ledger.batches():
            print(
                f"read         {batch['recorded_at']:%Y-%m-%d %H:%M} UTC  {batch['source']}: {batch['rows_read']:,} = "
                f"{batch['added']:,} added + {batch['revised']:,} revised + {batch['unchanged']:,} unchanged + "
                f"{batch['quarantined']:,} quarantined"
            )
        print(f"quarantine   {len(ledger.quarantine()):,} rows")


@data.command("export")
def export(
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Only what was published by that day.")] = None,
    by_day: Annotated[bool, typer.Option("--by-day", help="One row per attack day instead of per report.")] = False,
    quiet_days: QuietDaysOption = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Where to write; without it, to stdout.")] = None,
) -> None:
    """Write the reports, or the daily series, as CSV that `salvocast ingest table` reads back."""
    from features.files import write_or_print

    day = parse_day(as_of, "--as-of")
    with open_ledger() as ledger:
        history = ledger.history(theatre, weapon_class, quiet_days, day)
        frame = history.to_frame() if by_day else _report_frame(ledger, theatre, weapon_class, day)
    write_or_print(frame.to_csv(index=False, lineterminator="\n").encode(), out)


@data.command("revisions")
def revisions(theatre: TheatreOption = "ukraine", weapon_class: WeaponClassOption = "shahed") -> None:
    """List what differs between files: counts that changed, salvos that a snapshot lacks or added late."""
    with open_ledger() as ledger:
        ledger.check_series(theatre, weapon_class)
        entries = ledger.revisions(theatre, weapon_class)
        withdrawn = ledger.withdrawn(theatre, weapon_class)
        late = ledger.late(theatre, weapon_class)
    for entry in entries:
        public = f"{entry.published_at:%Y-%m-%d %H:%M} UTC{' (assumed)' if entry.published_at_assumed else ''}"
        print(_change(entry, f"revision {entry.revision}, public {public}"))
    for entry, since, until in withdrawn:
        back = f" to {until:%Y-%m-%d %H:%M}" if until else ""
        print(_change(entry, f"withdrawn from {since:%Y-%m-%d %H:%M}{back} UTC"))
    for entry in late:
        print(_change(entry, f"added late, public {entry.published_at:%Y-%m-%d %H:%M} UTC"))
    revised = sum(entry.revision > 1 for entry in entries)
    told = f"; {len(withdrawn):,} salvos withdrawn, {len(late):,} added late" if withdrawn or late else ""
    print(f"{revised:,} revisions{told}", file=sys.stderr)


@data.command("check")
def check() -> None:
    """Compare the months with the totals of independent trackers, and flag those that are off."""
    from features.cross_check import compared, monthly_totals, told

    with open_ledger() as ledger:
        history = ledger.history()
    print(told(compared(history, monthly_totals())), end="")


@quarantine.callback(invoke_without_command=True)
def list_quarantine(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also the rows that were repaired or released.")] = False,
) -> None:
    """List the rows that could not be read, as they were, with the reason."""
    if context.invoked_subcommand is not None:
        return
    with open_ledger() as ledger:
        rows = ledger.quarantine(settled=everything)
    for row in rows:
        decided = (
            f"{row['decision']} on {row['decided_at']:%Y-%m-%d} ({row['decided_why']}); " if row["decision"] else ""
        )
        print(f"#{row['id']}  {row['source']} row {row['row']}: {decided}{row['reason']} | {row['raw']}")
    waiting = sum(row["decision"] is None for row in rows)
    print(f"{waiting:,} rows in quarantine", file=sys.stderr)


RowArgument = Annotated[int, typer.Argument(metavar="ID", help="As salvocast data quarantine lists it.")]


@quarantine.command("repair")
def repair_row(
    row: RowArgument,
    corrections: Annotated[list[str], typer.Argument(metavar="CELL=VALUE...", help="Such as launched=4.")],
) -> None:
    """Read a row again with corrected cells, and add its report, public from now on."""
    from features.quarantine import repair

    cells = dict(_pair(text, "CELL=VALUE, such as launched=4") for text in corrections)
    with open_ledger() as ledger:
        counts = repair(ledger, row, cells, datetime.now(UTC))
    print(_told(f"row #{row} repaired", counts))


@quarantine.command("release")
def release_row(
    row: RowArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it needs no report.")],
) -> None:
    """Mark a row as dealt with; it is kept, and listed with --all."""
    from features.quarantine import release

    with open_ledger() as ledger:
        release(ledger, row, reason, datetime.now(UTC))
    print(f"row #{row} released")


def _change(entry: "LedgerReport", change: str) -> str:
    report = entry.report
    return (
        f"{report.window_end:%Y-%m-%d %H:%M}  {report.target_area or '-'}  {change}, {report.source}: "
        f"launched {report.launched}, neutralised {report.neutralised}"
    )


def _instant(option: str, text: str | None) -> datetime | None:
    from features.sources.cells import instant

    return None if text is None else instant(option, text)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, a path, a folder
        raise InputError(f"--timezone is '{name}': expected a name such as Europe/Kyiv") from error


def _text_of(file: str) -> str:
    from features.sources.cells import regular_file

    if file != "-":
        regular_file(Path(file), "text of bulletins")
    content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    if not content.strip():
        raise InputError("the text is empty: expected a bulletin, as a file or on stdin")
    return content.decode("utf-8-sig", errors="replace")


def _confirmed(text: str, received: datetime | None) -> bool:
    """Shows each message beside what was read of it; whether the person says yes. Asks nobody but a terminal."""
    from features.sources.bulletin import review

    for number, bulletin in _bulletins(text, received):
        print(f"message {number}\n\n{review(bulletin)}")
    if sys.stdin.isatty() and typer.confirm("store these reports?"):
        return True
    print("nothing was stored", file=sys.stderr)
    return False


def _tell_unread(text: str, received: datetime | None) -> None:
    """Prints the stretches of each message that no rule could read."""
    for number, bulletin in _bulletins(text, received):
        for span in bulletin.unread:
            print(f"message {number} unread: {' '.join(bulletin.text[span.start : span.end].split())}")


def _bulletins(text: str, received: datetime | None) -> "Iterator[tuple[int, Bulletin]]":
    """Number and reading of each message that is short enough to be one."""
    from features.sources.bulletin import parse_bulletin
    from features.sources.bulletin.messages import split_messages

    for number, (message, moment) in enumerate(split_messages(text, received), start=1):
        with suppress(InputError):  # too long: the quarantine tells
            yield number, parse_bulletin(message, received=moment)


def _report_frame(ledger: "Ledger", theatre: str, weapon_class: str, day: date | None) -> "pd.DataFrame":
    import pandas as pd

    from features.ledger import end_of_day
    from features.records import REPORT_FIELDS

    moment = end_of_day(day) if day else datetime.max.replace(tzinfo=UTC)
    rows = [
        {name: getattr(entry.report, name) for name in REPORT_FIELDS}
        | {
            "published_at": None if entry.published_at_assumed else entry.published_at.isoformat(),
            "revision": entry.revision,
            "flags": " ".join(entry.report.flags),
        }
        for entry in ledger.as_of(moment, theatre, weapon_class)
    ]
    frame = pd.DataFrame(rows)
    for name in ("window_start", "window_end"):
        frame[name] = [moment.isoformat(timespec="minutes") for moment in frame[name]]
    return frame.convert_dtypes()


def _field_and_column(pair: str) -> tuple[str, str]:
    field, column = _pair(pair, "FIELD=COLUMN, such as launched=UAVs")
    if not column:
        raise InputError(f"'{pair}': expected FIELD=COLUMN, such as launched=UAVs")
    return field, column


def _pair(text: str, expected: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"'{text}': expected {expected}")
    return name, value


def _ingest(readings: "list[Reading]", *, accept_shrink: bool = False, unit: str = "row") -> None:
    """Ingests one file after the other, prints what became of the rows, exits with 2 where rows were quarantined."""
    from features.ledger import Ledger

    rejected = None
    with Ledger.open(ledger_url()) as ledger:
        for reading in readings:
            counts = ledger.ingest(_with_progress(reading), datetime.now(UTC), accept_shrink=accept_shrink)
            print(_told(reading.source, counts))
            rejected = rejected or counts.first_rejection
    if rejected is not None:
        raise InputError(
            f"{unit} {rejected.row} is in quarantine: {rejected.reason} (all such rows: salvocast data quarantine)"
        )


def _told(source: str, counts: "IngestCounts") -> str:
    flagged = f"; {counts.flagged:,} kept with a flag (more neutralised than launched)" if counts.flagged else ""
    return (
        f"{source}: read {counts.rows_read:,} = {counts.added:,} added + {counts.revised:,} revised + "
        f"{counts.unchanged:,} unchanged + {counts.quarantined:,} quarantined{flagged}"
    )


def _with_progress(reading: "Reading") -> "Reading":
    from dataclasses import replace

    from tqdm import tqdm

    rows: Iterator[SalvoReport] = tqdm(reading.rows, desc=f"reading {reading.source}", unit=" rows", disable=None)  # type: ignore[assignment]
    return replace(reading, rows=iter(rows))
