"""The address of a plan: the whole request in the query of a URL, and back.

Only what differs from the defaults stands in it, in one order: equal requests have equal addresses. What a form sends
may be longer (empty fields, numbers as a person writes them); `asked` reads both.
"""

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, get_args
from urllib.parse import urlencode

from pydantic import ValidationError

from features.errors import InputError, SalvocastError
from features.typed import typed_number, typed_share, unmistakable
from forecasting.answers.request import LONGEST_TEXT, PlanRequest, Text
from forecasting.report.language import Translator

PLAIN = {
    "days": "horizon",
    "origin": "origin",
    "theatre": "theatre",
    "weapons": "weapon_class",
    "threats": "threats",
    "scenario": "scenario",
    "model": "model",
    "quiet": "quiet_days",
    "paths": "paths",
    "seed": "seed",
    "defence": "defence",
    "of": "safety_of",
    "points": "frontier_points",
    "leak": "leak_target",
    "budget": "budget",
    "policy": "policy",
    "review": "review",
}
"""Name in the address -> field of the request, for fields of one value."""
SAFETY, UNCALIBRATED, LAYER, WITHOUT, DUE = "safety", "stated", "layer", "without", "due"
"""The service level in per cent; ranges as stated, not held against the record; layers to report, and to leave out;
deliveries."""
HELD, OWN = "hold.", "own."
"""Before the name of an assumption, and of `scenario` or `defence` given as a packed text."""
OF_LAYERS = {
    "stock.": "stock",
    "supply.": "supply",
    "lead.": "lead_time",
    "pack.": "pack_size",
    "minimum.": "minimum_stock",
}
"""Before the name of a layer -> the field of the request that states something of it."""
VIEW = ("compare", "lang", "theme", "id", "since", "beside")
"""What the page shows beside the plan. id: of the plan that the link was made from. since: as of `--since`.
beside: "bundled", to set that beside an own defence."""
SHOWN, TO_HOLD, LAYERS = "shown", "held", "layers"
"""What only a form sends: the scenario whose sliders it showed, which of them are to be held, and how many layers it
showed: a plan for all of them names none."""
PACKED_AT_MOST = 24_000
"""Characters of an own text in an address: servers refuse long ones."""

EXPECTED = {
    "days": "expected a whole number of attack days, 1 to 730",
    "origin": "expected a date such as 2026-02-28",
    "theatre": "expected the name of a theatre, such as ukraine",
    "weapons": "expected the name of a class of weapons, such as shahed",
    "threats": "expected classes of weapon with shahed among them, such as shahed,cruise,ballistic or cruise=40/week",
    "scenario": "expected none, or the name of a scenario from the list",
    "model": "expected champion, or the name of a model",
    "quiet": "expected a rule from the list",
    "paths": "expected a whole number of simulated futures, 1 to 1,000,000",
    "seed": "expected a whole number, 0 or more",
    "defence": "expected the name of a defence from the list",
    "of": "expected each or all",
    "points": "expected a whole number of budgets, 2 to 20",
    "leak": "expected a number of drones, 0 or more",
    "budget": "expected US dollars, more than 0",
    "policy": "expected a policy from the list",
    "review": "expected a whole number of days, 1 to 365",
    SAFETY: "expected per cent between 0 and 100, such as 95",
    LAYER: "expected names of layers, 50 at most",
    WITHOUT: "expected names of layers, 50 at most",
    DUE: "expected a layer, a date such as 2026-03-05 and a whole number, 0 or more",
    "hold": "expected a level from 0 to 1",
    "stock": "expected a whole number, 0 or more",
    "supply": "expected interceptors with their unit, such as 800/week",
    "lead": "expected a whole number of days, 0 to 730",
    "pack": "expected a whole number, 1 or more",
    "minimum": "expected a whole number, 0 or more",
}
"""Field -> what it should hold; `form`: what only the fields together can have wrong."""

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with a field. given: as it was given. message: what was expected."""

    given: str
    message: str | SalvocastError

    def __str__(self) -> str:
        return f"'{self.given}': {self.message}" if self.given else str(self.message)

    def line(self, t: Translator) -> str:
        """The same in a language."""
        told = t.error(self.message) if isinstance(self.message, SalvocastError) else t(self.message)
        return f"'{self.given}': {told}" if self.given else told


class FormError(InputError):
    """What is wrong with a request: field of the form -> what is wrong with it."""

    def __init__(self, lines: Mapping[str, FieldProblem]) -> None:
        self.lines = dict(lines)
        super().__init__("; ".join(f"{name}: {line}" for name, line in lines.items()))


@dataclass(frozen=True)
class PageQuery:
    """What an address asks for: a plan, and how to show it. compare: the scenario to set beside it. lang, theme: as
    chosen; empty: as the browser prefers. id: of the plan that the link was made from. since: last, an id or a date:
    the issued plan to tell the changes from. beside: bundled: the defence to set beside an own one."""

    request: PlanRequest
    compare: str = ""
    lang: str = ""
    theme: str = ""
    id: str = ""
    since: str = ""
    beside: str = ""

    @cached_property
    def query(self) -> str:
        """The address of exactly this, after the question mark."""
        return urlencode(self.pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of the address, in order."""
        given = self.request
        default = PlanRequest()
        pairs = [
            (name, number_text(getattr(given, field)))
            for name, field in PLAIN.items()
            if getattr(given, field) != getattr(default, field) and not isinstance(getattr(given, field), Text)
        ]
        pairs += [
            (OWN + name, pack_text(text.toml))
            for name in ("scenario", "defence")
            if isinstance(text := getattr(given, name), Text)
        ]
        pairs += [(HELD + key, number_text(level)) for key, level in sorted(given.held.items())]
        pairs += [(LAYER, layer) for layer in given.layers]
        pairs += [(WITHOUT, layer) for layer in given.without]
        pairs += [
            (prefix + layer, str(stated))
            for prefix, field in OF_LAYERS.items()
            for layer, stated in sorted(getattr(given, field).items())
        ]
        pairs += [(DUE, f"{each.layer}:{each.date}:{each.quantity}") for each in given.deliveries]
        if given.service_level != default.service_level:
            pairs.append((SAFETY, safety_text(given.service_level)))
        if not given.calibrate:
            pairs.append((UNCALIBRATED, "1"))
        return pairs + [(name, getattr(self, name)) for name in VIEW if getattr(self, name)]

    def permanent(self, origin: date, plan_id: str) -> "PageQuery":
        """The link to send on: it names the origin, and tells whoever opens it whether the plan is still the same."""
        return replace(
            self, request=self.request.model_copy(update={"origin": origin}), id=plan_id, since="", beside=""
        )


def parse_query(query: Query) -> PageQuery:
    """What the pairs of an address, or of a form, ask for. Raises FormError with a line for each field."""
    lines: dict[str, FieldProblem] = {}
    fields: dict[str, Any] = {}
    given = {name: value.strip() for name, value in query if value.strip()}
    for name, field in PLAIN.items():
        if name in given:
            fields[field] = _field_value(field, name, given[name], lines)
    for name in ("scenario", "defence"):
        if OWN + name in given:
            # A form holds the own text beside the choice: another choice lets it go.
            if given.get(name, OWN) == OWN:
                try:
                    fields[name] = {"toml": unpack_text(given[OWN + name])}
                except InputError as error:
                    lines[name] = FieldProblem("", error)
        elif fields.get(name) == OWN:
            lines[name] = FieldProblem("", "no own text is given: expected one, or a name from the list")
    held = {
        name.removeprefix(HELD): _number(name, value, lines) for name, value in given.items() if name.startswith(HELD)
    }
    if SHOWN in given:  # a form sends every slider it has, also those of the scenario that was chosen before
        wanted = {value for name, value in query if name == TO_HOLD and given[SHOWN] == given.get("scenario", "none")}
        held = {key: level for key, level in held.items() if key in wanted}
    fields["held"] = held
    layers = [value for name, value in query if name == LAYER and value]
    fields["without"] = [value for name, value in query if name == WITHOUT and value]
    fields["layers"] = [] if given.get(LAYERS) == str(len(layers)) else layers
    for prefix, field in OF_LAYERS.items():
        read = _supply if field == "supply" else _number
        fields[field] = {
            name.removeprefix(prefix): read(name, value, lines)
            for name, value in given.items()
            if name.startswith(prefix)
        }
    fields["deliveries"] = _deliveries(query, lines)
    if SAFETY in given:
        fields["service_level"] = given[SAFETY]
        try:
            typed_share(given[SAFETY])
        except InputError as error:
            asked = "small" in error.values  # it may be two numbers
            lines[SAFETY] = FieldProblem("", error) if asked else FieldProblem(given[SAFETY], EXPECTED[SAFETY])
    fields["calibrate"] = UNCALIBRATED not in given
    try:
        request = PlanRequest.model_validate(fields)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            name = form_field(each["loc"])
            stated = str(each["input"]) if isinstance(each["input"], str | int | float) else ""
            # As it was written, not as it was read.
            stated = given.get(name, stated)
            lines.setdefault(name, FieldProblem(stated, EXPECTED.get(name.partition(".")[0], each["msg"])))
    known = {
        *PLAIN,
        SAFETY,
        UNCALIBRATED,
        LAYER,
        DUE,
        *VIEW,
        SHOWN,
        TO_HOLD,
        LAYERS,
        *DUE_PARTS,
        *COUNT_PARTS,
        *SET_PARTS,
    }
    for name, _ in query:
        if name not in known and not name.startswith((HELD, OWN, *OF_LAYERS)):
            lines.setdefault(
                "form", FieldProblem(name, "the address holds a name that is not known: open the page anew")
            )
    if lines:
        raise FormError(lines)
    return PageQuery(request, **{name: given.get(name, "") for name in VIEW})


def pack_text(text: str) -> str:
    """A text as it stands in an address. Raises InputError where it is too long for one."""
    made = urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    if len(made) > PACKED_AT_MOST:
        raise InputError(
            f"the text has {len(text):,} characters, more than an address holds: state only what differs from a "
            "bundled scenario, or send it to POST /api/v1/plan"
        )
    return made


def unpack_text(text: str) -> str:
    """The text again. Raises InputError for what `packed` did not make, or a text that is longer than any may be."""
    try:
        unpacking = zlib.decompressobj()
        made = unpacking.decompress(urlsafe_b64decode(text + "=" * (-len(text) % 4)), LONGEST_TEXT)
        if not unpacking.eof:
            raise ValueError
        return made.decode()
    except (NoBase64, zlib.error, ValueError) as error:
        raise InputError(
            "the own text in the address is cut off or changed: open the full link, or paste it anew"
        ) from error


def _number(name: str, text: str, lines: dict[str, FieldProblem]) -> int | float | str:
    """The number that a text says; the text where it is none, for the request to refuse, or may be two."""
    try:
        return typed_number(text)
    except InputError as error:
        if "small" in error.values:  # it may be two numbers
            lines[name] = FieldProblem("", error)
        return text


def _supply(name: str, text: str, lines: dict[str, FieldProblem]) -> str:
    """A supply as it was typed, whose number may be two."""
    _number(name, text.partition("/")[0], lines)
    return text


def plain_day(text: str) -> str:
    """A date as a person writes it, in either language: 2026-02-28 and 28.02.2026."""
    return re.sub(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", lambda day: f"{day[3]}-{day[2]:0>2}-{day[1]:0>2}", text)


COUNT, COUNT_PARTS = "count", ("count.layer", "count.quantity", "count.on", "count.source", "count.correct")
"""The count of a stock, which is no part of a request."""
DUE_PARTS = ("due.layer", "due.date", "due.quantity")
SET, SET_PARTS = "set", ("set.of", "set.what", "set.range", "set.day", "set.certain")
"""The settings of a scenario that is written on the page."""


def _field_value(field: str, name: str, text: str, lines: dict[str, FieldProblem]) -> int | float | str:
    """What a text says of a field of a request, as a person writes it."""
    types = _types(PlanRequest.model_fields[field].annotation)
    return _number(name, text, lines) if types & {int, float} else plain_day(text) if date in types else text


def _types(annotation: Any) -> set[Any]:
    return {annotation}.union(*map(_types, get_args(annotation)))


def _deliveries(query: Query, lines: dict[str, FieldProblem]) -> list[dict[str, int | float | str]]:
    """The deliveries of an address (layer:date:quantity), and those of the rows of a form; empty rows are left out."""
    made = []
    for text in (value for name, value in query if name == DUE):
        parts = text.split(":")
        if len(parts) != len(DUE_PARTS):
            lines[DUE] = FieldProblem(text, EXPECTED[DUE])
            continue
        made.append(parts)
    columns = [[value.strip() for name, value in query if name == part] for part in DUE_PARTS]
    made += [list(row) for row in zip(*columns, strict=False) if row[1] or row[2]]
    return [
        {"layer": layer, "date": plain_day(day), "quantity": _number(DUE, quantity, lines)}
        for layer, day, quantity in made
    ]


def number_text(value: object) -> str:
    """Numbers as a person would write them: 0.25, 28, 1000000; lists with commas."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) else unmistakable(repr(value))
    return str(value)


def safety_text(level: float) -> str:
    """A level 0 to 1 in per cent, as exactly as it is written: 95; one per cent and less with the sign."""
    per_cent = float(Decimal(str(level)) * 100)
    return number_text(per_cent) + "%" * (per_cent <= 1)


_PREFIXES = {field: prefix for prefix, field in OF_LAYERS.items()}


def form_field(where: tuple[int | str, ...]) -> str:
    """The field of the form that a part of the request is stated in."""
    if not where:
        return "form"
    first = str(where[0])
    match first:
        case "held" if len(where) > 1:
            return HELD + str(where[1])
        case _ if first in _PREFIXES and len(where) > 1:
            return _PREFIXES[first] + str(where[1])
        case "deliveries":
            return DUE
        case "service_level":
            return SAFETY
        case "layers":
            return LAYER
        case "without":
            return WITHOUT
    return next((name for name, field in PLAIN.items() if field == first), "form")
