"""A bulletin as it is shown before anything of it is stored."""

from datetime import datetime

from features.sources.bulletin.types import Bulletin


def review(bulletin: Bulletin) -> str:
    """The text beside the fields read from it and the unread spans: one line each, then what became a report."""
    lines = [bulletin.text.strip(), "", f"reporting style: {bulletin.regime.value}", "", "read:"]

    def excerpt(start: int, end: int) -> str:
        return " ".join(bulletin.text[start:end].split())

    for one in bulletin.fields:
        value = one.value.isoformat(" ", "minutes") if isinstance(one.value, datetime) else str(one.value)
        stated = "" if one.qualifier == "exactly" else f" ({one.qualifier.replace('_', ' ')})"
        lines.append(f"  {one.name:<22} {value + stated:<22} | {excerpt(one.start, one.end)}")
    lines += ["", "unread:", *(f"  ? {excerpt(span.start, span.end)}" for span in bulletin.unread)]
    lines += ["", "reports:"]
    for report in bulletin.reports:
        window = f"{report.window_start:%Y-%m-%d %H:%M} to {report.window_end:%Y-%m-%d %H:%M}"
        lines.append(f"  {report.weapon_class:<10} {window}  launched {report.launched}, shot down {report.shot_down}")
    lines += [f"  none: {problem}" for problem in bulletin.problems]
    return "\n".join(lines) + "\n"
