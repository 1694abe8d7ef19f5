"""A planner's assumptions about production: one scenario, what was known of it on a day, and the files it stands in."""

from collections.abc import Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from features.errors import InputError, one_line, unknown_name
from features.records import UKRAINE
from features.scenario_parts import (
    DAYS_PER_MONTH,
    Event,
    Facility,
    FacilityStrike,
    Imports,
    Line,
    ModelSwitch,
    NewLine,
    Pause,
    Ratio,
    Sanctions,
    StockPolicy,
    StoreStrike,
    TheatreShares,
    TransferOut,
    Workforce,
)
from features.stated import (
    Day,
    Name,
    Source,
    SourcedRange,
    Stated,
    check_sources,
    input_error,
    parse_tables,
    read_stated,
    tables,
)

__all__ = [
    "DAYS_PER_MONTH",
    "PUBLISHED",
    "Event",
    "Facility",
    "FacilityStrike",
    "Imports",
    "Line",
    "ModelSwitch",
    "NewLine",
    "Pause",
    "ProductionScenario",
    "Ratio",
    "Sanctions",
    "StockPolicy",
    "StoreStrike",
    "TheatreShares",
    "TransferOut",
    "Workforce",
    "bundled_scenarios",
    "load_scenario",
    "parse_scenario",
    "scenario_text",
]

PUBLISHED = "published"
"""The bundled scenario of the state as published; the others are variants of it."""
SAME_TIME_DAYS = 30
"""Days within which two statements contradict each other: said no further apart, of days no further apart."""


class ProductionScenario(Stated):
    """A named set of assumptions about the supply of drones.

    Parameters
    ----------
    name : str
        By which requests ask for it.
    title : str
        For people.
    as_of : date
        The day it was written; nothing in it is published later, and of a base only what was published by then counts.
    about : str
        A paragraph for the planner.
    based_on : str, optional
        The scenario that it is a variant of.
    unannounced_growth : bool
        Whether launches go on growing beyond what is stated, as they did; without it nothing is added.
    output_ratio : Ratio, optional
        True output over what is stated, alike for all lines, as far as the record leaves it open; None: 1.
    stock : StockPolicy
        The store it opens with, what stays in it, and how it is drawn down.
    facilities : tuple of Facility
        What makes drones.
    events : tuple of Event
        What changes output, store or launches on a day.
    theatres : tuple of TheatreShares
        Who gets the drones; without any, every drone is for Ukraine.
    sources : tuple of Source
        What the numbers above are taken from.

    Raises
    ------
    pydantic.ValidationError
        For a table that contradicts another one; `load_scenario` says it in one line.
    """

    name: Name
    title: str
    as_of: Day
    about: Annotated[str, Field(min_length=1)]
    based_on: str | None = None
    unannounced_growth: bool = True
    output_ratio: Ratio | None = None
    stock: StockPolicy
    facilities: tuple[Facility, ...] = ()
    events: tuple[Event, ...] = ()
    theatres: tuple[TheatreShares, ...] = ()
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self, self.sources)
        ids = [facility.id for facility in self.facilities]
        for kind, names in (
            ("facility", ids),
            ("event", [event.id for event in self.events]),
            ("theatre", [f"{row.id} of {row.facility or 'everything'}" for row in self.theatres]),
        ):
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{kind} {repeated[0]} is stated twice")
        for part in (*self.events, *self.theatres):
            facility = getattr(part, "facility", None)
            if facility is not None and facility not in ids:
                raise ValueError(f"{unknown_name('facility', facility, ids)} (in {_kind(part)} {part.id})")
            theatre = getattr(part, "theatre", UKRAINE)
            if theatre not in {UKRAINE, *self.theatre_ids}:
                known = {UKRAINE, *self.theatre_ids}
                raise ValueError(f"{unknown_name('theatre', theatre, known)} (in event {part.id})")
        for source in self.sources:
            if source.date > self.as_of:
                raise ValueError(
                    f"source {source.id} is published on {source.date}, after the scenario's as_of {self.as_of}: "
                    "expected an earlier source, or a later as_of"
                )
        self._check_pauses()
        self._check_shares()
        return self

    def _check_pauses(self) -> None:
        pauses = sorted((event for event in self.events if isinstance(event, Pause)), key=lambda pause: pause.date)
        for index, later in enumerate(pauses):
            for earlier in pauses[:index]:
                if earlier.theatre == later.theatre and later.date <= (earlier.until or date.max):
                    raise ValueError(
                        f"pauses {earlier.id} and {later.id} overlap on {later.date}: expected one to end before the "
                        "other begins"
                    )

    def _check_shares(self) -> None:
        for facility in {row.facility for row in self.theatres}:
            rows = [row for row in self.theatres if row.facility == facility]
            for day in sorted({point.date for row in rows for point in row.share}):
                whole = sum(row.mode_on(day) for row in rows)
                if whole > 1 + 1e-9:
                    raise ValueError(
                        f"the theatres' shares of {facility or 'everything'} add up to {whole:.2f} on {day}: expected "
                        "at most 1"
                    )

    @property
    def theatre_ids(self) -> tuple[str, ...]:
        """The theatres that get drones, in the order of the file."""
        return tuple(dict.fromkeys(row.id for row in self.theatres)) or (UKRAINE,)

    def as_known(self, day: date) -> "ProductionScenario":
        """The scenario as far as its sources were published by a day; assumptions without a source stay.

        Of statements that contradict each other one stands, and no mean of them. What was said later replaces what was
        said before: a point of a line gives way to a point for the same or an earlier day that was published later. But
        what a worse source says within SAME_TIME_DAYS of a better one replaces nothing of it, and is set aside where it
        is of the same day or as many days later at most; of what is assumed, the scenario is its own source. Facilities
        that have no point left, or no utilisation, are gone, and events with them. What limits a workforce, and a split
        between theatres, is known as a whole or not at all.

        Parameters
        ----------
        day : date
            Through which sources count as published.

        Returns
        -------
        ProductionScenario

        Raises
        ------
        InputError
            Where a number of the stock was not known: no account can be kept without it.
        """
        published = {source.id: source.date for source in self.sources}

        def out(stated: Stated) -> date:
            return max((published[name] for name in getattr(stated, "sources", ())), default=date.min)

        def known(*stated: Stated | None) -> bool:
            parts = [part for part in stated if part is not None]
            return all(out(each) <= day for part in parts for each in (part, *(table for _, table in tables(part))))

        def hearsay(point: SourcedRange, better: SourcedRange) -> bool:
            """Whether a worse source said it at the same time."""
            stated = "assumed" not in (point.basis, better.basis)
            said_after = (out(point) - out(better)).days
            return stated and better.confidence < point.confidence and 0 < said_after <= SAME_TIME_DAYS

        def set_aside(point: SourcedRange, by: SourcedRange) -> bool:
            return hearsay(point, by) and 0 <= (point.date - by.date).days <= SAME_TIME_DAYS

        def replaced(point: SourcedRange, by: SourcedRange) -> bool:
            return bool(point.sources) and out(by) > out(point) and by.date <= point.date and not hearsay(by, point)

        def points(stated: Sequence[SourcedRange]) -> tuple[SourcedRange, ...]:
            said = [point for point in stated if known(point)]
            kept = [point for point in said if not any(set_aside(point, other) for other in said)]
            return tuple(point for point in kept if not any(replaced(point, other) for other in kept))

        def known_workforce(stated: Workforce, opens: date) -> Workforce | None:
            arrivals = tuple(arrival for arrival in stated.arrivals if known(arrival))
            rates = (stated.training, stated.output, stated.starting_output, stated.learning_half_life)
            if not arrivals or min(arrival.date for arrival in arrivals) < opens or not known(*rates):
                return None
            rooms = points(stated.rooms) if known(stated.occupants) else ()
            return stated.model_copy(
                update={"arrivals": arrivals, "rooms": rooms, "occupants": stated.occupants if rooms else None}
            )

        for name, number in tables(self.stock):
            if not known(number):
                raise InputError(
                    f"scenario {self.name}: stock.{name} was published on {out(number)}, after {day}: expected an "
                    "assumption, an earlier source, or a later origin",
                    field="scenario",
                )
        facilities = []
        for facility in self.facilities:
            lines = {name: points(getattr(facility, name)) for name in ("armed", "decoys", "parts")}
            if (lines["armed"] or lines["decoys"]) and known(facility.utilisation):
                opens = min(point.date for point in (*lines["armed"], *lines["decoys"]))
                workforce = facility.workforce and known_workforce(facility.workforce, opens)
                facilities.append(facility.model_copy(update={**lines, "workforce": workforce}))
        makers = {None, *(facility.id for facility in facilities)}
        unknown_splits = {row.facility for row in self.theatres if not known(row)}
        theatres = tuple(row for row in self.theatres if row.facility in makers - unknown_splits)
        fought_over = {None, UKRAINE, *(row.id for row in theatres)}
        return self.model_copy(
            update={
                "as_of": min(self.as_of, day),
                "output_ratio": self.output_ratio if known(self.output_ratio) else None,
                "facilities": tuple(facilities),
                "events": tuple(
                    event
                    for event in self.events
                    if known(event)
                    and getattr(event, "facility", None) in makers
                    and getattr(event, "theatre", None) in fought_over
                ),
                "theatres": theatres,
                "sources": tuple(source for source in self.sources if source.date <= day),
            }
        )


def bundled_scenarios() -> tuple[str, ...]:
    """What the package brings along.

    Returns
    -------
    tuple of str
        Names of the bundled scenarios, the published state first.
    """
    folder = resources.files("features.bundled.scenarios")
    names = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(sorted(names, key=lambda name: name != PUBLISHED))


def load_scenario(name_or_file: str) -> ProductionScenario:
    """A bundled scenario, or a planner's own.

    Parameters
    ----------
    name_or_file : str
        The name of a bundled one, or a file, which ends in .toml.

    Returns
    -------
    ProductionScenario

    Raises
    ------
    InputError
        Naming file, table and key of the first thing wrong.

    Examples
    --------
    >>> load_scenario("published").theatre_ids
    ('ukraine',)
    """
    return parse_scenario(scenario_text(name_or_file), name_or_file)


def parse_scenario(text: str, file_name: str, *, on_files: bool = True) -> ProductionScenario:
    """A scenario from its TOML text.

    Parameters
    ----------
    text : str
        TOML, as `salvocast scenarios new` writes it.
    file_name : str
        For errors, and what a relative `based_on` is relative to.
    on_files : bool
        Whether it may be based on a file. A text from elsewhere must not: it names a bundled scenario, or none.

    Returns
    -------
    ProductionScenario

    Raises
    ------
    InputError
        As of `load_scenario`.
    """
    return _parsed(_tables_of(text, file_name, (), on_files), file_name)


_TABLES: Any = {
    "head": "scenario",
    "rows": ("facility", "event", "theatre", "source"),
    "single": ("stock", "output_ratio"),
}
_HEAD_KEYS = ("name", "title", "as_of", "about", "based_on", "unannounced_growth")


def _parsed(stated: dict[str, Any], file_name: str) -> ProductionScenario:
    given = {
        **stated.get("scenario", {}),
        **{name: stated[name] for name in _TABLES["single"] if name in stated},
        "facilities": tuple(stated.get("facility", [])),
        "events": tuple(stated.get("event", [])),
        "theatres": tuple(stated.get("theatre", [])),
        "sources": tuple(stated.get("source", [])),
    }
    try:
        return ProductionScenario.model_validate(given)
    except ValidationError as error:
        raise input_error(error, ProductionScenario, given, file_name, "scenario") from error


def scenario_text(name_or_file: str) -> str:
    """The TOML text of a scenario as it stands in its file. Raises InputError where there is none."""
    if name_or_file.endswith(".toml"):
        return read_stated(Path(name_or_file))
    if name_or_file not in bundled_scenarios():
        if Path(name_or_file).exists():
            raise InputError(f"scenario file {name_or_file}: expected a TOML file with a name that ends in .toml")
        unknown = unknown_name("scenario", name_or_file, bundled_scenarios())
        raise InputError(f"{unknown.text}; or name a file ending in .toml", field="scenario", **unknown.values)
    file = resources.files("features.bundled.scenarios").joinpath(f"{name_or_file}.toml")
    return file.read_text(encoding="utf-8")


def standalone_text(file: str) -> str:
    """The TOML text of a planner's scenario that says the same without any other file of the planner's.

    Raises InputError as `load_scenario` does.
    """
    text = scenario_text(file)
    tables = _tables_of(text, file, ())
    _parsed(tables, file)
    if tables["scenario"].get("based_on") in (None, *bundled_scenarios()):
        return text
    del tables["scenario"]["based_on"]
    import tomli_w

    return tomli_w.dumps(tables)


def _tables_of(text: str, file_name: str, variants: tuple[str, ...], on_files: bool = True) -> dict[str, Any]:
    """The tables of a file; those of a variant are laid over those of its base: stock by key, rows by id; rows of its
    own are added. variants: the files that led here. on_files: see `parse_scenario`."""
    stated = parse_tables(text, file_name, **_TABLES)
    if unknown := sorted(set(stated["scenario"]) - set(_HEAD_KEYS)):
        raise one_line(f"{file_name}: scenario: {unknown_name('key', unknown[0], _HEAD_KEYS)}")
    own = {name: _by_id(stated.get(name, []), name, file_name) for name in _TABLES["rows"]}
    base_name = stated["scenario"].get("based_on")
    if not isinstance(base_name, str):
        return stated
    if not on_files and base_name not in bundled_scenarios():
        raise one_line(f"{file_name}: scenario.based_on: {unknown_name('scenario', base_name, bundled_scenarios())}")
    base = _said_until(stated["scenario"].get("as_of"), _base(base_name, file_name, variants))
    merged = {**base, **stated}
    for name in ("scenario", "stock"):
        merged[name] = {**base[name], **stated.get(name, {})}
    for name in _TABLES["rows"]:
        rows = _by_id(base.get(name, []), name, base_name)
        merged[name] = [*({key: _laid_over(row, own[name].pop(key, {})) for key, row in rows.items()}).values()]
        merged[name] += own[name].values()
    return merged


def _base(base_name: str, file_name: str, variants: tuple[str, ...]) -> dict[str, Any]:
    """The tables of the scenario that a file is based on, which must be a good one by itself."""
    if base_name.endswith(".toml"):
        base_name = str(Path(file_name).parent / base_name)
    try:
        text = scenario_text(base_name)
    except InputError as error:
        raise one_line(f"{file_name}: scenario.based_on: {error}") from error
    variants = (*variants, _identity(file_name))
    if _identity(base_name) in variants:
        raise one_line(
            f"{file_name}: scenario.based_on: {base_name} goes in a circle: expected a scenario that stands on its own"
        )
    try:
        base = _tables_of(text, base_name, variants)
        _parsed(base, base_name)
    except InputError as error:
        raise one_line(f"{error} ({file_name} is based on it)") from error
    return base


def _said_until(as_of: object, tables: dict[str, Any]) -> dict[str, Any]:
    """The tables of a base without what was published after the day as of which its variant is: a file means the same
    when newer statements come to be bundled."""
    sources = [row for row in tables.get("source", []) if isinstance(row, dict)]
    later = {row["id"] for row in sources if isinstance(as_of, date) and row["date"] > as_of}

    def until(value: Any) -> Any:
        if isinstance(value, list):
            return [until(each) for each in value if not (isinstance(each, dict) and rests_on_later(each))]
        return {key: until(each) for key, each in value.items()} if isinstance(value, dict) else value

    def rests_on_later(row: dict[str, Any]) -> bool:
        tables_of_row = [row, *(each for each in row.values() if isinstance(each, dict))]
        cited = (
            {row.get("id")} if row in sources else {key for each in tables_of_row for key in each.get("sources", ())}
        )
        return not later.isdisjoint(cited)

    kept: dict[str, Any] = until(tables) if later else tables
    return kept


def _identity(name_or_file: str) -> str:
    """One name for each file, however it is reached."""
    return str(Path(name_or_file).resolve()) if name_or_file.endswith(".toml") else name_or_file


def _by_id(rows: Sequence[Any], name: str, file_name: str) -> dict[tuple[object, ...], Any]:
    """The rows by what makes a row of a variant the same as one of its base: its id, and a theatre's facility.

    A row without an id stays, to be told with all that is wrong with it. Raises InputError where two are the same.
    """
    found: dict[tuple[object, ...], Any] = {}
    for number, row in enumerate(rows):
        key: tuple[object, ...] = (number,)
        if isinstance(row, dict) and isinstance(row.get("id"), str):
            facility = row.get("facility") if name == "theatre" else None
            key = (row["id"], facility if isinstance(facility, str) else None)
        if key in found:
            of = f" of {key[1] or 'everything'}" if name == "theatre" else ""
            raise one_line(f"{file_name}: {name} {key[0]}{of} is stated twice")
        found[key] = row
    return found


def _laid_over(row: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A variant's row over its base's; an event of another kind replaces it."""
    return {**row, **own} if own.get("kind", row.get("kind")) == row.get("kind") else own


def _kind(part: Stated) -> str:
    return "theatre" if isinstance(part, TheatreShares) else "event"
