"""What a computing process does before its first job, so that the first reader waits no longer than the next."""

from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.report.document import document_json
from forecasting.service.page.link import asked
from forecasting.service.page.routes import drawn, written
from forecasting.service.workers import work


def warmed(context: AnswerContext) -> None:
    """Learns what the plan that a reader sees first needs, and writes and draws it, so that all of it is loaded."""
    answering, request = work.answering(), PlanRequest(paths=100)
    document = document_json(answering.document(request, context))
    written(answering, context, asked([]), "en", [document], None, None, None)
    look = {"theme": "light", "language": "en", "narrow": False}
    drawn(answering, context, request, [document], None, "forecast", "svg", look)
