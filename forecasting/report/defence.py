"""A stated defence as text for a terminal, and what in it a planner should see before relying on a plan."""

from collections.abc import Iterable
from datetime import date

from features.stated import tables
from forecasting.defence.layers import NIGHT_HOURS, Defence, DefenceLayer
from forecasting.report.layout import ENGLISH, table, terminal_text, wrapped
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
            wrapped(" ".join(defence.about.split())),
            "",
            "LAYERS, in order of engagement",
            *table(
                ["layer", "name", "interceptor", "doctrine", "works", "reviewed every", "minimum stock"],
                [_layer_cells(layer) for layer in defence.layers],
                left=(0, 1, 2, 3, 4),
            ),
            "",
            *_waves(defence),
            "",
            *stated_text(defence),
            *sources_text(defence.sources),
        ]
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
    return ["WAVES of a night", *table(["share", "hours", "sources", "note"], rows, left=(2, 3))]


def check_text(defence: Defence, today: date) -> str:
    """That a defence is well stated, and a line for each thing that its planner should look at."""
    n_stocks = len(_stocked(defence))
    return terminal_text(
        [
            f"{defence.name}: well stated; {len(defence.layers)} layers, {n_stocks} of them with a stock",
            *(wrapped(f"warning: {warning}") for warning in cautions(defence, today)),
        ]
    )


def cautions(defence: Defence, today: date) -> list[str]:
    """What is well stated and may still mislead: a line each, with what to do about it."""
    stocked = _stocked(defence)
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
            "neither stock nor supply in {}: it never fires",
            _ids(each for each in stocked if not _ever_supplied(each)),
        ),
        (
            f"more than a year older than {defence.as_of} is all that {{}} rests on: see whether it still holds",
            _outdated(defence),
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


def _stocked(defence: Defence) -> list[DefenceLayer]:
    return [layer for layer in defence.layers if layer.interceptor is not None]


def _ever_supplied(layer: DefenceLayer) -> bool:
    return any(stated is not None and stated.high > 0 for stated in (layer.stock, layer.monthly_supply))


def _ids(layers: Iterable[DefenceLayer]) -> list[str]:
    return [layer.id for layer in layers]


def _outdated(defence: Defence) -> list[str]:
    """What names sources, and only old ones: where it stands, with the day of the newest."""
    published = {source.id: source.date for source in defence.sources}
    newest = [
        (where, max(published[name] for name in names))
        for where, stated in tables(defence)
        if (names := getattr(stated, "sources", ()))
    ]
    return [f"{where} ({day})" for where, day in newest if (defence.as_of - day).days > OLD_DAYS]
