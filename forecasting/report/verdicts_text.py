"""The verdicts of past months for a terminal, and as tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecasting.report.layout import ENGLISH, table, terminal_text, wrap_line
from forecasting.report.verdicts_document import MonthVerdict, VerdictsDocument
from forecasting.report.words import Words

if TYPE_CHECKING:
    import pandas as pd

SHORT = {
    "record_allows": "allowed",
    "record_allows_at_edge": "allowed at the edge",
    "record_exceeds_supply": "NOT allowed: too little",
    "supply_exceeds_record": "NOT allowed: too much",
}
"""Code of a verdict -> what a row of the table says of it."""


def verdicts_text(document: VerdictsDocument) -> str:
    """A row per month, and the last verdict in full."""
    last, words = document.months[-1], Words(ENGLISH)
    allowed = sum(month.compatible for month in document.months)
    head = (
        f"WHAT THE RECORD SAID OF SCENARIO {document.scenario}: {document.title}, theatre {document.theatre}, at the "
        f"end of each month since {document.known_from}, by what was published until then; as stated, it was allowed "
        f"in {allowed} of {len(document.months)} months"
    )
    held = (
        "could have made it: share of the draws, as stated, that could have made all launches on record. stated / "
        "launched: on the known days of the last year (median draw). true / stated: output, as the record has it. What "
        "is assumed without a source counts from the beginning."
    )
    header = ["month until", "could have made it", "stated / launched", "true / stated (90 %)", "as stated"]
    return terminal_text(
        [
            wrap_line(head),
            "",
            *table(header, [_row(month) for month in document.months], left=(0, 4)),
            "",
            wrap_line(held),
            wrap_line(f"{last.origin}: {words.sentence(last.verdict)}"),
        ]
    )


def _row(month: MonthVerdict) -> list[str]:
    ratio = month.output_ratio
    return [
        str(month.origin),
        f"{month.share:.1%}",
        f"{month.stated_over_launched:.2f}",
        f"{ratio.p50:.2f} ({ratio.p5:.2f}-{ratio.p95:.2f})",
        SHORT[month.verdict.code],
    ]


def verdicts_tables(document: VerdictsDocument) -> "Mapping[str, pd.DataFrame]":
    """Table name -> frame: what it rests on, and a row per month with the verdict in words."""
    import pandas as pd

    dates = ("origin", "as_of", "known_from")
    told = {name: value for name, value in document if isinstance(value, str | int | float) or name in dates}
    told |= {f"version_{name}": number for name, number in document.versions.items()}
    words = Words(ENGLISH)
    rows = [
        month.model_dump(include={"origin", "compatible", "share", "stated_over_launched"})
        | {f"output_ratio_{name}": value for name, value in month.output_ratio}
        | {"verdict": words(month.verdict)}
        for month in document.months
    ]
    return {
        "about": pd.DataFrame({"what": told.keys(), "value": [str(value) for value in told.values()]}),
        "verdicts": pd.DataFrame(rows),
    }
