"""What a computing process does before anybody asks, so that the first reader waits no longer than the next.

What computes and draws is loaded where this runs: the server itself names these functions, and calls none.
"""

from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.service.workers import work

SEEN_FIRST = PlanRequest(paths=100)
"""The plan that a reader sees first, small."""


def learn(context: AnswerContext) -> None:
    """Learns what plans rest on: from then on the first takes hardly longer than the next."""
    answering = work.current_answerer()
    answering.calibrated(SEEN_FIRST, context)
    answering.prepared(SEEN_FIRST, context)


def _load_pictures(_: AnswerContext) -> None:
    from forecasting.report import pictures  # noqa: F401 -- with Matplotlib


def _load_page(_: AnswerContext) -> None:
    from features.scenarios import bundled_scenarios
    from forecasting.answers.scenarios import bundled_scenario
    from forecasting.service.page import routes  # noqa: F401

    for name in bundled_scenarios():
        bundled_scenario(name)


def _load_templates(_: AnswerContext) -> None:
    from forecasting.service.page.view import compile_templates

    compile_templates()


def _write_page(context: AnswerContext) -> None:
    from forecasting.report.document import document_json
    from forecasting.service.page.link import parse_query
    from forecasting.service.page.routes import picture_file, plan_page_html

    answering = work.current_answerer()
    document = document_json(answering.document(SEEN_FIRST, context))
    plan_page_html(answering, context, parse_query([]), "en", [document], None, None, None, None)
    look = {"theme": "light", "language": "en", "narrow": False}
    picture_file(answering, context, SEEN_FIRST, [document], None, "forecast", "svg", look)


LOADS = (_load_pictures, _load_page, _load_templates, _write_page)
"""What the page of a plan needs beside the plan."""
