"""What a computing process does before its first job, so that the first reader waits no longer than the next."""

from forecasting.report.document import document_json
from forecasting.request import PlanRequest
from forecasting.service import work
from forecasting.service.answering import Known
from forecasting.service.page import drawn, written
from forecasting.service.page_link import asked


def warmed(known: Known) -> None:
    """Learns what the plan that a reader sees first needs, and writes and draws it, so that all of it is loaded."""
    answering, request = work.answering(), PlanRequest(paths=100)
    document = document_json(answering.document(request, known))
    written(answering, known, asked([]), "en", [document], None, None, None)
    look = {"theme": "light", "language": "en", "narrow": False}
    drawn(answering, known, request, [document], None, "forecast", "svg", look)
