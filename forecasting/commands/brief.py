"""`salvocast brief`: a plan as one page for whoever signs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.complaints import complain
from features.files import write_file
from features.opening import open_ledger
from forecasting.commands.options import LanguageOption, check_brief_file
from forecasting.report.language import ENGLISH, translator

if TYPE_CHECKING:
    from forecasting.answers.request import PlanRequest

BriefOption = Annotated[Path, typer.Option("--out", metavar="FILE.pdf", help="Where to write.")]


def brief_command(
    context: typer.Context, out: BriefOption = Path("brief.pdf"), language: LanguageOption = ENGLISH
) -> None:
    """Writes the brief of the plan that is asked for."""
    from forecasting.answers import local
    from forecasting.report.brief import brief
    from forecasting.report.document import PlanDocument
    from forecasting.report.words import data_age

    request: PlanRequest = context.obj
    translator(language)  # refuses an unknown one before the work
    check_brief_file(out)
    with open_ledger() as ledger:
        document = local.local_document(ledger, request, local.local_context(request))
    assert isinstance(document, PlanDocument)
    write_file(out, brief(document, language, local.kyiv_today()))
    print(f"wrote {out}")
    if told := data_age(document.forecast, translator(ENGLISH, plain=True)):
        complain(told)
