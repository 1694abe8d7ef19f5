"""The count of a stock, as the page's form states it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from features.errors import InputError
from features.sources.counts import CountRow
from features.typed import typed_count
from forecasting.answers.counting import count_stocks
from forecasting.answers.defences import stated_defence
from forecasting.answers.request import PlanRequest
from forecasting.service.page.link import plain_day

if TYPE_CHECKING:
    from forecasting.answers.answering import Answerer


def keep_count(answering: "Answerer", request: PlanRequest, form: Mapping[str, str]) -> None:
    """Keeps the count that a form states. Raises InputError where it is none."""
    day = form.get("count.on", "").strip()
    try:
        counted_on = date.fromisoformat(plain_day(day))
    except ValueError as error:
        raise InputError("'{given}': expected a date such as 2026-02-28", given=day) from error
    row = CountRow(
        "",
        form.get("count.layer", "").strip(),
        typed_count(form.get("count.quantity", "")),
        counted_on,
        None,
        form.get("count.source", "").strip(),
    )
    count_stocks(
        answering.ledger,
        stated_defence(request.defence),
        [row],
        datetime.now(UTC),
        correct=form.get("count.correct") == "1",
    )
