"""Files and texts of many messages, split into single bulletins with the time each came out."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
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
FARTHEST = timedelta(hours=14)
"""The zones of the world are at most this far from UTC."""
RULE_LINE = re.compile(r"^[ ]{0,3}(?:-{3,80}|={3,80}|\*{3,80}|_{3,80})[ ]{0,3}$", re.MULTILINE)


TAKEN_ASIDE = ("launched", "shot_down", "suppressed")
"""What a message counts of an attack: one without any of these has nothing to ask a person about."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a file. received: when it came out, with zone. problem: why its text cannot be taken as it is.

    exported: it is one of a channel's export, where most messages are no reports. edited: when it was given this text,
    where that was later than it came out: what it says is known since then.
    """

    text: str
    received: datetime | None
    problem: str = ""
    exported: bool = False
    edited: datetime | None = None


def read_bulletins(source: str | Path, *, received: datetime | None = None) -> Reading:
    """Read a file (a Path) or a text (a str) of one or many messages.

    A Telegram export (`result.json`), or text in which a line with a date, or with date and time, stands above each
    message; times without zone are Kyiv's. `received` is for a text without such lines. A message that gave no report
    is a RejectedRow: `raw` is a JSON object of its text and date, the reason lists what was counted. Those of an export
    that count nothing of an attack (alerts, other posts) are only counted, in `passed_over` of the reading. Row numbers
    count messages from 1. Raises InputError where the file cannot be read.
    """
    try:
        content = source.read_bytes() if isinstance(source, Path) else source.encode("utf-8", "surrogatepass")
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}; give a readable text or JSON file") from error
    digest = hashlib.sha256(content).hexdigest()
    text = content.decode("utf-8-sig", errors="replace")
    passed_over: Counter[str] = Counter()
    rows = _rows(split_messages(text, received), passed_over)
    return Reading(source=SOURCE, digest=digest, rows=rows, passed_over=passed_over)


def _rows(messages: Iterable[Message], passed_over: Counter[str]) -> Iterator[SalvoReport | RejectedRow]:
    for row, message in enumerate(messages, start=1):
        reports, reason = _read(message)
        yield from reports
        if message.exported and not reports and not reason:
            passed_over["not a report"] += 1
        elif not reports:
            stamp = message.received.isoformat() if message.received else None
            raw = json.dumps({"received": stamp, "text": message.text}, ensure_ascii=False)
            yield RejectedRow(row, raw, reason or "no report in this message")


def _read(message: Message) -> tuple[tuple[SalvoReport, ...], str]:
    """The reports of a message, or why there are none; no reason where an export's message counts nothing."""
    if message.problem:
        return (), message.problem
    received = message.received
    if message.edited and received and message.edited.astimezone(KYIV).date() == received.astimezone(KYIV).date():
        received = message.edited  # "as of 10:00" was written into the post of 8:30
    try:
        bulletin = parse_bulletin(message.text, received=received)
    except InputError as error:
        return (), str(error)
    except Exception as error:  # noqa: BLE001  # one odd message must not stop the others
        return (), f"could not be read ({type(error).__name__}: {error}): read it as a person would"
    reports = bulletin.reports
    if message.edited:
        reports = tuple(replace(one, published_at=message.edited) for one in reports)
    told = [one for one in bulletin.fields if one.name.endswith(TAKEN_ASIDE)]
    if message.exported and not told and not bulletin.foreign:
        return reports, ""
    candidates = dict.fromkeys(f"{one.name} {one.qualifier.replace('_', ' ')} {one.value}" for one in told)
    parts = ["; ".join(bulletin.problems) or "no report in this message"]
    parts += [f"counted: {', '.join(candidates).replace(' exactly ', ' ')}"] if candidates else []
    parts += (
        [f"set aside: {', '.join(dict.fromkeys(one.reason for one in bulletin.asides))}"] if bulletin.asides else []
    )
    return reports, "; ".join(parts)


def split_messages(text: str, received: datetime | None) -> Iterator[Message]:
    """The messages of a file with the time each came out."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            exported = json.loads(text)
        except (ValueError, RecursionError):
            exported = None
        if exported is not None:
            yield from _exported(exported)
            return
    headers = list(MESSAGE_HEADER.finditer(text))
    stamps = [_stamp(match) for match in headers]
    headers, stamps = (
        [match for match, stamp in zip(headers, stamps, strict=True) if stamp.day or stamp.problem],
        [stamp for stamp in stamps if stamp.day or stamp.problem],
    )
    if not headers:
        for part in RULE_LINE.split(text):
            if part.strip():
                yield Message(part.strip("\n"), received)
        return
    if text[: headers[0].start()].strip():
        yield Message(text[: headers[0].start()].strip("\n"), received)
    ends = [match.start() for match in headers[1:]] + [len(text)]
    for match, stamp, end in zip(headers, stamps, ends, strict=True):
        body = RULE_LINE.sub("", text[match.end() : end]).strip("\n")
        if body.strip():
            whole = body if stamp.moment else f"{match.group().strip()}\n{body}"
            yield Message(whole, stamp.moment, stamp.problem)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The date and the time with zone of the line above a message; nothing where the line has none."""

    day: date | None = None
    moment: datetime | None = None
    problem: str = ""


def _stamp(match: re.Match[str]) -> Stamp:
    """What the line above a message says of when it came out."""
    parts = [int(part) for part in re.split(r"[-./]", match["day"])]
    try:
        day = date(*parts) if parts[0] > 31 else date(parts[2], parts[1], parts[0])
        if match["time"] is None:
            return Stamp(day)
        clock = time.fromisoformat(match["time"].zfill(5) if len(match["time"]) < 6 else match["time"].zfill(8))
    except ValueError:
        return Stamp()
    moment = datetime.combine(day, clock)
    offset = re.search(r"([+-])(\d{1,2})(?::(\d{2}))?", match["zone"] or "")
    if not offset:
        return Stamp(day, moment.replace(tzinfo=UTC if match["zone"] else KYIV))
    ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    if ahead > FARTHEST:
        return Stamp(
            problem=f"'{match.group().strip()}' above the message: expected a zone from UTC-14:00 to UTC+14:00"
        )
    return Stamp(day, moment.replace(tzinfo=timezone(-ahead if offset[1] == "-" else ahead)))


def _exported(exported: Any) -> Iterator[Message]:
    """The messages of a Telegram export, of one channel or of all."""
    if isinstance(exported, dict) and isinstance(exported.get("chats"), dict):
        chats = exported["chats"].get("list", [])
        exported = [one for chat in chats if isinstance(chat, dict) for one in _listed(chat.get("messages"))]
    messages = exported.get("messages", [exported]) if isinstance(exported, dict) else exported
    for message in _listed(messages):
        if not isinstance(message, dict):
            yield Message(
                _plain(json.dumps(message)), None, "a message of the export is no object: expected a text and a date"
            )
            continue
        given = message.get("text", "")
        try:
            text = _text(given)
        except TypeError:
            raw = _plain(json.dumps(given, ensure_ascii=False))
            yield Message(
                raw, _exported_time(message), "the text of the message is no text: expected words, or a list of them"
            )
            continue
        if text.strip():
            # A text that had to be mended is for a person to look at.
            received, edited = _exported_time(message), _exported_time(message, "edited")
            later = edited if received and edited and edited > received else None
            yield Message(_plain(text), received, exported=_plain(text) == text, edited=later)


def _listed(messages: Any) -> list[Any]:
    return messages if isinstance(messages, list) else []


def _text(given: Any) -> str:
    """The text of a message: a string, or a list of strings and of entities with a `text`. Raises TypeError."""
    parts = given if isinstance(given, list) else [given]
    return "".join(part["text"] if isinstance(part, dict) and "text" in part else part for part in parts)


def _plain(text: str) -> str:
    """A text that every store can keep: halves of characters and NUL are replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _exported_time(message: dict[str, Any], name: str = "date") -> datetime | None:
    """When a message came out, or was `edited`; None where the export does not tell."""
    try:
        if f"{name}_unixtime" in message:
            return datetime.fromtimestamp(int(message[f"{name}_unixtime"]), tz=KYIV)
        moment = datetime.fromisoformat(str(message[name]))
    except (KeyError, ValueError, OverflowError, OSError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=KYIV)
