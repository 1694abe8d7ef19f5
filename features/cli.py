"""`salvocast data`: what the ledger knows."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.home import ledger_url
from features.opening import open_ledger
from features.options import QuietDaysOption, TheatreOption, WeaponClassOption, counts_text, name_and_value, parse_day
from features.records import COUNT_FIELDS, KYIV, SHAHED, UKRAINE, Bound, Hours
from features.sightings import Relation

if TYPE_CHECKING:  # loaded by the commands that use them: `salvocast --help` must answer at once
    import pandas as pd

    from features.ledger import Ledger
    from features.records import SalvoReport
    from features.views import LedgerReport

data = typer.Typer(help="What the ledger knows.", no_args_is_help=True)
quarantine = typer.Typer(help="Rows that could not be read, and counts that are held: list, repair or release them.")
data.add_typer(quarantine, name="quarantine")


@data.command("status")
def status(quiet_days: QuietDaysOption = None) -> None:
    """What the ledger holds: series, span, gaps, files read, quarantine."""
    import numpy as np
    from sqlalchemy import make_url

    from features.unknown_days import mostly_unknown

    with open_ledger() as ledger:
        print(f"ledger       {make_url(ledger_url()).render_as_string(hide_password=True)}")
        for theatre, weapon_class, salvos in ledger.series():
            history = ledger.history(theatre, weapon_class, quiet_days)
            unknown = history.unknown_days
            print(
                f"series       {theatre} {weapon_class}: {salvos:,} salvos, "
                f"{np.nansum(history.launched):,.0f} launched, {history.first_day} to {history.last_day}, "
                f"{unknown} days unknown (rule {history.quiet_day_rule}), data {history.digest[:12]}"
            )
            if gaps := mostly_unknown(history):
                print(f"             {gaps.advice}")
            for held in history.held:
                print(f"held         #{held.row_id} {held.attack_day}: {held.reason}; see salvocast data quarantine")
        for batch in ledger.batches():
            undone = f"; undone on {batch['undone_at']:%Y-%m-%d} ({batch['undone_why']})" if batch["undone_at"] else ""
            print(
                f"read {batch['id']:<8}{batch['recorded_at']:%Y-%m-%d %H:%M} UTC  "
                f"{batch['source']}: {batch['rows_read']:,} = "
                f"{batch['added']:,} added + {batch['revised']:,} revised + {batch['unchanged']:,} unchanged + "
                f"{batch['quarantined']:,} quarantined{undone}"
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
    """List what differs between files: counts that changed, reports that tell a night again, salvos that a snapshot
    lacks or added late.
    """
    with open_ledger() as ledger:
        ledger.check_series(theatre, weapon_class)
        entries = ledger.revisions(theatre, weapon_class)
        withdrawn = ledger.withdrawn(theatre, weapon_class)
        late = ledger.late(theatre, weapon_class)
        told_again = ledger.told_again(theatre, weapon_class)
    before: SalvoReport | None = None
    for entry in entries:
        public = f"{entry.published_at:%Y-%m-%d %H:%M} UTC{' (assumed)' if entry.published_at_assumed else ''}"
        changed = _changed_fields(before, entry.report) if before and entry.revision > 1 else ""
        print(_change(entry, f"revision {entry.revision}, public {public}") + changed)
        before = entry.report
    for entry, since, until in withdrawn:
        back = f" to {until:%Y-%m-%d %H:%M}" if until else ""
        print(_change(entry, f"withdrawn from {since:%Y-%m-%d %H:%M}{back} UTC"))
    for entry in late:
        print(_change(entry, f"added late, public {entry.published_at:%Y-%m-%d %H:%M} UTC"))
    for lost in told_again:
        print(f"{_report_text(lost.report)}, adds nothing: {WHY_LOST[lost.relation]} {_report_text(lost.stands)}")
    revised = sum(entry.revision > 1 for entry in entries)
    counts = f"; {len(withdrawn):,} salvos withdrawn, {len(late):,} added late" if withdrawn or late else ""
    counts += f"; {len(told_again):,} reports that tell a salvo again" if told_again else ""
    print(f"{revised:,} revisions{counts}", file=sys.stderr)


@data.command("undo")
def undo(
    batch: Annotated[int, typer.Argument(metavar="BATCH", help="As salvocast data status numbers what was read.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why what it says shall not count.")] = "",
) -> None:
    """Take back one file that was read: what it said is kept aside, and counts no more."""
    with open_ledger() as ledger:
        sightings = ledger.undo(batch, reason.strip() or "no reason given", datetime.now(UTC))
    print(f"read {batch} undone: {sightings:,} reports of it count no more; it can be read again")


@data.command("total")
def total(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month that was told of.")],
    launched: Annotated[int, typer.Argument(min=1, metavar="N", help="Drones launched in it.")],
    source: Annotated[str, typer.Option(metavar="TEXT", help="Who says so.")],
    published: Annotated[str | None, typer.Option(metavar="DATE", help="When; without it, today.")] = None,
    bound: Annotated[Bound, typer.Option(help="How it is stated.")] = Bound.EXACTLY,
    hours: Annotated[Hours, typer.Option(help="What it counts of its days.")] = Hours.ALL,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
) -> None:
    """Keep the total of a month as what it is: no salvo, but what its days must come to (salvocast data check)."""
    from features.totals import StatedTotal

    day = parse_day(published, "--published") or datetime.now(KYIV).date()
    stated = StatedTotal.of_month(month, launched, bound, hours, source.strip(), day, theatre, weapon_class)
    with open_ledger() as ledger:
        ledger.check_series(theatre, weapon_class)
        new = ledger.state_total(stated, datetime.now(UTC))
    print(f"{stated}: {'kept' if new else 'known already'}; salvocast data check holds the days against it")


@data.command("check")
def check(theatre: TheatreOption = "ukraine", weapon_class: WeaponClassOption = "shahed") -> None:
    """Compare months with the totals of others, sources with each other, all hours with their parts."""
    from features.cross_check import compare_months, comparison_text, monthly_totals, scope_regimes, sources_compared
    from features.totals import totals_text

    with open_ledger() as ledger:
        history = ledger.history(theatre, weapon_class)
        lost = ledger.told_again(theatre, weapon_class)
        totals = ledger.totals(theatre, weapon_class)
        standing = ledger.salvos(theatre, weapon_class).standing if totals else ()
    if (theatre, weapon_class) == (UKRAINE, SHAHED):
        print(comparison_text(compare_months(history, monthly_totals())), end="")
    print(totals_text(totals, history, standing), end="")
    print(sources_compared(lost), end="")
    print(scope_regimes(lost), end="")
    summaries = [one for one in lost if one.relation is Relation.SUMMARY]
    for one in summaries:
        if one.report.launched != one.counted:
            print(
                f"{one.report.attack_day} {one.report.launched - one.counted:+,}: {_report_text(one.report)}, where "
                f"its parts have {one.counted:,}, which are counted"
            )
    if summaries:
        differ = sum(one.report.launched != one.counted for one in summaries)
        print(f"{differ:,} of {len(summaries):,} counts of all hours differ from the sum of their parts")


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
        if row["held"] and not row["decision"]:
            print(
                "    held, and not used until confirmed; if it is right: salvocast data quarantine release "
                f"{row['id']} --reason TEXT; if not: salvocast data quarantine repair {row['id']} launched=N"
            )
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

    cells = dict(name_and_value(text, "CELL=VALUE, such as launched=4") for text in corrections)
    with open_ledger() as ledger:
        counts = repair(ledger, row, cells, datetime.now(UTC))
    print(counts_text(f"row #{row} repaired", counts))


@quarantine.command("release")
def release_row(
    row: RowArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it needs no report, or is right.")],
) -> None:
    """Mark a row as dealt with; it is kept, and listed with --all. A count that was held is confirmed, and used."""
    from features.quarantine import release

    with open_ledger() as ledger:
        counts = release(ledger, row, reason, datetime.now(UTC))
    print(counts_text(f"row #{row} confirmed", counts) if counts else f"row #{row} released")


def _change(entry: "LedgerReport", change: str) -> str:
    report = entry.report
    return (
        f"{report.window_end:%Y-%m-%d %H:%M}  {report.target_area or '-'}  {change}, {report.source}: "
        f"launched {report.launched}, neutralised {report.neutralised}"
    )


WHY_LOST = {
    Relation.SIGHTING: "it tells of the salvo of",
    Relation.PART: "it is part of",
    Relation.SUMMARY: "it is checked against its parts, the first of which is",
    Relation.OUTRANKED: "the same hours are told by",
}


def _report_text(report: "SalvoReport") -> str:
    """A report in a few words: window, area, source, when it came out, counts."""
    window = f"{report.window_start:%Y-%m-%d %H:%M} to {report.window_end:%Y-%m-%d %H:%M}"
    came_out = f" of {report.published_at:%Y-%m-%d %H:%M} UTC" if report.published_at else ""
    return (
        f"{window} {report.target_area or '-'}, {report.source}{came_out}: launched {report.launched}, "
        f"neutralised {report.neutralised}"
    )


def _changed_fields(before: "SalvoReport", after: "SalvoReport") -> str:
    names = (*COUNT_FIELDS, "shot_down_by_area")
    changes = [
        f"{name} {getattr(before, name)} -> {getattr(after, name)}"
        for name in names
        if getattr(before, name) != getattr(after, name)
    ]
    return f"; changed: {', '.join(changes)}"


def _clock(moment: datetime) -> str:
    """A time of a window, with its offset where the clock shows it twice."""
    if moment.fold:
        moment = moment.replace(tzinfo=KYIV)
    return moment.isoformat(timespec="minutes")


def _report_frame(ledger: "Ledger", theatre: str, weapon_class: str, day: date | None) -> "pd.DataFrame":
    import pandas as pd

    from features.ledger import end_of_day
    from features.records import REPORT_FIELDS

    moment = end_of_day(day) if day else datetime.max.replace(tzinfo=UTC)
    entries = ledger.as_of(moment, theatre, weapon_class)
    rows = [
        {name: getattr(entry.report, name) for name in REPORT_FIELDS}
        | {
            "published_at": None if entry.published_at_assumed else entry.published_at.isoformat(),
            "revision": entry.revision,
            "hours": entry.report.hours.value,
            "flags": " ".join(entry.report.flags),
        }
        for entry in entries
    ]
    frame = pd.DataFrame(rows)
    for name in ("window_start", "window_end"):
        frame[name] = [_clock(getattr(entry.report, name)) for entry in entries]
    return frame.convert_dtypes()
