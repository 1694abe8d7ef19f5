"""What the computing processes of the pool do. Each keeps what it has learned from the record."""

import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from features.home import ledger_url
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import ForecastRequest
from forecasting.report.document import document_json
from forecasting.service.workers.live import LiveLedger

if TYPE_CHECKING:
    from forecasting.answers.answering import Answerer

Result = TypeVar("Result")

_answering: "Answerer | None" = None


def begin() -> None:
    """Opens the ledger; the first thing that a process does."""
    global _answering
    gc.enable()  # it was not, in the process that this one is forked from
    from forecasting.answers.local import local_answering

    _answering = local_answering(LiveLedger.open(ledger_url()))


def current_answerer() -> "Answerer":
    """Of this process, which has begun."""
    assert _answering is not None
    return _answering


def answer_json(request: ForecastRequest, context: AnswerContext) -> tuple[bytes, float]:
    """The document that a request asks for, as JSON, and the seconds that it took."""
    began = time.perf_counter()
    return document_json(current_answerer().document(request, context)), time.perf_counter() - began


def with_answering(function: Callable[..., Result], *arguments: Any) -> Result:
    """What a function of another module gives for the `Answering` of this process and the arguments."""
    return function(current_answerer(), *arguments)
