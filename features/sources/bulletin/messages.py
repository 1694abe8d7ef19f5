"""Files and texts of many messages, split into single bulletins with the time each came out."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.records import KYIV, SalvoReport
from features.sources.bulletin.parser import SOURCE, parse_bulletin
from features.sources.reading import Reading, RejectedRow

MESSAGE_HEADER = re.compile(
    r"^(?P<before>[^\n\d\[\]]{0,60})[ ]?\[?(?P<day>\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{4})"
    r"(?:[T,]?[ ]{0,3}(?P<time>\d{1,2}:\d{2}(?::\d{2})?))?"
    r"(?P<zone>[ ]?(?:Z|UTC(?:[+-]\d{1,2}(?::\d{2})?)?|[+-]\d{2}:\d{2}))?"
    r"\]?[ :=#*-]{0,20}$",
    re.MULTILINE,
)
RULE_LINE = re.compile(r"^[ ]{0,3}(?:-{3,80}|={3,80}|\*{3,80}|_{3,80})[ ]{0,3}$", re.MULTILINE)


def read_bulletins(source: str | Path, *, received: datetime | None = None) -> Reading:
    """Read a file (a Path) or a text (a str) of one or many messages.

    A Telegram export (`result.json`), or text in which a line with a date, or with date and time, stands above each
    message; times without zone are Kyiv's. `received` is for a text without such lines. A message that gave no report
    is a RejectedRow: `raw` is a JSON object of its text and date. Row numbers count messages from 1.
    Raises InputError where the file cannot be read.
    """
    try:
        content = source.read_bytes() if isinstance(source, Path) else source.encode("utf-8", "surrogatepass")
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}; give a readable text or JSON file") from error
    digest = hashlib.sha256(content).hexdigest()
    text = content.decode("utf-8-sig", errors="replace")
    return Reading(source=SOURCE, digest=digest, rows=_rows(split_messages(text, received)))


def _rows(messages: Iterable[tuple[str, datetime | None]]) -> Iterator[SalvoReport | RejectedRow]:
    for row, (text, received) in enumerate(messages, start=1):
        problems: tuple[str, ...]
        try:
            bulletin = parse_bulletin(text, received=received)
            problems = bulletin.problems
            yield from bulletin.reports
            if bulletin.reports:
                continue
        except InputError as error:
            problems = (str(error),)
        stamp = received.isoformat() if received else None
        raw = json.dumps({"received": stamp, "text": text}, ensure_ascii=False)
        yield RejectedRow(row, raw, "; ".join(problems) or "no report in this message")


def split_messages(text: str, received: datetime | None) -> Iterator[tuple[str, datetime | None]]:
    """The messages of a file with the time each came out."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            exported = json.loads(text)
        except (ValueError, RecursionError):
            exported = None
        if exported is not None:
            yield from _exported(exported)
            return
    headers = [match for match in MESSAGE_HEADER.finditer(text) if _stamp(match)[0] is not None]
    if not headers:
        for part in RULE_LINE.split(text):
            if part.strip():
                yield part.strip("\n"), received
        return
    if text[: headers[0].start()].strip():
        yield text[: headers[0].start()].strip("\n"), received
    ends = [match.start() for match in headers[1:]] + [len(text)]
    for match, end in zip(headers, ends, strict=True):
        day, moment = _stamp(match)
        body = RULE_LINE.sub("", text[match.end() : end]).strip("\n")
        if body.strip():
            yield body if moment or day is None else f"{match.group().strip()}\n{body}", moment


def _stamp(match: re.Match[str]) -> tuple[date | None, datetime | None]:
    """The date, and the time with zone, of the line above a message."""
    parts = [int(part) for part in re.split(r"[-./]", match["day"])]
    try:
        day = date(*parts) if parts[0] > 31 else date(parts[2], parts[1], parts[0])
        if match["time"] is None:
            return day, None
        clock = time.fromisoformat(match["time"].zfill(5) if len(match["time"]) < 6 else match["time"].zfill(8))
    except ValueError:
        return None, None
    moment = datetime.combine(day, clock)
    offset = re.search(r"([+-])(\d{1,2})(?::(\d{2}))?", match["zone"] or "")
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        sign = "-" if offset[1] == "-" else "+"
        return day, datetime.fromisoformat(f"{moment.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}")
    if match["zone"]:
        return day, datetime.fromisoformat(f"{moment.isoformat()}+00:00")
    return day, moment.replace(tzinfo=KYIV)


def _exported(exported: Any) -> Iterator[tuple[str, datetime | None]]:
    """The messages of a Telegram export: text is a string or a list of strings and of entities with a `text`."""
    messages = exported.get("messages", [exported]) if isinstance(exported, dict) else exported
    for message in messages if isinstance(messages, list) else []:
        if not isinstance(message, dict):
            continue
        parts = message.get("text", "")
        if isinstance(parts, list):
            parts = "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in parts if part)
        if not isinstance(parts, str) or not parts.strip():
            continue
        yield parts, _exported_time(message)


def _exported_time(message: dict[str, Any]) -> datetime | None:
    try:
        if "date_unixtime" in message:
            return datetime.fromtimestamp(int(message["date_unixtime"]), tz=KYIV)
        moment = datetime.fromisoformat(str(message["date"]))
    except (KeyError, ValueError, OverflowError, OSError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=KYIV)
