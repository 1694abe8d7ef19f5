"""The pictures of the page: their addresses, the variants for theme, width and print, and what they show in words."""

from collections.abc import Callable
from dataclasses import replace

from features.history import LaunchHistory
from forecasting.record.track_record import TrackRecord
from forecasting.report.document import PlanDocument
from forecasting.report.language import translator
from forecasting.service.page.link import PageQuery

NARROW = "(max-width: 600px)"
PictureUrl = Callable[..., str]


def picture_urls(asked: PageQuery, pinned: PageQuery, language: str) -> PictureUrl:
    """url(name, theme, narrow, suffix="svg"): the address of a picture of the plan that is asked for.

    pinned: the same with its origin.
    """

    def url(name: str, theme: str, narrow: bool, suffix: str = "svg") -> str:
        # How good the model has been is asked for as the page asks for it: what was computed for one is there for both.
        of = asked if name == "track_record" else pinned
        query = replace(of, lang=language, theme=theme, compare=asked.compare if name == "comparison" else "").query
        return f"/picture/{name}.{suffix}?{query}{'&narrow=1' if narrow else ''}"

    return url


def picture_sources(theme: str) -> list[tuple[str, str, bool]]:
    """(media query, theme, narrow) of the variants of a picture, the first that fits; a chosen theme is kept to."""
    if theme:
        return [("print", "light", False), (NARROW, theme, True)]
    dark = "(prefers-color-scheme: dark)"
    return [
        ("print", "light", False),
        (f"{NARROW} and {dark}", "dark", True),
        (NARROW, "light", True),
        (dark, "dark", False),
    ]


def picture_alts(
    plan: PlanDocument,
    other: PlanDocument | None,
    past: LaunchHistory,
    record: TrackRecord | None,
    language: str,
) -> dict[str, str]:
    """Picture -> what it shows, in words."""
    from forecasting.report import picture_words as words
    from forecasting.report.frontier_picture import describe_frontier

    alts = {
        "forecast": words.describe_forecast(plan, past, language=language),
        "stock_out": words.describe_stock_out(plan, language=language),
        "largest_day": words.describe_largest_day(plan, past, language=language),
        "calibration": words.describe_calibration(plan, language=language),
        "supply": words.describe_supply(plan, language=language),
    }
    if plan.order_worth:
        alts["frontier"] = describe_frontier(plan, language=language)
    if other:
        alts["comparison"] = words.describe_comparison(plan, other, past, language=language)
    alts["track_record"] = translator(language)("Forecasts of the last 90 days against what came")
    if record:
        alts["track_record"] = words.describe_track_record(record, language=language)
    return alts
