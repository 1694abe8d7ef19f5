"""A stated defence as text for a terminal, and what in it a planner should see before relying on a plan."""

from collections.abc import Iterable
from datetime import date

from features.stated import SourcedRange, tables
from forecasting.defence.comparison import Difference
from forecasting.defence.layers import NIGHT_HOURS, Defence, DefenceLayer
from forecasting.report.layout import ENGLISH, table, terminal_text, wrap_line
from forecasting.report.stated import sources_text, stated_text

OLD_DAYS = 365
"""Older than that on the day of the file, a source speaks of other drones and of other numbers of them."""


def defence_text(defence: Defence) -> str:
    """What a defence says: its paragraph, its layers in order of engagement, each number, and the sources."""
    return terminal_text(
        [
            f"{defence.name}: {defence.title}",
            f"as of {defence.as_of}; theatre: {defence.theatre}",
            "",
            wrap_line(" ".join(defence.about.split())),
            "",
            "LAYERS, in order of engagement",
            *table(
                ["layer", "name", "interceptor", "doctrine", "works", "reviewed every", "minimum stock"],
                [_layer_cells(layer) for layer in defence.layers],
                left=(0, 1, 2, 3, 4),
                fold=False,
            ),
            "",
            *[f"kind of armed drone: {kind.id}, {kind.name}" for kind in defence.kinds],
            *[
                f"{layer.id} meets, first to last: {', '.join(layer.classes)}"
                for layer in defence.layers
                if layer.meets
            ],
            *_waves(defence),
            "",
            *stated_text(defence),
            *sources_text(defence.sources),
        ],
        fold=False,  # a number stands beside its sources, and an address is whole
    )


def _layer_cells(layer: DefenceLayer) -> list[str]:
    doctrine = "one shot" if layer.salvo_of == 1 else f"salvo of {layer.salvo_of}"
    if layer.rounds > 1:
        doctrine += f", up to {layer.rounds} rounds"
    has_stock = layer.interceptor is not None
    return [
        layer.id,
        layer.name,
        layer.interceptor or "-",
        doctrine,
        layer.works,
        "-" if layer.review_days is None else f"{layer.review_days} days",
        ENGLISH.figure(layer.minimum_stock) if has_stock else "-",
    ]


def _waves(defence: Defence) -> list[str]:
    if not defence.waves:
        return [f"The drones of a night come evenly over {NIGHT_HOURS:g} hours."]
    rows = [
        [ENGLISH.percent(each.share), ENGLISH.figure(each.hours), " ".join(each.sources), each.note]
        for each in defence.waves
    ]
    return ["WAVES of a night", *table(["share", "hours", "sources", "note"], rows, left=(2, 3), fold=False)]


def differences_text(found: Iterable[Difference], what: str) -> str:
    """What one defence does more or less than another, as a table."""
    rows = [
        [
            each.name,
            *(_number_text(number) for number in (each.before, each.after)),
            ("+" if each.change > 0 else "") + _number_text(each.change),
            _number_text(each.standard_error),
            "noise" if each.noise and each.change else "",
        ]
        for each in found
    ]
    header = [what, "A", "B", "B less A", "standard error", ""]
    same = "The same salvos and random numbers; a change within two standard errors of none is called noise."
    return "\n".join([*table(header, rows, left=(0, 5)), wrap_line(same)])


def _number_text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.1f}"


def check_text(defence: Defence, today: date) -> str:
    """That a defence is well stated, and a line for each thing that its planner should look at."""
    n_stocks = len(_layers_with_stock(defence))
    return terminal_text(
        [
            f"{defence.name}: well stated; {len(defence.layers)} layers, {n_stocks} of them with a stock",
            *(wrap_line(f"warning: {warning}") for warning in cautions(defence, today)),
        ]
    )


def cautions(defence: Defence, today: date) -> list[str]:
    """What is well stated and may still mislead: a line each, with what to do about it."""
    stocked, idle = _layers_with_stock(defence), _idle(defence)
    cited = {name for _, stated in tables(defence) for name in getattr(stated, "sources", ())}
    found = (
        (
            f"assumed, not counted, is the stock of {{}}: put in what is in hand on {defence.as_of}",
            _ids(each for each in stocked if each.stock is not None and each.stock.basis == "assumed"),
        ),
        (
            "no lead_time_days for {}: an order is taken to be in hand on the first day",
            _ids(each for each in stocked if each.lead_time_days is None),
        ),
        (
            "no layer ever kills a drone, so that a plan lets all of them through: {}"
            if len(idle) == len(defence.layers)
            else "never kills a drone, so that it does nothing: {}",
            [f"{name} ({reason})" for name, reason in idle.items()],
        ),
        (
            "on some paths a night has no room for one salvo in {}: salvo_of is above the low engagements_per_night",
            _ids(each for each in defence.layers if _short_of_a_salvo(each)),
        ),
        ("out of the ordinary, so look at the unit: {}", list(_unusual(defence))),
        (
            f"more than a year older than {defence.as_of} is all that {{}} rests on: see whether it still holds",
            _outdated_sources(defence),
        ),
        (
            f"published after {defence.as_of}, the file's as_of, is {{}}: a plan of that day could not know it",
            [f"{source.id} ({source.date})" for source in defence.sources if source.date > defence.as_of],
        ),
        (
            "no number names the source {}: leave it out, or name it where it belongs",
            [source.id for source in defence.sources if source.id not in cited],
        ),
        (
            f"as_of is {{}}, after today, {today}: put in the day on which the numbers were drawn up",
            [str(defence.as_of)] if defence.as_of > today else [],
        ),
    )
    return [text.format(", ".join(concerned)) for text, concerned in found if concerned]


USUAL = {
    "kill_probability": (0.02, 1.0, "a share"),
    "engagements_per_night": (1.0, 5_000.0, "attempts a night"),
    "fire_channels": (1.0, 500.0, "channels"),
    "service_minutes": (0.05, 240.0, "minutes"),
    "interceptors_per_engagement": (1.0, 500.0, "interceptors"),
    "stock": (0.0, 5_000_000.0, "interceptors"),
    "monthly_supply": (0.0, 1_000_000.0, "interceptors a month"),
    "monthly_supply_later": (0.0, 1_000_000.0, "interceptors a month"),
    "ramp_months": (0.0, 120.0, "months"),
    "unit_cost_usd": (0.5, 20_000_000.0, "US dollars each"),
    "lead_time_days": (0.0, 1_500.0, "days"),
    "warhead_kg": (2.0, 500.0, "kilograms"),
}
"""Quantity -> low and high of what is ordinary, and its unit: a number beyond is rather of another unit."""


def _unusual(defence: Defence) -> Iterable[str]:
    """The modes beyond what is ordinary: where, the number, and what it would have to be."""
    for where, stated in tables(defence):
        quantity = where.rpartition(".")[2]
        if not isinstance(stated, SourcedRange) or quantity not in USUAL or ".against." in where:
            continue
        (low, high, unit), figure = USUAL[quantity], ENGLISH.figure
        if stated.high > 0 and not low <= stated.mode <= high:
            yield f"{where} of {figure(stated.mode)} ({unit}, mostly {figure(low)} to {figure(high)})"


def _idle(defence: Defence) -> dict[str, str]:
    """Layer -> why it can never kill a drone, whatever is drawn; but for those that kill something else."""
    daylight = defence.daylight_share
    found = {}
    for layer in defence.layers:
        if any(met.engaged_share.high > 0 and met.kill_probability.high > 0 for met in layer.meets.values()):
            continue
        by_day, by_night = layer.works == "day", layer.works == "night"
        capacity = layer.engagements_per_night or layer.fire_channels
        reasons = {
            "engaged_share is 0": layer.engaged_share.high == 0,
            "kill_probability is 0": layer.kill_probability.high == 0,
            "weather_share is 0": layer.weather_share is not None and layer.weather_share.high == 0,
            "no drone comes by day": by_day and daylight is not None and daylight.high == 0,
            "every drone comes by day": by_night and daylight is not None and daylight.low == 1,
            "its capacity is 0": capacity is not None and capacity.high < 0.5,
            "neither stock nor supply": layer.interceptor is not None and not _ever_supplied(layer),
        }
        if told := [reason for reason, true in reasons.items() if true]:
            found[layer.id] = told[0]
    return found


def _short_of_a_salvo(layer: DefenceLayer) -> bool:
    capacity = layer.engagements_per_night
    return capacity is not None and capacity.low < layer.salvo_of <= capacity.high


def _layers_with_stock(defence: Defence) -> list[DefenceLayer]:
    return [layer for layer in defence.layers if layer.interceptor is not None]


def _ever_supplied(layer: DefenceLayer) -> bool:
    ever = any(
        stated is not None and stated.high > 0
        for stated in (layer.stock, layer.monthly_supply, layer.monthly_supply_later)
    )
    return ever and (layer.available_share is None or layer.available_share.high > 0)


def _ids(layers: Iterable[DefenceLayer]) -> list[str]:
    return [layer.id for layer in layers]


def _outdated_sources(defence: Defence) -> list[str]:
    """What names sources, and only old ones: where it stands, with the day of the newest."""
    published = {source.id: source.date for source in defence.sources}
    newest = [
        (where, max(published[name] for name in names))
        for where, stated in tables(defence)
        if (names := getattr(stated, "sources", ()))
    ]
    return [f"{where} ({day})" for where, day in newest if (defence.as_of - day).days > OLD_DAYS]
