"""`salvocast ingest` and `salvocast data`: reports in, and what the ledger knows."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError
from features.home import ledger_url
from features.records import QuietDayRule

if TYPE_CHECKING:  # loaded by the commands that use them: `salvocast --help` must answer at once
    import pandas as pd

    from features.ledger import IngestCounts, Ledger
    from features.records import SalvoReport
    from features.sources.reading import Reading

LATEST_YEAR = 2099
"""A later day is a mistyped one, and the end of the calendar has no next day."""

ingest = typer.Typer(help="Read reports into the ledger.", no_args_is_help=True)
data = typer.Typer(help="What the ledger knows.", no_args_is_help=True)


def _lower(name: str) -> str:
    return name.lower()


TheatreOption = Annotated[str, typer.Option(help="Theatre of the reports.", callback=_lower)]
WeaponClassOption = Annotated[str, typer.Option(help="Weapon class of the reports.", callback=_lower)]
QuietDaysOption = Annotated[
    QuietDayRule, typer.Option(help="Which days without a report count as days without launches.")
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
) -> None:
    """Read the public table "Massive Missile Attacks on Ukraine"."""
    from features.sources.kaggle import download_newest, read_kaggle, snapshot_files

    _ingest([read_kaggle(file) for file in snapshot_files(path or download_newest())])


@ingest.command("table")
def ingest_table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, XLSX or Parquet, one row per report or per day.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Column of a field, such as launched=UAVs; repeatable."),
    ] = None,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be read; store nothing.")] = False,
) -> None:
    """Read a table of your own."""
    from features.sources.reading import RejectedRow
    from features.sources.table import columns_used, read_table

    mapping = dict(_field_and_column(pair) for pair in columns or [])
    reading = read_table(file, mapping=mapping, theatre=theatre, weapon_class=weapon_class)
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
def status(quiet_days: QuietDaysOption = QuietDayRule.BEFORE_2025) -> None:
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
                f"{unknown} days unknown (rule {quiet_days}), data {history.digest[:12]}"
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
    quiet_days: QuietDaysOption = QuietDayRule.BEFORE_2025,
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
    """List the salvos whose counts changed, version by version."""
    with open_ledger() as ledger:
        ledger.check_series(theatre, weapon_class)
        entries = ledger.revisions(theatre, weapon_class)
    for entry in entries:
        report = entry.report
        print(
            f"{report.window_end:%Y-%m-%d %H:%M}  {report.target_area or '-'}  revision {entry.revision}, public "
            f"{entry.published_at:%Y-%m-%d %H:%M} UTC{' (assumed)' if entry.published_at_assumed else ''}, "
            f"{report.source}: launched {report.launched}, neutralised {report.neutralised}"
        )
    print(f"{sum(entry.revision > 1 for entry in entries):,} revisions", file=sys.stderr)


@data.command("quarantine")
def quarantine() -> None:
    """List the rows that could not be read, as they were, with the reason."""
    with open_ledger() as ledger:
        rows = ledger.quarantine()
    for row in rows:
        print(f"{row['source']} row {row['row']}: {row['reason']} | {row['raw']}")
    print(f"{len(rows):,} rows in quarantine", file=sys.stderr)


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
    field, equals, column = pair.partition("=")
    if not (field and equals and column):
        raise InputError(f"--map '{pair}': expected FIELD=COLUMN, such as launched=UAVs")
    return field, column


def _ingest(readings: "list[Reading]") -> None:
    """Ingests one file after the other, prints what became of the rows, exits with 2 where rows were quarantined."""
    from features.ledger import Ledger

    rejected = None
    with Ledger.open(ledger_url()) as ledger:
        for reading in readings:
            counts = ledger.ingest(_with_progress(reading), datetime.now(UTC))
            print(_told(reading.source, counts))
            rejected = rejected or counts.first_rejection
    if rejected is not None:
        raise InputError(
            f"row {rejected.row} is in quarantine: {rejected.reason} (all such rows: salvocast data quarantine)"
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
