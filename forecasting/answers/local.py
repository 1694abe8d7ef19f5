"""Answers on this machine, for a command, the schedule or a notebook: by its ledger, its registry and its clock."""

from datetime import UTC, date, datetime

from features.ledger import Ledger
from features.records import KYIV
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import CHAMPION, ForecastRequest
from forecasting.registry import Champion, cached_model, serving_model
from forecasting.registry.learned import remembered


def local_answering(ledger: Ledger) -> Answerer:
    """Answers from the ledger and the models that this machine keeps, as of today."""
    return Answerer(ledger, cached_model, lambda: datetime.now(UTC).date(), remembered)


def local_context(request: ForecastRequest) -> AnswerContext:
    """What a single answer rests on now. Raises SalvocastError where it is not known which model serves.

    The registry is asked only for a request of the champion; see `forecasting.registry.serving_model`.
    """
    if request.model != CHAMPION:
        return AnswerContext(asked_on=kyiv_today())
    found = serving_model(request.theatre, request.weapon_class)
    return AnswerContext(champion=Champion.of(found) if found else None, asked_on=kyiv_today())


def kyiv_today() -> date:
    """The attack day that is being counted now."""
    return datetime.now(KYIV).date()
