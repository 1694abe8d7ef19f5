"""What a computing process does before its first job, so that the first reader waits no longer than the next."""

from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.report.document import document_json
from forecasting.service.page.link import parse_query
from forecasting.service.page.routes import picture_file, plan_page_html
from forecasting.service.workers import work


def warm_up(context: AnswerContext) -> None:
    """Learns what the plan that a reader sees first needs, and writes and draws it, so that all of it is loaded."""
    answering, request = work.current_answerer(), PlanRequest(paths=100)
    document = document_json(answering.document(request, context))
    plan_page_html(answering, context, parse_query([]), "en", [document], None, None, None, None)
    look = {"theme": "light", "language": "en", "narrow": False}
    picture_file(answering, context, request, [document], None, "forecast", "svg", look)
