"""Options made from the fields of a request, so that a new field needs no line here.

They are made when a command is used or its help is asked for: `salvocast --help` must not wait for pydantic.
"""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

import typer
from typer.core import TyperCommand

from features.errors import InputError
from features.options import name_and_value, parse_day
from features.typed import typed_number

if TYPE_CHECKING:
    from forecasting.answers.request import ForecastRequest, PlanRequest

Request = TypeVar("Request", bound="ForecastRequest")
OPTION_NAMES = {"layers": "--layer", "held": "--hold"}
"""Field -> its option, where that is not the field's own name: what can be repeated is named by one of it."""
_FORMS: Mapping[str, tuple[Any, str, str]] = {
    "origin": (str, "DATE", ""),
    "horizon": (str, "DAYS", ""),
    "model": (str, "NAME", ""),
    "scenario": (str, "NAME|FILE.toml|none", "see `salvocast scenarios list`"),
    "baseline": (str, "NAME|FILE.toml", ""),
    "held": (list[str], "NAME=LEVEL", "repeatable"),
    "defence": (str, "NAME|FILE.toml", ""),
    "layers": (list[str], "LAYER", "repeatable"),
    "without": (list[str], "LAYER", "repeatable"),
    "stock": (list[str], "LAYER=N|FILE.csv", "repeatable, or a file with columns layer and quantity"),
    "deliveries": (list[str], "LAYER=N@DATE|FILE.csv", "repeatable, or a file with columns layer, date and quantity"),
    "supply": (list[str], "LAYER=N/week", "repeatable"),
    "lead_time": (list[str], "LAYER=DAYS", "repeatable"),
    "pack_size": (list[str], "LAYER=N", "repeatable"),
    "minimum_stock": (list[str], "LAYER=N", "repeatable"),
    "service_level": (str, "SHARE", "95, 95 % or 0.95"),
    "safety_of": (str, "each|all", ""),
    "frontier_points": (str, "N", ""),
    "leak_target": (str, "DRONES", ""),
    "budget": (str, "USD", ""),
    "policy": (str, "base_stock|adjusted_base_stock|reorder_point", ""),
    "review": (str, "DAYS", ""),
    "paths": (str, "N", ""),
    "seed": (str, "N", ""),
}
"""Field -> type and metavar of its option, and what its help says beside the field's description, where these do not
follow from the field: what the command takes in another form, such as a file."""
_SHORT = {"deliveries": "--delivery"}
"""Field -> a second name of its option, of a single one of what it lists."""


class RequestCommand(TyperCommand):
    """A command whose options are the fields of a request; its context's `obj` is the request that they make.

    kind: the class of requests. only: the fields that are options; none: all. defaults: in place of the request's own.
    """

    kind = "ForecastRequest"
    only: tuple[str, ...] = ()
    defaults: Mapping[str, object] = {}
    _options: list[Any] | None = None

    def get_params(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        if self._options is None:
            self._options = self._parameters()
        return [*self._options, *super().get_params(ctx)]

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        given = {option.name: ctx.params.pop(option.name) for option in self._options or ()}
        ctx.obj = read_request(self._model, given)
        return super().invoke(ctx)

    @property
    def _model(self) -> "type[ForecastRequest]":
        from forecasting.answers import request

        model: type[ForecastRequest] = getattr(request, self.kind)
        return model

    def _parameters(self) -> list[Any]:
        fields = self._model.model_fields
        chosen = {name: field for name, field in fields.items() if not self.only or name in self.only}

        def command(**_: object) -> None:
            """Only its signature is used."""

        parameters = [_parameter(name, field, self.defaults.get(name, field.default)) for name, field in chosen.items()]
        command.__dict__["__signature__"] = inspect.Signature(parameters)
        app = typer.Typer(add_completion=False)
        app.command()(command)
        return [option for option in typer.main.get_command(app).params if option.name in chosen]


def request_command(kind: str, *only: str, **defaults: object) -> type[RequestCommand]:
    """The class of a command whose options are the fields of a request; see `RequestCommand`."""
    return type("RequestCommand", (RequestCommand,), {"kind": kind, "only": only, "defaults": defaults})


def option_name(field: str) -> str:
    """The option of a field of a request."""
    return OPTION_NAMES.get(field, f"--{field.replace('_', '-')}")


def read_request(model: "type[ForecastRequest]", given: Mapping[str, Any]) -> "ForecastRequest":
    """The request of these values of options: every file is in it with its text.

    Raises InputError, with the option, for what no request may hold.
    """
    from pydantic import ValidationError

    from forecasting.answers.validation import error_line

    stated = {name: value for name, value in given.items() if value is not None and value != []}
    for name in ("theatre", "weapon_class"):
        if name in stated:
            stated[name] = stated[name].lower()
    for name in ("scenario", "baseline"):
        if name in stated:
            stated[name] = scenario_value(stated[name])
    if "defence" in stated:
        stated["defence"] = defence_value(stated["defence"])
    if "held" in stated:
        stated["held"] = _levels(stated["held"])
    for name in ("supply", "lead_time", "pack_size", "minimum_stock"):
        if name in stated:
            stated[name] = _by_layer(name, stated[name])
    for name, field in model.model_fields.items():
        # A share the request reads itself: read twice, 150 would be 1.5, and that 1.5 %.
        reads = name != "service_level" and isinstance(stated.get(name), str)
        if reads and _plain_type(field.annotation) in (int, float):
            with typed_at(option_name(name)):
                stated[name] = typed_number(stated[name])
    lists = _lists(stated)
    try:
        request = model.model_validate(stated)
        return model.model_validate(stated | _from_lists(request, lists)) if lists else request  # type: ignore[arg-type]
    except ValidationError as error:
        raise InputError(error_line(error.errors(include_url=False), name_of=option_name)) from error


def with_values(request: "Request", **values: Any) -> "Request":
    """The request with other values. Raises InputError, with the option, for what it may not hold."""
    from pydantic import ValidationError

    from forecasting.answers.validation import error_line

    try:
        return type(request).model_validate(request.model_dump() | values)
    except ValidationError as error:
        raise InputError(error_line(error.errors(include_url=False), name_of=option_name)) from error


def scenario_value(name_or_file: str) -> str | dict[str, str]:
    """A scenario as a request holds it: its name, or the text of its file. Raises InputError for a file that is none,
    or is dated in the future."""
    if not name_or_file.endswith(".toml"):
        return name_or_file
    from features.scenarios import standalone_text

    return {"toml": standalone_text(name_or_file)}


def defence_value(name_or_file: str) -> str | dict[str, str]:
    """A defence as a request holds it: its name, or the text of its file. Raises InputError for a file that is none."""
    if name_or_file.isidentifier():
        return name_or_file
    from features.stated import read_stated
    from forecasting.defence.layers import parse_defence

    text = read_stated(Path(name_or_file))
    parse_defence(text, name_or_file)
    return {"toml": text}


def _levels(pairs: list[str]) -> dict[str, float | str]:
    levels: dict[str, float | str] = {}
    for pair in pairs:
        name, level = name_and_value(pair, "--hold NAME=LEVEL, such as --hold stock.opening=0.5")
        try:
            levels[name] = float(level)
        except ValueError:
            levels[name] = level  # the request says what is wrong with it
    return levels


@contextmanager
def typed_at(where: str) -> Iterator[None]:
    """What cannot be read inside is told with where it stands, such as an option."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _by_layer(field: str, pairs: list[str]) -> dict[str, float | str]:
    """Layer -> what is stated of it, of an option that is repeated. Raises InputError for a layer that is repeated."""
    option, found = option_name(field), dict[str, float | str]()
    for pair in pairs:
        layer, value = name_and_value(pair, f"{option} LAYER=NUMBER, such as {_EXAMPLES[field]}")
        if layer in found:
            raise InputError(f"{option}: {layer} is stated twice: expected one for each layer")
        with typed_at(f"{option} {layer}"):
            found[layer] = value if field == "supply" else typed_number(value)
    return found


_EXAMPLES = {
    "stock": "interceptor_drone=12000",
    "supply": "interceptor_drone=800/week",
    "lead_time": "interceptor_drone=21",
    "pack_size": "interceptor_drone=10",
    "minimum_stock": "interceptor_drone=500",
}


def _lists(stated: dict[str, Any]) -> dict[str, Path]:
    """The files among stocks and deliveries, which it takes out; what is stated singly it turns into values."""
    files: dict[str, Path] = {}
    for name in ("stock", "deliveries"):
        given = stated.pop(name, [])
        paths = [each for each in given if "=" not in each]
        if len(paths) > 1 or (paths and len(given) > 1):
            raise InputError(f"{option_name(name)}: expected one file, or single values, such as {_SINGLE[name]}")
        if paths:
            files[name] = Path(paths[0])
        elif given:
            stated[name] = _by_layer(name, given) if name == "stock" else [_delivery(each) for each in given]
    return files


_SINGLE = {"stock": _EXAMPLES["stock"], "deliveries": "interceptor_drone=500@2026-06-01"}


def _delivery(text: str) -> dict[str, Any]:
    expected = f"--delivery LAYER=NUMBER@DATE, such as {_SINGLE['deliveries']}"
    layer, value = name_and_value(text, expected)
    quantity, at, day = value.rpartition("@")
    if not at:
        raise InputError(f"'{text}': expected {expected}")
    with typed_at(f"--delivery {layer}"):
        return {"layer": layer, "date": parse_day(day.strip(), "the day"), "quantity": typed_number(quantity)}


def _from_lists(request: "PlanRequest", lists: Mapping[str, Path]) -> dict[str, Any]:
    """Stocks and deliveries of the files, for the layers of the request's defence."""
    from datetime import date

    from features.stated import read_stated
    from forecasting.answers.defences import defence_of
    from forecasting.defence.stock import parse_deliveries, parse_stock

    defence, made = defence_of(request), dict[str, Any]()
    if "stock" in lists:
        made["stock"] = parse_stock(read_stated(lists["stock"], "CSV"), str(lists["stock"]), defence)
    if "deliveries" in lists:
        text = read_stated(lists["deliveries"], "CSV")
        # What is in hand already, only the answer knows.
        due = parse_deliveries(text, str(lists["deliveries"]), defence, date.min)
        made["deliveries"] = [{"layer": each.layer_id, "date": each.day, "quantity": each.quantity} for each in due]
    return made


def _parameter(name: str, field: Any, default: Any) -> inspect.Parameter:
    kind, metavar, more = _FORMS.get(name, (_plain_type(field.annotation), None, ""))
    told = field.description or ""
    text = f"{told[:1].upper()}{told[1:]}{f' ({more})' if more else ''}."
    names = [option_name(name), *([_SHORT[name]] if name in _SHORT else [])]
    if kind is bool:
        names = [f"--{name}/--no-{name}".replace("_", "-")]
    # As the values of a request are checked when it is made, the option shows their limits and checks none.
    options: Any = typer.Option(*names, metavar=metavar, help=text + _limits(field))
    shown = default if isinstance(default, str | int | float | bool) else None
    annotation: Any = Annotated[kind if shown is not None else kind | None, options]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=shown, annotation=annotation)


def _plain_type(annotation: Any) -> Any:
    """The type of an option for a field: a number, a choice or a text."""
    for each in (annotation, *_members(annotation)):
        if each in (bool, int, float) or (isinstance(each, type) and issubclass(each, Enum)):
            return each
    return str


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return [get_args(annotation)[0], *_members(get_args(annotation)[0])]
    if get_origin(annotation) in (Union, UnionType):
        return [part for each in get_args(annotation) for part in (each, *_members(each))]
    return []


def _limits(field: Any) -> str:
    """The whole numbers that a field takes, for the help, where both ends say something."""
    limits = {name: getattr(each, name) for each in field.metadata for name in ("ge", "le") if hasattr(each, name)}
    if limits.keys() != {"ge", "le"} or limits["le"] >= 2**63 - 1:
        return ""
    return f" {limits['ge']:,} to {limits['le']:,}."
