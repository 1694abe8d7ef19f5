"""Answers on this machine, for a command, the schedule or a notebook: by its ledger, its registry and its clock."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from features.ledger import Ledger
from features.records import KYIV
from features.release import bundled_digest, computed_by, module_digest
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import CHAMPION, ForecastRequest
from forecasting.registry import Champion, cached_model, serving_model
from forecasting.registry.learned import remembered
from forecasting.report.document import document_json
from forecasting.report.reading import read_document
from forecasting.salvos.model import BUNDLED_MODELS, MODELS

if TYPE_CHECKING:  # loaded where something has to be computed
    from forecasting.answers.answering import Answerer
    from forecasting.report.published import Published


def local_answering(ledger: Ledger) -> "Answerer":
    """Answers from the ledger and the models that this machine keeps, as of today."""
    from forecasting.answers.answering import Answerer

    return Answerer(ledger, cached_model, lambda: datetime.now(UTC).date(), remembered)


def local_document(
    ledger: Ledger, request: ForecastRequest, context: AnswerContext, on_paths: Callable[[int], object] | None = None
) -> "Published":
    """The document that a request asks for; as it was computed before, where all that it rests on is the same.

    on_paths: see `Answerer.document`. Raises as that does.
    """

    def make() -> bytes:
        return document_json(local_answering(ledger).document(request, context, on_paths))

    return read_document(remembered(answer_key(ledger, request, context), make))


def answer_key(ledger: Ledger, request: ForecastRequest, context: AnswerContext) -> str:
    """SHA-256 of all that a document depends on: request and context, the ledger, the bundled facts, and the code with
    its libraries and with models of other packages."""
    others = [
        (name, place, module_digest(place.partition(":")[0]))
        for name, place in MODELS.items()
        if BUNDLED_MODELS.get(name) != place
    ]
    told = ("answer", request.kind, request.canonical, context, ledger.digest, bundled_digest(), computed_by(), others)
    return hashlib.sha256(repr(told).encode()).hexdigest()


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
