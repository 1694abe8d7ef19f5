"""`--issue`: what a command gives out is kept in the archive, with the request that it answers."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from features.home import ledger_url

if TYPE_CHECKING:
    from forecasting.answers.request import ForecastRequest
    from forecasting.report.document import ForecastDocument, PlanDocument

IssueOption = Annotated[
    bool,
    typer.Option("--issue", help="Keep it in the archive of issued forecasts: `salvocast scoreboard` will score it."),
]


def issued_request(
    kind: Literal["forecast", "plan"], *, scenario: str, defence: Path | None = None, **asked: Any
) -> "ForecastRequest":
    """What was asked for on the command line, as a request that stands on its own: a file is in it with its text.

    Raises InputError for what no request may hold.
    """
    from pydantic import ValidationError

    from features.scenarios import parse_scenario, scenario_text
    from features.stated import read_stated, told
    from forecasting.answers.request import ForecastRequest, PlanRequest

    model = {"forecast": ForecastRequest, "plan": PlanRequest}[kind]
    asked["scenario"] = scenario
    if scenario.endswith(".toml"):
        text = scenario_text(scenario)
        parse_scenario(text, scenario, on_files=False)  # another file would be missing from the request
        asked["scenario"] = {"toml": text}
    if defence is not None:
        asked["defence"] = {"toml": read_stated(defence)}
    try:
        return model.model_validate(asked)
    except ValidationError as error:
        raise told(error, model, asked, "--issue") from error


def issue(document: "ForecastDocument | PlanDocument", request: "ForecastRequest") -> None:
    """Keeps the document as `--format json` writes it, and tells its id on stderr."""
    from forecasting.record.archive import Archive, Channel
    from forecasting.report.document import document_json

    content = document_json(document)
    with Archive.open(ledger_url()) as archive:
        identity = archive.issue(
            content,
            request=request.canonical,
            channel=Channel.CLI,
            model_version=None,
            issued_at=datetime.now(UTC),
        )
    print(f"issued as {identity}", file=sys.stderr)
