"""`salvocast forecast` and `salvocast plan`: a request from the options, its document to a file or the terminal."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.files import write_or_print
from features.opening import open_ledger
from forecasting.commands.options import TABLE, FormatOption, LanguageOption, OutOption, PlotOption, check_files, draw
from forecasting.report.forms import FORMS
from forecasting.report.language import ENGLISH, translator

if TYPE_CHECKING:
    from features.history import LaunchHistory
    from forecasting.answers.context import AnswerContext
    from forecasting.answers.request import ForecastRequest
    from forecasting.report.document import ForecastDocument, PlanDocument


IssueOption = Annotated[
    bool,
    typer.Option("--issue", help="Keep it in the archive of issued forecasts: `salvocast scoreboard` will score it."),
]


def answer_command(
    context: typer.Context,
    output: FormatOption = TABLE,
    out: OutOption = None,
    plot: PlotOption = None,
    language: LanguageOption = ENGLISH,
    issued: IssueOption = False,
) -> None:
    """Answers the request that `RequestCommand` has made of the options, whether for a forecast or a plan."""
    from tqdm import tqdm

    from forecasting.answers.local import local_answering, local_context
    from forecasting.report.document import ForecastDocument, PlanDocument

    request: ForecastRequest = context.obj
    translator(language)  # refuses an unknown one before the work
    check_files(output, out, plot)
    with open_ledger() as ledger:
        answering, learned = local_answering(ledger), local_context(request)
        # Only a plan that takes a while shows the bar.
        with tqdm(total=request.paths, desc="paths", disable=None, delay=1.5, leave=False) as bar:
            document = answering.document(request, learned, bar.update)
        assert isinstance(document, ForecastDocument | PlanDocument)  # neither command asks for another
        if plot:
            _draw(document, answering.history(request, learned), plot, language)
    if issued:
        _issue(document, request, learned)
    write_or_print(FORMS[output].write(document, language), out)


def _draw(document: "ForecastDocument | PlanDocument", past: "LaunchHistory", plot: Path, language: str) -> None:
    from forecasting.report.document import ForecastDocument
    from forecasting.report.pictures import forecast_picture, plan_picture

    t = translator(language, plain=True)
    if isinstance(document, ForecastDocument):
        figure = forecast_picture(document, past, language=language)
        draw(figure, plot, t("Salvocast forecast as of {day}", day=document.origin), language)
    else:
        figure = plan_picture(document, past, language=language)
        draw(figure, plot, t("Salvocast plan as of {day}", day=document.forecast.origin), language)


def _issue(document: "ForecastDocument | PlanDocument", request: "ForecastRequest", context: "AnswerContext") -> None:
    """Keeps the document as `--format json` writes it, with the request that it answers; tells its id on stderr."""
    from features.home import ledger_url
    from forecasting.record.archive import Archive, Channel
    from forecasting.report.document import document_json

    with Archive.open(ledger_url()) as archive:
        identity = archive.issue(
            document_json(document),
            request=request.canonical,
            channel=Channel.CLI,
            model_version=context.model_version,
            issued_at=datetime.now(UTC),
        )
    print(f"issued as {identity}", file=sys.stderr)
