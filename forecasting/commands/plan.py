"""`salvocast forecast` and `salvocast plan`: a request from the options, its document to a file or the terminal."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import typer

from features.complaints import complain
from features.errors import InputError
from features.files import write_or_print
from features.opening import open_ledger
from forecasting.commands.options import (
    TABLE,
    FormatOption,
    LanguageOption,
    OutOption,
    PlotOption,
    check_files,
    draw,
    progress,
)
from forecasting.report.forms import FORMS
from forecasting.report.language import ENGLISH, translator

if TYPE_CHECKING:
    from features.history import LaunchHistory
    from forecasting.answers.answering import Answerer
    from forecasting.answers.context import AnswerContext
    from forecasting.answers.request import ForecastRequest
    from forecasting.record.archive import IssuedForecast
    from forecasting.report.document import ForecastDocument, PlanDocument


IN_ASCII = str.maketrans({"±": "+/-", "–": "-", "’": "'"})
"""The few signs of English that a terminal of the locale C cannot show."""
LONGER_IN_ASCII = 4
"""Characters that a line may become longer by: two of them at most, in a row of a table."""
FullOption = Annotated[bool, typer.Option("--full", help="All that the plan holds, in the table.")]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="last|ID|DATE", help="Also split what has changed since an issued plan into its causes."),
]
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
    full: FullOption = False,
    since: SinceOption = None,
) -> None:
    """Answers the request that `RequestCommand` has made of the options, whether for a forecast or a plan."""
    from forecasting.answers.local import local_answering, local_context, local_document
    from forecasting.report.document import ForecastDocument, PlanDocument
    from forecasting.report.layout import lines_of
    from forecasting.report.picture_words import forecast_of
    from forecasting.report.text import document_text
    from forecasting.report.words import data_age

    request: ForecastRequest = context.obj
    translator(language)  # refuses an unknown one before the work
    check_files(output, out, plot)
    if full and output != TABLE:
        raise InputError(f"--full is of the table: --format {output} holds all of the plan already")
    with open_ledger() as ledger:
        issued_plan = _issued_plan(since, request) if since is not None else None
        learned = local_context(request)
        with progress("paths", request.paths) as on_paths:
            document = local_document(ledger, request, learned, on_paths)
        assert isinstance(document, ForecastDocument | PlanDocument)  # neither command asks for another
        if plot:
            _draw(document, local_answering(ledger).history(request, learned), plot, language)
        if issued_plan:
            document = _with_changes(document, issued_plan, request, local_answering(ledger), learned)
    asked = {"request": request.canonical} | (_issue(document, request, learned) if issued else {})
    plain = out is None and output == TABLE and _is_ascii_terminal()
    with lines_of(get_terminal_size().columns - LONGER_IN_ASCII * plain):
        if full:
            content = f"{document_text(document, language)}\n".encode()
        else:
            content = FORMS[output].write(document, language, asked)
    write_or_print(content.decode().translate(IN_ASCII).encode() if plain else content, out)
    if told := data_age(forecast_of(document), translator(ENGLISH, plain=True)):
        complain(told)


def _issued_plan(since: str, request: "ForecastRequest") -> "IssuedForecast":
    """The plan to tell the changes from. Raises InputError where there is none, before the work is done."""
    from features.home import ledger_url
    from forecasting.record.archive import Archive

    if request.kind != "plan":
        raise InputError("--since is of plans: expected salvocast plan")
    with Archive.open(ledger_url()) as archive:
        return archive.plan_of(since, request.theatre, request.weapon_class)


def _with_changes(
    document: "ForecastDocument | PlanDocument",
    issued: "IssuedForecast",
    request: "ForecastRequest",
    answering: "Answerer",
    context: "AnswerContext",
) -> "PlanDocument":
    from forecasting.answers.request import PlanRequest
    from forecasting.answers.since import changes_since
    from forecasting.report.document import PlanDocument

    assert isinstance(request, PlanRequest)
    assert isinstance(document, PlanDocument)
    return document.model_copy(update={"since": changes_since(answering, context, request, document, issued)})


def _is_ascii_terminal() -> bool:
    """Whether the locale is C: Python takes that for C.UTF-8 by itself, in the environment too."""
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "C")
    return locale.partition(".")[0] in ("C", "POSIX")


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


def _issue(
    document: "ForecastDocument | PlanDocument", request: "ForecastRequest", context: "AnswerContext"
) -> dict[str, str]:
    """Keeps the document as `--format json` writes it, with the request that it answers; tells its id on stderr.

    Returns what was not known before: the id, and when it was issued.
    """
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
        issued_at = archive.get(identity).issued_at  # that of its first issue
    print(f"issued as {identity}", file=sys.stderr)
    return {"issued_as": identity, "issued_at": issued_at.isoformat(timespec="seconds")}
