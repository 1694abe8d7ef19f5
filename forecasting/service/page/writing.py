"""A scenario written on the page: rows of a form -> the text that `salvocast scenarios new --set` writes."""

from collections.abc import Mapping, Sequence
from datetime import date

from features.errors import InputError
from features.scenario_settings import AS_STATED, OF_FACILITY, parse_setting, settings_text
from features.scenarios import PUBLISHED
from forecasting.answers.request import NO_SCENARIO, PlanRequest, Text
from forecasting.answers.scenarios import bundled_scenario
from forecasting.report.language import Translator
from forecasting.service.page.link import SET_PARTS, Query, plain_day

ROWS = 3
"""That the form shows, at least."""
NAME = "my_scenario"
Row = tuple[str, str, str, str, str]
"""Facility, quantity, range, day, and whether it is certain, as typed."""


def quantities(t: Translator) -> Mapping[str, str]:
    """What can be set -> how the form calls it."""
    return {
        "capacity": t("lines, armed drones a month"),
        "decoys": t("lines, decoys a month"),
        "parts": t("parts, for drones a month"),
        "new_line": t("a new line, armed drones a month"),
        "workers": t("workers who arrive"),
        "beds": t("beds, four to a room"),
        "strike": t("a strike: share of the lines lost"),
        "sanctions": t("sanctions: share of the parts lost"),
        "imports": t("imports, armed drones a month"),
        "store_strike": t("a strike on a store: drones lost"),
        "warhead": t("a heavier warhead, kg"),
        "stock.opening": t("store: drones in it"),
        "stock.minimum": t("store: drones kept in it"),
        "stock.drawdown": t("store: days to use it up"),
        "stock.released": t("store: share of output that goes in"),
    }


def typed_rows(query: Query) -> list[Row]:
    """The rows of the form, and empty ones to fill."""
    columns = [[value.strip() for name, value in query if name == part] for part in SET_PARTS]
    rows: list[Row] = [row for row in zip(*columns, strict=False) if row[2]]
    return rows + [("", "", "", "", "")] * max(ROWS - len(rows), 1)


def written_scenario(query: Query, request: PlanRequest, today: date) -> str:
    """The text of the scenario that the rows say, a variant of the bundled one of the request, or of the published.

    Raises InputError, in a line, where a row is wrong, or none is filled.
    """
    given = request.scenario
    base = bundled_scenario(PUBLISHED if isinstance(given, Text) or given == NO_SCENARIO else given)
    settings = [parse_setting(_setting(row), today) for row in typed_rows(query) if row[2]]
    if not settings:
        raise InputError("nothing is set: expected a number, or a range such as 2000..5000, in a row")
    return settings_text(NAME, base.name, settings, today)


def _setting(row: Sequence[str]) -> str:
    of, what, amount, day, certain = row
    where = f"{of or 'facility'}.{what}" if what in OF_FACILITY else what
    on = f"@{plain_day(day)}" if day else ""
    return f"{where}={amount.replace('–', '..')}{on}{f',{AS_STATED}' if certain else ''}"
