"""A scenario from short settings, such as `alabuga.capacity=2000..5000@2026-09-01`: its file, with what it means.

A setting names a facility, or the stock, what of it is assumed, a number or a range, and the day from which it holds.
All else is an assumption of this file, marked so, with a range that a planner may narrow.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from typing import Any

from features.errors import InputError, unknown_name
from features.scenarios import DAYS_PER_MONTH, ProductionScenario, load_scenario, parse_scenario
from features.stated import SourcedRange

PER_ROOM = 4
"""Workers to a room, as the dormitories are reported to be built."""
MAIN = "facility"
"""In place of the name of a facility: the largest one of the scenario that the new one is a variant of."""
STOCK = "stock"
EXAMPLE = "alabuga.capacity=2000..5000@2026-09-01"
_SETTING = re.compile(
    r"(?:(?P<of>[a-z][a-z0-9_]*)\.)?(?P<what>[a-z_]+)=(?P<range>[^@/]+)(?P<per>/[a-z]+)?(?:@(?P<day>.+))?"
)
AS_STATED = "as_stated"
"""After a setting and a comma: it counts as stated. The planner knows it."""
CERTAIN = ("capacity", "decoys", "new_line", "imports")
"""What can."""
_TIMES = {"/day": "drones_per_day", "/month": "drones_per_month", "/year": "drones_per_year"}


@dataclass(frozen=True)
class Quantity:
    """What can be set.

    Parameters
    ----------
    unit : str
        Of the number.
    words : str
        How the file tells it.
    share : bool
        Whether it is a part of a whole.
    """

    unit: str
    words: str
    share: bool = False

    @property
    def per_time(self) -> bool:
        """Whether it is of drones in a time, whose unit may be said."""
        return self.unit == "drones_per_month"


OF_FACILITY: Mapping[str, Quantity] = {
    "capacity": Quantity("drones_per_month", "the lines can make {n} armed drones {per} from {day} on"),
    "decoys": Quantity("drones_per_month", "the lines can make {n} decoys {per} from {day} on"),
    "parts": Quantity("drones_per_month", "the parts suffice for {n} drones {per} from {day} on"),
    "new_line": Quantity("drones_per_month", "a new line adds {n} armed drones {per}, growing from {day} on"),
    "workers": Quantity("workers", "{n} workers arrive on {day}"),
    "beds": Quantity("rooms", "beds for {n} by {day}, four to a room: {rooms} rooms; who finds none waits"),
    "strike": Quantity(
        "share", "a strike on {day} stops {n} of the lines, half of which is back in a month or so", True
    ),
    "sanctions": Quantity("share", "from {day} on {n} of the parts are missing, half is replaced in months", True),
}
"""Of a facility."""
OF_STOCK: Mapping[str, Quantity] = {
    "opening": Quantity("drones", "{n} drones were in store on {day}"),
    "minimum": Quantity("drones", "{n} drones are kept in store"),
    "drawdown": Quantity("days", "the store would be used up in {n} days, were nothing made any more"),
    "released": Quantity("share", "{n} of what is made goes into the store", True),
}
"""Of the store: stock.opening, ..."""
OF_ALL: Mapping[str, Quantity] = {
    "imports": Quantity("drones_per_month", "{n} armed drones {per} come ready-made from {day} on"),
    "store_strike": Quantity("drones", "a strike on a store on {day} destroys {n} drones"),
    "warhead": Quantity(
        "kg", "from {day} on a model with a warhead of {n} kg comes in, at last in half of all or more"
    ),
}
"""Of no facility."""


@dataclass(frozen=True)
class Setting:
    """One setting, read.

    Parameters
    ----------
    of : str
        A facility, `stock`, or nothing.
    what : str
        The quantity.
    numbers : tuple of float
        Low, mode and high.
    unit : str
        Of the numbers.
    day : date
        From which it holds.
    quantity : Quantity
        What is set.
    as_stated : bool
        Whether it counts as stated, whatever the record says.
    """

    of: str
    what: str
    numbers: tuple[float, float, float]
    unit: str
    day: date
    quantity: Quantity
    as_stated: bool = False

    @property
    def sentence(self) -> str:
        """What it means."""
        low, _, high = self.numbers
        ends = [f"{100 * end:,.4g} %" if self.quantity.share else f"{end:,.10g}" for end in dict.fromkeys((low, high))]
        per = f"a {self.unit.rpartition('_')[2]}"
        rooms = " to ".join(f"{end / PER_ROOM:,.10g}" for end in dict.fromkeys((low, high)))
        told = self.quantity.words.format(n=" to ".join(ends), per=per, day=self.day, rooms=rooms)
        if self.as_stated:
            told = told.replace(", growing from", " from") + ", for certain: it counts as stated"
        return f"{self.of}: {told}" if self.of else told


def parse_setting(text: str, as_of: date) -> Setting:
    """A setting from its text.

    Parameters
    ----------
    text : str
        Such as `alabuga.capacity=2000..5000@2026-09-01`; with `,as_stated` after it, it is certain.
    as_of : date
        From which it holds where it names no day.

    Returns
    -------
    Setting

    Raises
    ------
    InputError
        In a line, for what is none.

    Examples
    --------
    >>> parse_setting("alabuga.capacity=2000..5000@2026-09-01", date(2026, 3, 1)).sentence
    'alabuga: the lines can make 2,000 to 5,000 armed drones a month from 2026-09-01 on'
    """
    plain, comma, certain = text.replace(" ", "").partition(",")
    found = _SETTING.fullmatch(plain)
    if comma and certain != AS_STATED:
        raise InputError(f"--set {text[:80]}: ',{certain[:20]}': expected ,{AS_STATED}, or nothing after the day")
    if found is None:
        raise InputError(f"--set {text[:80]}: expected FACILITY.QUANTITY=NUMBER@DAY, such as {EXAMPLE}")
    of, what = found["of"] or "", found["what"]
    known = OF_STOCK if of == STOCK else OF_FACILITY if of else OF_ALL
    if what not in known:
        if not of and what in OF_FACILITY:
            raise InputError(f"--set {text[:80]}: {what} of which facility? expected such as {EXAMPLE}")
        raise InputError(f"--set {text[:80]}: {unknown_name('quantity', what, known)}")
    quantity = known[what]
    if comma and what not in CERTAIN:
        raise InputError(f"--set {text[:80]}: {what} cannot be {AS_STATED}: expected one of {', '.join(CERTAIN)}")
    if found["per"] and (found["per"] not in _TIMES or not quantity.per_time):
        raise InputError(f"--set {text[:80]}: '{found['per'][:20]}': expected /day, /month or /year of drones alone")
    numbers = _numbers(found["range"], text)
    if quantity.share and numbers[2] > 1:
        raise InputError(f"--set {text[:80]}: a share reaches {numbers[2]:g}: expected 0 to 1, such as 0.2..0.5")
    try:
        day = date.fromisoformat(found["day"]) if found["day"] else as_of
    except ValueError as error:
        raise InputError(f"--set {text[:80]}: day '{found['day'][:20]}': expected one such as 2026-09-01") from error
    return Setting(of, what, numbers, _TIMES.get(found["per"] or "", quantity.unit), day, quantity, bool(comma))


def _numbers(text: str, setting: str) -> tuple[float, float, float]:
    try:
        given = [float(part) for part in text.split("..")]
    except ValueError:
        given = []
    if not 1 <= len(given) <= 3 or any(not 0 <= number < float("inf") for number in given) or given != sorted(given):
        raise InputError(
            f"--set {setting[:80]}: '{text[:40]}': expected a number, low..high or low..mode..high, such as 2000..5000"
        )
    return given[0], (given[0] + given[-1]) / 2 if len(given) != 3 else given[1], given[-1]


def settings_text(name: str, base_name: str, settings: Sequence[Setting], as_of: date) -> str:
    """The TOML text of a variant of a scenario, with what it means in comments.

    Parameters
    ----------
    name : str
        Of the variant.
    base_name : str
        What it is a variant of: a bundled scenario, or a file. What was published after `as_of` is not in it.
    settings : sequence of Setting
        What differs.
    as_of : date
        Of the file.

    Returns
    -------
    str

    Raises
    ------
    InputError
        For a facility that looks like a slip of a known one, and for what says nothing without another, such as beds
        without workers.
    """
    base = _said_until(as_of, base_name, f"{name}.toml")
    facilities = {facility.id: facility for facility in base.facilities}
    settings = [_on_facility(each, base) for each in settings]
    says = [each.sentence for each in settings]
    lines = [
        f"# What this file says, beside what {base_name} says:",
        *(f"#   {sentence}." for sentence in says),
        "# Numbers that nobody gave are assumed: look for the notes. Every number is a range: narrow what you know.",
        f"# Try it:  salvocast scenarios check {name}.toml",
        f"#          salvocast scenarios compare {name}.toml --baseline {base_name}",
        "",
        "[scenario]",
        f"name = {_value(name)}",
        f"title = {_value('; '.join(says)[:200])}",
        f"as_of = {as_of}",
        f"based_on = {_value(base_name)}",
        f"about = {_value('. '.join(says) + '. All else is as in ' + load_scenario(base_name).name + '.')}",
    ]
    stock = [each for each in settings if each.of == STOCK]
    if stock:
        lines += ["", "[stock]", *(f"{each.what} = {_range(each, each.unit)}" for each in stock)]
    for identity in dict.fromkeys(each.of for each in settings if each.of not in ("", STOCK)):
        lines += _facility_lines(identity, facilities.get(identity), [each for each in settings if each.of == identity])
    for number, each in enumerate(settings, start=1):
        lines += _event_lines(each, number)
    return "\n".join(lines) + "\n"


def main_facility(scenario: ProductionScenario) -> str:
    """The facility whose lines can make most armed drones at last; nothing where there is none.

    Parameters
    ----------
    scenario : ProductionScenario
        Any.

    Returns
    -------
    str
        Its id.

    Examples
    --------
    >>> from features.scenarios import load_scenario
    >>> main_facility(load_scenario("published"))
    'alabuga'
    """
    making = [facility for facility in scenario.facilities if facility.armed]
    return max(making, key=lambda each: _monthly(max(each.armed, key=lambda point: point.date))).id if making else ""


def _said_until(as_of: date, base_name: str, file_name: str) -> ProductionScenario:
    """What a variant of that day has of its base where nothing is set."""
    head = {"name": "unchanged", "title": "-", "as_of": as_of, "based_on": base_name, "about": "-"}
    lines = [f"{key} = {_value(value)}" for key, value in head.items()]
    return parse_scenario("\n".join(["[scenario]", *lines]), file_name)


def _on_facility(setting: Setting, base: ProductionScenario) -> Setting:
    """The setting, of the main facility where it says `facility`; a name that is a slip of a known one is refused."""
    known = [facility.id for facility in base.facilities]
    if setting.of == MAIN and known:
        return replace(setting, of=main_facility(base))
    if setting.of not in ("", STOCK, *known) and get_close_matches(setting.of, known, cutoff=0.75):
        raise unknown_name("facility", setting.of, known)
    return setting


_LINES = {"capacity": "armed", "decoys": "decoys", "parts": "parts"}


def _facility_lines(identity: str, base: Any, settings: list[Setting]) -> list[str]:
    dated = {key: [each for each in settings if each.what == what] for what, key in _LINES.items()}
    workers, beds = ([each for each in settings if each.what == what] for what in ("workers", "beds"))
    lines = ["", "[[facility]]", f"id = {_value(identity)}"]
    if base is None:
        if not dated["armed"] and not dated["decoys"]:
            raise InputError(
                f"facility {identity} is not known: expected its capacity too, such as "
                f"--set {identity}.capacity=500..1000@2026-09-01"
            )
        first = min(each.day for each in settings)
        lines.append(f"name = {_value(identity.replace('_', ' '))}")
        certain = any(each.as_stated for each in settings)
        lines.append(f"utilisation = {_assumed(1 if certain else 0.8, 1 if certain else 0.95, 1, 'share', first)}")
    stated = {each.as_stated for each in settings if each.what in ("capacity", "decoys")}
    if stated == {True, False}:
        raise InputError(f"{identity}: {AS_STATED} is of a whole plant: expected it on each of its numbers, or on none")
    if True in stated:
        _check_all_is_certain(identity, base, dated)
        lines.append("as_stated = true")
    for key, points in dated.items():
        if points:
            first = min(each.day for each in points)
            kept = [point for point in getattr(base, key, ()) if point.date < first]
            rows = [*map(_kept, kept), *(_range(each, each.unit) for each in sorted(points, key=lambda each: each.day))]
            lines += [f"{key} = [", *(f"  {row}," for row in rows), "]"]
    if beds and not workers and getattr(base, "workforce", None) is None:
        raise InputError(
            f"{identity}.beds: no workers are stated: expected such as --set {identity}.workers=5000@2026-09-01"
        )
    if base is not None and base.workforce is None and (workers or beds):
        asked = (workers or beds)[0]
        raise InputError(
            f"{identity}.{asked.what}: who works there already is not stated, so nothing would be made before "
            f"{asked.day}: state new halls of their own, such as --set {identity}_new.capacity=3000@{asked.day} "
            f"--set {identity}_new.{asked.what}={asked.numbers[2]:.10g}@{asked.day}"
        )
    if workers or beds:
        lines += _workforce_lines(getattr(base, "workforce", None), workers, beds)
    return lines


def _check_all_is_certain(identity: str, base: Any, dated: Mapping[str, list[Setting]]) -> None:
    """Refuses a plant of the base as certain whose other numbers, which stay, are assumed."""
    for key in ("armed", "decoys"):
        first = min((each.day for each in dated[key]), default=date.max)
        kept = [point for point in getattr(base, key, ()) if point.date < first]
        if any(point.basis not in ("reported", "known") and point.high > 0 for point in kept):
            raise InputError(
                f"{identity}: {AS_STATED} is of a whole plant, and its {key} before {first} is assumed: state what is "
                f"certain as a line of its own, such as --set {identity}.new_line=1000@2026-09-01,{AS_STATED}"
            )


def _workforce_lines(base: Any, workers: list[Setting], beds: list[Setting]) -> list[str]:
    lines = ["", "[facility.workforce]"]
    first = min(each.day for each in [*workers, *beds])
    groups = [_range(each, "workers") for each in sorted(workers, key=lambda each: each.day)]
    groups = groups or [_kept(arrival) for arrival in base.arrivals]
    lines += ["arrivals = [", *(f"  {row}," for row in groups), "]"]
    if beds:
        rooms = [_range(each, "rooms", PER_ROOM) for each in sorted(beds, key=lambda each: each.day)]
        lines += ["rooms = [", *(f"  {row}," for row in rooms), "]"]
        lines += [f"occupants = {_assumed(PER_ROOM, PER_ROOM, PER_ROOM, 'workers_per_room', first)}"]
    elif base is not None and base.rooms:
        lines += ["rooms = [", *(f"  {_kept(point)}," for point in base.rooms), "]"]
        lines.append(f"occupants = {_kept(base.occupants)}")
    defaults = {
        "training": (20, 45, 90, "days"),
        "output": (0.12, 0.2, 0.4, "drones_per_worker_month"),
        "starting_output": (0.3, 0.5, 0.8, "share"),
        "learning_half_life": (30, 60, 120, "days"),
    }
    for key, (low, mode, high, unit) in defaults.items():
        stated = getattr(base, key, None)
        lines.append(f"{key} = {_kept(stated) if stated else _assumed(low, mode, high, unit, first)}")
    return lines


def _event_lines(setting: Setting, number: int) -> list[str]:
    """The event that a setting is; none for a number of a facility or of the stock."""
    day, own = setting.day, _range(setting, setting.unit)

    def made(low: float, mode: float, high: float, unit: str) -> str:
        return _assumed(low, mode, high, unit, day)

    of = [f"facility = {_value(setting.of)}"] if setting.of else []
    certain = ["as_stated = true"] * setting.as_stated
    ramp_up = f"ramp_up = {made(0, 0, 0, 'days') if setting.as_stated else made(90, 180, 365, 'days')}"
    events: Mapping[str, tuple[str, list[str]]] = {
        "new_line": ("new_line", ['line = "armed"', f"capacity = {own}", ramp_up, *certain]),
        "strike": ("facility_strike", [f"capacity_lost = {own}", f"recovery_half_life = {made(15, 30, 90, 'days')}"]),
        "sanctions": ("sanctions", [f"parts_lost = {own}", f"recovery_half_life = {made(30, 60, 180, 'days')}"]),
        "imports": ("imports", ['line = "armed"', f"rate = {own}", *certain]),
        "store_strike": ("store_strike", [f"drones_lost = {own}"]),
        "warhead": (
            "model_switch",
            [
                f"share = {made(0.5, 0.75, 1, 'share')}",
                f"ramp_up = {made(90, 180, 365, 'days')}",
                f"warhead_kg = {own}",
            ],
        ),
    }
    if setting.what not in events:
        return []
    kind, rest = events[setting.what]
    identity = f"{setting.what}_{number}"
    head = [
        f"kind = {_value(kind)}",
        f"id = {_value(identity)}",
        f"title = {_value(setting.sentence)}",
        f"date = {day}",
    ]
    return ["", "[[event]]", *head, *of, *rest]


def _range(setting: Setting, unit: str, divided_by: int = 1) -> str:
    low, mode, high = (number / divided_by for number in setting.numbers)
    numbers = {"low": low, "mode": mode, "high": high, "unit": unit}
    basis = {"basis": "known"} if setting.as_stated else {}
    return _table(numbers | _MINE | basis | {"date": setting.day, "note": "As it was set."})


_MINE = {"basis": "assumed", "sources": [], "confidence": "D"}


def _assumed(low: float, mode: float, high: float, unit: str, day: date) -> str:
    numbers = {"low": low, "mode": mode, "high": high, "unit": unit}
    return _table(numbers | _MINE | {"date": day, "note": "A guess: it was not set."})


def _kept(stated: SourcedRange) -> str:
    """A number of the base, as it stands there."""
    bound = next((name for name in ("at_least", "up_to") if getattr(stated, name) is not None), None)
    named = (bound,) if bound else ("low", "mode", "high")
    numbers = {name: getattr(stated, name) for name in named}
    rest = {name: getattr(stated, name) for name in type(stated).model_fields if name not in _NUMBERS}
    return _table(numbers | {name: value for name, value in rest.items() if value not in (None, False, "")})


_NUMBERS = {"low", "mode", "high", "at_least", "up_to"}


def _table(values: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {_value(value)}" for name, value in values.items()) + " }"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


LARGEST_STEP = 8.0
"""How far a number may be from what is known of its line; further off, another unit is looked at."""


def likely_slips(scenario: ProductionScenario, base: ProductionScenario) -> Iterable[str]:
    """A line for each number that looks like a slip, and for each facility that the base does not have.

    Parameters
    ----------
    scenario : ProductionScenario
        Well stated.
    base : ProductionScenario
        What is known, such as the published state.

    Returns
    -------
    iterable of str
    """
    known = {facility.id: facility for facility in base.facilities}
    for facility in scenario.facilities:
        if facility.id not in known:
            yield f"facility {facility.id} is not in {base.name}: a new plant, or one of {', '.join(known)}?"
        for key in ("armed", "decoys", "parts"):
            points = sorted(getattr(facility, key), key=lambda point: point.date)
            before = [_monthly(point) for point in getattr(known.get(facility.id), key, ())]
            usual = max(before, default=max(map(_monthly, points), default=0.0))
            for point in points:
                if hint := _slip(point, usual):
                    yield f"facility {facility.id}.{key} of {point.date}: {hint}"


def _monthly(point: Any) -> float:
    return float(point.mode * {"drones_per_day": DAYS_PER_MONTH, "drones_per_year": 1 / 12}.get(point.unit, 1.0))


def _slip(point: Any, usual: float) -> str:
    monthly = _monthly(point)
    said = f"{point.mode:,.10g} {point.unit.replace('drones_per_', 'a ')}"
    if (
        point.basis == "assumed"
        and point.unit == "drones_per_month"
        and 0 < monthly * LARGEST_STEP < usual <= monthly * 90
    ):
        as_days = f"{point.mode:,.10g} a day are {DAYS_PER_MONTH * point.mode:,.0f} a month"
        return f"{said}, where {usual:,.0f} a month are known: per day? {as_days}"
    if point.unit == "drones_per_day" and monthly > usual * LARGEST_STEP > 0:
        return f"{said} are {monthly:,.0f} a month, where {usual:,.0f} are known: per month?"
    return ""
