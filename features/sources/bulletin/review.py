"""A bulletin as it is shown before anything of it is stored."""

from collections.abc import Sequence
from datetime import datetime

from features.records import COUNT_FIELDS, SalvoReport
from features.sources.bulletin.types import Bulletin


def review(bulletin: Bulletin, record: Sequence[SalvoReport] = (), doubts: Sequence[str] = ()) -> str:
    """The text beside the fields read from it, what was set aside and the unread spans, then what became a report.

    record: what the ledger knows of the same series; a report says what it has of the same day. doubts: why each report
    would be held instead of used, '' where it would not (`Ledger.doubts`).
    """
    lines = [bulletin.text.strip(), "", f"reporting style: {bulletin.regime.value}", "", "read:"]

    def excerpt(start: int, end: int) -> str:
        return " ".join(bulletin.text[start:end].split())

    for one in bulletin.fields:
        value = one.value.isoformat(" ", "minutes") if isinstance(one.value, datetime) else str(one.value)
        stated = "" if one.qualifier == "exactly" else f" ({one.qualifier.replace('_', ' ')})"
        lines.append(f"  {one.name:<22} {value + stated:<22} | {excerpt(one.start, one.end)}")
    lines += ["", "set aside:", *(f"  - {one.reason:<22} | {excerpt(one.start, one.end)}" for one in bulletin.asides)]
    lines += ["", "unread:", *(f"  ? {excerpt(span.start, span.end)}" for span in bulletin.unread)]
    lines += ["", "reports:"]
    for number, report in enumerate(bulletin.reports):
        window = f"{report.window_start:%Y-%m-%d %H:%M} to {report.window_end:%Y-%m-%d %H:%M}"
        counts = ", ".join(_counts(report))
        lines.append(f"  {report.weapon_class:<10} {window}  {counts}")
        lines += [f"    ! {said}" for said in oddities(report, record)]
        lines += [f"    ! would be held: {doubt}" for doubt in doubts[number : number + 1] if doubt]
    lines += [f"  none: {problem}" for problem in bulletin.problems]
    return "\n".join(lines) + "\n"


def oddities(report: SalvoReport, record: Sequence[SalvoReport]) -> list[str]:
    """What is odd about a report by itself, and beside what is known of the same day."""
    series = [one for one in record if (one.theatre, one.weapon_class) == (report.theatre, report.weapon_class)]
    said = [flag.replace("_", " ") for flag in report.flags]
    for one in series:
        if one.attack_day == report.attack_day and one.content != report.content:
            known = f"{one.window_start:%d %H:%M} to {one.window_end:%d %H:%M}: {', '.join(_counts(one))}"
            said.append(f"{one.source} has of that day, {known}")
    return said


def _counts(report: SalvoReport) -> list[str]:
    told = ((name, getattr(report, name)) for name in COUNT_FIELDS)
    return [f"{name.replace('_', ' ')} {value}" for name, value in told if value is not None]
