"""What a person states in a TOML file: numbers as sourced ranges, and what is wrong with a file, told in one line."""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import InputError, one_line, unknown_name
from features.files import read_bounded
from features.toml_text import parse_toml

LARGEST_NUMBER = 1e9
"""Far above any stock, supply or price: a larger number is a slip, and its products would leave 64 bits."""
LARGEST_FILE = 1_000_000
"""Bytes; a hundred times a long file of assumptions."""
OPEN_END = 2.0
"""A number of which only a lower bound is known is drawn from the bound to this many times it, less often far above."""

Number = Annotated[float, Field(ge=0, le=LARGEST_NUMBER, allow_inf_nan=False)]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2100, 12, 31))]
"""A day outside of it is a slip of the pen, and an account from one to another would not fit into memory."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


_ADDRESS = re.compile(r"(https?://|urn:)\S+")


class Stated(BaseModel):
    """A table of a file: frozen, without keys that are not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(Stated):
    """A public statement that a number rests on. date: when it was published. confidence: A (best) to C."""

    id: str
    title: str
    date: Day
    url: str
    confidence: Literal["A", "B", "C"]


class SourcedRange(Stated):
    """One number as it is known: a range, how it was come by, and from where.

    Stated as low, mode and high, or as `at_least` or `up_to` where only one bound is known: `at_least` x is drawn from
    x to twice x, falling; `up_to` x from 0 to x, rising. basis: reported as such, derived from reported numbers,
    assumed, or, of a scenario, known to the planner, who can name no public source. date: what day the number speaks
    of. confidence: that of the worst source, or D for an assumption.
    """

    largest: ClassVar[float] = LARGEST_NUMBER
    may_be_known: ClassVar[bool] = False

    low: Number
    mode: Number
    high: Number
    at_least: Number | None = None
    up_to: Number | None = None
    basis: Literal["reported", "derived", "assumed", "known"]
    sources: tuple[str, ...] = Field(strict=False)
    date: Day
    confidence: Literal["A", "B", "C", "D"]
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_open_end(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        bounds = [name for name in ("at_least", "up_to") if name in given]
        if not bounds:
            return given
        if len(bounds) > 1 or {"low", "mode", "high"} & given.keys():
            raise ValueError("expected low, mode and high, or at_least, or up_to: one of the three")
        bound = given[bounds[0]]
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not 0 <= bound <= LARGEST_NUMBER:
            raise ValueError(f"{bounds[0]} is {_shown(bound)}: expected a number from 0 to {LARGEST_NUMBER:,.0f}")
        ends = (bound, max(bound, min(bound * OPEN_END, cls.largest))) if bounds[0] == "at_least" else (0.0, bound)
        return {**given, "low": ends[0], "mode": bound, "high": ends[1]}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"low {self.low}, mode {self.mode}, high {self.high}: expected low <= mode <= high")
        if self.basis == "known" and not self.may_be_known:
            raise ValueError("basis is 'known': expected 'reported', 'derived' or 'assumed'")
        if self.basis in ("reported", "derived") and not self.sources:
            raise ValueError(f"a {self.basis} number names no source: expected at least one, or basis = 'assumed'")
        return self

    @property
    def mean(self) -> float:
        """Of the triangular distribution on the range."""
        return (self.low + self.mode + self.high) / 3.0

    def draw(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """(n,) draws from the triangular distribution on the range."""
        if self.low == self.high:
            return np.full(n, self.mode)
        return rng.triangular(self.low, self.mode, self.high, n)

    def quantile(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        """The quantiles of the triangular distribution at levels 0 to 1, in the shape of `level`.

        Where low = mode = high, that number. Formula: Kotz and van Dorp (2004), Beyond Beta, eq. 1.8.
        """
        width = self.high - self.low
        if width == 0:
            return np.full(level.shape, self.mode)
        rising = np.sqrt(level * width * (self.mode - self.low))
        falling = np.sqrt((1.0 - level) * width * (self.high - self.mode))
        quantile = np.where(level * width <= self.mode - self.low, self.low + rising, self.high - falling)
        return quantile.clip(self.low, self.high)  # rounding leaves it by a hair, and no share is above 1


def check_sources(stated: Stated, sources: Sequence[Source]) -> None:
    """Raises ValueError where a number, or a table, names a source that is not listed, or one is listed twice, or where
    the address of one is none of the web."""
    for source in sources:
        if source.url and not _ADDRESS.fullmatch(source.url):  # it becomes a link that readers follow
            raise ValueError(
                f"source {source.id}: url is {_shown(source.url)}: expected an address that begins with https://, "
                "http:// or urn:, without spaces, or an empty text"
            )
    known = [source.id for source in sources]
    if repeated := sorted({name for name in known if known.count(name) > 1}):
        raise ValueError(f"source {repeated[0]} is stated twice")
    for where, table in tables(stated):
        for source in getattr(table, "sources", ()):
            if isinstance(source, str) and source not in known:
                raise ValueError(f"{unknown_name('source', source, known)} ({where})")


def tables(stated: Stated, where: str = "") -> Iterator[tuple[str, Stated]]:
    """(where it stands, table) for each table inside `stated`, in the order of the file; its own rows are named by
    their id, or else by their date."""
    for name in type(stated).model_fields:
        value = getattr(stated, name)
        rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
        named = (
            [(f"{name}", value)]
            if isinstance(value, Stated)
            else [(_row_name(name, key, row), row) for key, row in rows]
        )
        for part, table in named:
            if isinstance(table, Stated):
                path = f"{where}.{part}" if where else part
                yield path, table
                yield from tables(table, path)


def _row_name(name: str, key: object, row: object) -> str:
    """layers[0] -> "layer jammer"; armed[0] -> "armed of 2025-06-20"; a table's key stays as it is."""
    if isinstance(key, str):
        return f"{name}.{key}"
    given = row if isinstance(row, Mapping) else {each: getattr(row, each, None) for each in ("id", "date")}
    if isinstance(given.get("id"), str):
        return f"{singular(name)} {given['id']}"
    return (
        f"{name} of {given['date']}" if isinstance(given.get("date"), date) else f"{singular(name)} {int(str(key)) + 1}"
    )


def singular(name: str) -> str:
    """facilities -> facility, layers -> layer: the table of a file is named in the singular."""
    return name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s")


def read_stated(path: Path, kind: str = "TOML") -> str:
    """The text of a file of assumptions, or of a planner's own numbers, of that kind.

    Raises InputError where it is no small file of UTF-8 text.
    """
    content = read_bounded(path, LARGEST_FILE, f"a {kind} file")
    try:
        text = content.decode("utf-8-sig")  # some editors begin with a mark
    except UnicodeDecodeError as error:
        raise one_line(f"{path} is not UTF-8 text (byte {error.start}): expected a {kind} file") from error
    return StringIO(text, newline=None).read()  # line ends of every system are one


def parse_tables(
    text: str, file_name: str, head: str, rows: Sequence[str], single: Sequence[str] = ()
) -> dict[str, Any]:
    """The tables of a TOML text: {key of head: ..., row: [...], ...}, checked for tables that are not known.

    head: the [table] that every file has. rows: the [[tables]]. single: further [tables].
    Raises InputError naming the file.
    """
    stated = parse_toml(text, file_name)
    known = (head, *rows, *single)
    if unknown := sorted(set(stated) - set(known)):
        raise one_line(f"{file_name}: {unknown_name('table', unknown[0], known)}")
    for name, value in stated.items():
        expected, brackets = (list, f"[[{name}]] tables") if name in rows else (dict, f"the table [{name}]")
        if not isinstance(value, expected):
            raise InputError(f"{file_name}: '{name}' is a {type(value).__name__}: expected {brackets}")
    if head not in stated:
        raise InputError(f"{file_name}: the table [{head}] with its name is missing")
    return stated


_EXPECTED = {
    "model_type": "expected a table",
    "model_attributes_type": "expected a table",
    "dict_type": "expected a table",
    "tuple_type": "expected a list",
    "string_type": "expected text in quotes",
    "string_too_short": "expected some text",
    "string_pattern_mismatch": "expected small letters, digits and _ (pattern {pattern})",
    "date_type": "expected a date such as 2026-02-28, without quotes and time",
    "greater_than_equal": "expected a value greater than or equal to {ge}",
    "less_than_equal": "expected a value less than or equal to {le}",
    "too_short": "expected at least {min_length} item",
}
"""What a person is told for an error of pydantic's, by its type; any other is told in pydantic's words."""


def input_error(
    error: ValidationError, model: type[BaseModel], given: Mapping[str, Any], file_name: str, head: str = ""
) -> InputError:
    """The first error of a file in words: the file, the table by its id, the key, what was expected, and the nearest
    key for a typo. head: the [table] that the plain keys of `model` are in."""
    errors = error.errors(include_url=False)
    # A mistyped key is also a missing one; only the typo tells what to mend.
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    location, kind, value, context = first["loc"], first["type"], first["input"], first.get("ctx", {})
    context = {name: f"{each:,.10g}" if isinstance(each, float) else each for name, each in context.items()}
    where, fields, options = _located(location, model, given)
    field = model.model_fields.get(str(location[0])) if location else None
    is_table = field is not None and bool(_tables_in(field.annotation))
    if head and location and not is_table:
        where = f"{head}.{where}"
    if kind == "union_tag_not_found":  # no kind, or a slip in the word `kind`
        fields = sorted({field for option in options for field in option.model_fields})
        slips = [key for key in value if key not in fields]
        kinds = ", ".join(sorted(str(each) for option in options for each in _kinds(option)))
        message = str(unknown_name("key", slips[0], fields)) if slips else f"kind is missing: known are {kinds}"
    elif kind == "union_tag_invalid":
        known = [str(each) for option in options for each in _kinds(option)]
        message = str(unknown_name("kind", str(context["tag"])[:80], known))
    elif kind == "extra_forbidden":
        message = str(unknown_name("key", str(location[-1]), fields))
    elif kind == "missing":
        name = f"the table [{where}]" if is_table and len(location) == 1 else where
        what = ": expected the day that it speaks of, such as date = 2026-04-01" if location[-1] == "date" else ""
        return one_line(f"{file_name}: {name} is missing{what}")
    else:
        words = _EXPECTED.get(kind, first["msg"].replace("Input should be", "expected"))
        message = words.format_map(context) if kind in _EXPECTED else words.removeprefix("Value error, ")
        # A rule about several keys has said what they are.
        message += "" if kind == "value_error" and isinstance(value, Mapping) else f" (given: {_shown(value)})"
    return one_line(f"{file_name}: {where}: {message}" if where else f"{file_name}: {message}")


def _shown(value: object) -> str:
    if isinstance(value, Mapping | BaseModel):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return value.isoformat() if isinstance(value, date) else repr(value)[:80]


def _located(location: Sequence[int | str], model: Any, given: Any) -> tuple[str, list[str], list[type[BaseModel]]]:
    """Where an error is, as a person would say it; the keys that are known in the table of its last key; and the tables
    that may stand there."""
    parts: list[str] = []
    fields: list[str] = []
    name = ""
    for key in location:
        options = _models(model)
        # A choice between kinds of table adds the kind to the location; it is no key of the file. Nor is "[key]".
        chosen = [each for each in options if len(options) > 1 and key in _kinds(each)]
        if chosen:
            model = chosen[0]
        elif isinstance(key, int):
            given = given[key] if isinstance(given, Sequence) and key < len(given) else {}
            parts[-1] = _row_name(name, key, given if isinstance(given, Mapping) else {})
            model = _inner(model)
        elif key != "[key]":
            parts.append(key)
            name = key
            given = given.get(key, {}) if isinstance(given, Mapping) else {}
            fields = sorted({field for each in options for field in each.model_fields}) or fields
            annotations = [each.model_fields[key].annotation for each in options if key in each.model_fields]
            model = annotations[0] if annotations else _inner(model)
    return ".".join(parts), fields, _models(model)


def _tables_in(annotation: Any) -> list[type[BaseModel]]:
    """The tables that an annotation allows, or that its rows do."""
    return _models(annotation) or _models(_inner(annotation))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The tables that an annotation allows: X, X | None, Annotated[X | Y, ...] -> X, Y."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return _models(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for option in get_args(annotation) for each in _models(option)]
    return []


def _inner(annotation: Any) -> Any:
    """tuple[X, ...] -> X; dict[str, X] -> X; X | None first loses the None."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return next((_inner(each) for each in get_args(annotation) if each is not type(None)), None)
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    return get_args(annotation)[1] if get_origin(annotation) is dict else None


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind else ()
