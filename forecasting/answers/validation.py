"""What is wrong with a request, in one line: where, what was expected, and what was given; by the type of the error."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from features.errors import one_line, unknown_name
from forecasting.answers.request import AS_TEXT, NAME_PATTERN, NAMED, NEEDS

_EXPECTED = {
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "date_from_datetime_inexact": "expected a date such as 2026-02-28",
    "date_from_datetime_parsing": "expected a date such as 2026-02-28",
    "date_parsing": "expected a date such as 2026-02-28",
    "date_type": "expected a date such as 2026-02-28",
    "dict_type": "expected names with their values",
    "enum": "expected {expected}",
    "extra_forbidden": "there is no such field",
    "finite_number": "expected a finite number",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a smaller whole number",
    "int_type": "expected a whole number",
    "json_invalid": "expected JSON: {error}",
    "json_type": "expected JSON",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "list_type": "expected a list",
    "literal_error": "expected {expected}",
    "missing": "this field is missing",
    "model_attributes_type": "expected an object with fields",
    "model_type": "expected an object with fields",
    NEEDS: "{field} is given without {needed}: add {needed}",
    "string_pattern_mismatch": "expected the pattern {pattern}",
    "string_too_long": "expected at most {max_length} characters",
    "string_too_short": "expected at least {min_length} character",
    "string_type": "expected text",
    "timezone_aware": "expected a time with its zone",
    "too_long": "expected at most {max_length}",
    "too_short": "expected at least {min_length}",
    "tuple_type": "expected a list",
    "value_error": "{error}",
}
"""What a person is told for an error of pydantic's, by its type; any other is told in pydantic's words."""
_NO_PLACE = {NAMED, AS_TEXT, "[key]"}
"""Parts of a location that are no part of what was given."""
LONGEST_SHOWN = 80


def error_place(error: Any) -> str:
    """The field that one of pydantic's errors is about, with dots between its parts."""
    return ".".join(str(part) for part in error["loc"] if part not in _NO_PLACE)


def error_line(
    errors: Sequence[Any], fields: Iterable[str] = (), name_of: Callable[[str], str] = lambda field: field
) -> str:
    """The first of pydantic's errors in one line, with its place.

    errors: as `ValidationError.errors` gives them, never empty. fields: that the request may have; a name beside them
    is told with those that are near. name_of: the first part of a place -> what the person calls it, such as an option.
    """
    first = errors[0]
    place = [part for part in first["loc"] if part not in _NO_PLACE]
    known = sorted(fields)
    if first["type"] == "extra_forbidden" and len(place) == 1 and known:
        return str(one_line(str(unknown_name("field", str(place[0])[:LONGEST_SHOWN], known))))
    where = ".".join([name_of(str(place[0])), *(str(part) for part in place[1:])]) if place else ""
    context = {key: f"{each:,.15g}" if isinstance(each, int | float) else each for key, each in _context(first).items()}
    if first["type"] == NEEDS:
        context = {key: name_of(str(each)) for key, each in context.items()}
    expected = _EXPECTED.get(first["type"], first["msg"].replace("{", "{{").replace("}", "}}")).format_map(context)
    if context.get("pattern") == NAME_PATTERN:
        expected = "expected at most 40 letters a to z, digits or _"
    given = first["input"]
    shown = "" if isinstance(given, dict | list | bytes) or first["type"] == "missing" else f" (given {_short(given)})"
    more = f"; and {len(errors) - 1} more" if len(errors) > 1 else ""
    return str(one_line(f"{f'{where}: ' if where else ''}{expected}{shown}{more}"))


def _context(error: Any) -> dict[str, Any]:
    context: dict[str, Any] = error.get("ctx", {})
    return context


def _short(given: Any) -> str:
    text = json.dumps(given, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 4]}...{text[-1]}"
