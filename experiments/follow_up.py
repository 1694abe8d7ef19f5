"""After a retraining: what serves now gives out its plan, so that it will be scored, and drift is looked for."""

from datetime import datetime, timedelta

from experiments.alerts import Alert
from experiments.drift import Check, drift_checks
from experiments.report_sources import Severity, check_history
from features.errors import SalvocastError
from features.home import ledger_url
from features.ledger import Ledger
from features.opening import open_ledger
from features.records import SHAHED
from forecasting.answers.defences import BUNDLED_DEFENCES
from forecasting.answers.local import local_answering, local_context
from forecasting.answers.request import ForecastRequest, PlanRequest
from forecasting.record.archive import Archive, Channel
from forecasting.record.scoreboard import scoreboard
from forecasting.registry import RegisteredModel
from forecasting.report.document import document_json

DRIFT_DAYS = 365
"""Forecasts issued earlier are not looked at for drift."""


def serving_sentence(champion: RegisteredModel | None) -> str:
    """Which model serves, in a sentence."""
    if champion is None:
        return "No champion is registered: salvo_ensemble serves."
    return f"{champion.name} version {champion.version} serves: {champion.model_id}, fitted through {champion.origin}."


def issue_plan(ledger: Ledger, archive: Archive, theatre: str, weapon_class: str, now: datetime) -> str:
    """Issues the plan that is asked for without options, by what serves; returns its id. The forecast alone where
    there is no bundled defence to plan for.

    now: with zone. While data and champion stay the same, the plan is the same, and is issued once. Raises
    SalvocastError, and issues nothing, where it is not known which model serves, and where the record is one that
    nothing is learned from (`check_history`).
    """
    defended = theatre in BUNDLED_DEFENCES and weapon_class == SHAHED
    request = (PlanRequest if defended else ForecastRequest)(theatre=theatre, weapon_class=weapon_class)
    context = local_context(request)
    trained = context.champion.origin if context.champion else None
    findings = check_history(ledger.history(theatre, weapon_class), trained, now)
    if stops := [finding.text for finding in findings if finding.severity is Severity.STOP]:
        raise SalvocastError(f"no plan is issued: {'; '.join(stops)}; the one issued last stands")
    return archive.issue(
        document_json(local_answering(ledger).document(request, context)),
        request=request.canonical,
        channel=Channel.SCHEDULE,
        model_version=context.model_version,
        issued_at=now,
    )


def look_for_drift(theatre: str, weapon_class: str, now: datetime, model: str | None = None) -> list[Check]:
    """The checks of one series as of now (with zone), from the ledger and the archive of this machine."""
    with open_ledger() as ledger, Archive.open(ledger_url()) as archive:
        since = (now - timedelta(days=DRIFT_DAYS)).date()
        issued = archive.list(since=since, theatre=theatre, weapon_class=weapon_class, model_id=model)
        history = ledger.history(theatre, weapon_class)
        board = scoreboard(issued, lambda identity: archive.get(identity).document, history, None)
        reports = [entry.report for entry in ledger.as_of(now, theatre, weapon_class)]
    return drift_checks(board.scores, history, reports, now)


def drift_alerts(checks: list[Check], serves: str) -> list[Alert]:
    """An alert for each alarm among the checks. serves: which model does, in a sentence."""
    return [Alert(check.name, check.number, check.limit, check.sentence, serves) for check in checks if check.alarm]
