"""`salvocast schedule`: the retraining at its times, and how it went."""

import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.options import USUAL_TIMES, CronOption, TimezoneOption
from features.complaints import complain
from features.home import ledger_url
from features.logs import (
    LOG_FORMAT_VARIABLE,
    LogFormatOption,
    log_timed,
    notify,
    pass_on,
    set_up_log,
    without_secrets,
)
from features.opening import open_ledger
from features.options import TheatreOption, WeaponClassOption, whole_number
from features.records import SHAHED, UKRAINE

if TYPE_CHECKING:
    from experiments.alerts import Alert
    from experiments.schedule import Alive, Outcome
    from experiments.slots import SlotRun

SALVOCAST = (sys.executable, "-P", "-m", "forecasting.commands.main")
COMMANDS = [(*SALVOCAST, "retrain"), (*SALVOCAST, "schedule", "follow-up")]
"""Each is given the series."""

schedule = typer.Typer(help="Retrain at fixed times, and see how that went.", invoke_without_command=True)


class HistoryFormat(StrEnum):
    """How the history is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@schedule.callback()
def schedule_command(
    context: typer.Context,
    cron: CronOption = USUAL_TIMES,
    timezone: TimezoneOption = "Europe/Kyiv",
    once: Annotated[
        bool, typer.Option("--once", help="Run what is due and was not run yet, and end: for systemd timers and cron.")
    ] = False,
    theatre: TheatreOption = UKRAINE,
    weapon_class: WeaponClassOption = SHAHED,
    log_format: LogFormatOption = None,
) -> None:
    """Run `salvocast retrain` and `salvocast schedule follow-up` for a series at the times of --cron, each time once,
    however many processes and machines do this.

    A missed time is caught up once, within a week. Failures are told to the webhook SALVOCAST_ALERT_URL and the command
    under [alerts] in settings.toml.
    """
    if context.invoked_subcommand is not None:
        return
    from experiments.alerts import Alert
    from experiments.report_sources import refuse_files_for_folders, source_problems
    from experiments.schedule import Cron, Schedule
    from experiments.settings import load_settings, settings_path
    from experiments.slots import JobSlots, Status
    from features.errors import SalvocastError

    set_up_log(log_format)
    if log_format is not None:  # of the commands that it runs as well
        os.environ[LOG_FORMAT_VARIABLE] = log_format

    job = f"retrain {theatre} {weapon_class}"

    def run(alive: "Alive") -> "Outcome":
        with log_timed("slot", job=job) as fields:
            outcome = _run(("--theatre", theatre, "--weapon-class", weapon_class), alive)
            fields |= {"status": outcome.status, "message": outcome.message}
        return outcome

    def serves() -> str:
        return _serves(theatre, weapon_class)

    when = Cron.parse(cron, timezone)
    if not once:  # what is wrong is told now, and not in the night; a timer's run tells it by an alert
        settings = load_settings()
        refuse_files_for_folders(settings.source, settings_path())
        for name, problem in source_problems(settings.source, settings_path().parent):
            complain(f"source {name}: {problem}")
    try:
        opened = JobSlots.open(ledger_url())
    except SalvocastError as error:
        _send_alert(Alert(f"{job} not started", None, 0, f"{error}.", serves()))
        raise
    with opened as slots:
        scheduled = Schedule(job, when, slots, run, _send_alert, serves=serves, now=lambda: datetime.now(UTC))
        if once:
            for sign in (signal.SIGTERM, signal.SIGINT):
                signal.signal(sign, lambda *_: scheduled.stop())
            outcome = scheduled.tick()
            if outcome:
                print(f"{job} {outcome.status}: {outcome.message}", flush=True)
            if outcome and outcome.status is not Status.DONE:
                raise typer.Exit(1)
            return
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, _interrupt)
        print(f"{job} at '{cron}' {timezone}; ends on SIGTERM or Ctrl-C", flush=True)
        scheduled.run_for_ever()


@schedule.command("follow-up")
def follow_up_command(
    theatre: TheatreOption = UKRAINE, weapon_class: WeaponClassOption = SHAHED, log_format: LogFormatOption = None
) -> None:
    """Issue the plan of what serves, so that it will be scored, and tell where forecasts and reports no longer fit."""
    from experiments.follow_up import drift_alerts, issue_plan, look_for_drift
    from forecasting.record.archive import Archive

    set_up_log(log_format)
    now = datetime.now(UTC)
    with (
        log_timed("follow-up", theatre=theatre, weapon_class=weapon_class) as fields,
        open_ledger() as ledger,
        Archive.open(ledger_url()) as archive,
    ):
        serves = _serves(theatre, weapon_class)
        alerts = drift_alerts(look_for_drift(theatre, weapon_class, now), serves)
        for alert in alerts:
            _send_alert(alert)
        identity = issue_plan(ledger, archive, theatre, weapon_class, now)
        fields |= {"issued": identity, "drift": [alert.name for alert in alerts]}
    names = ", ".join(alert.name for alert in alerts)
    print(f"issued {identity[:12]}; drift: {names or 'none'}")


@schedule.command("history")
def history_command(
    limit: Annotated[int, typer.Option(callback=whole_number(1), help="How many runs, newest first.")] = 30,
    output: Annotated[HistoryFormat, typer.Option("--format", help="How to write it.")] = HistoryFormat.TABLE,
) -> None:
    """When runs were due, by whom they were run, and how they ended. Times in UTC."""
    from experiments.slots import JobSlots

    with JobSlots.open(ledger_url()) as slots:
        runs = slots.history(limit=limit)
    if output is HistoryFormat.JSON:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(run) for run in runs], default=datetime.isoformat, indent=2))
        return
    rows = [_cells(run) for run in runs]
    header = ["due", "job", "status", "started", "seconds", "by", "message"]
    if output is HistoryFormat.CSV:
        import csv

        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *rows])
        return
    from forecasting.report.layout import table

    print("\n".join(table(header, rows, left=(0, 1, 2, 3, 5, 6), fold=False)) if rows else "no run yet")


def _run(series: tuple[str, ...], alive: "Alive") -> "Outcome":
    """Both commands, the second whatever became of the first, as one outcome.

    It is that of the retraining: what was learned and promoted is not undone because its plan was not issued, which a
    person is to see to.
    """
    from experiments.schedule import Outcome, run_command
    from experiments.slots import Status

    learned, *others = (run_command((*command, *series), pass_on, alive) for command in COMMANDS)
    messages, needs_a_person = [learned.message], learned.needs_a_person
    for other in others:
        broken = learned.status is Status.DONE and other.status is Status.FAILED
        messages.append(f"the follow-up failed, {other.message}" if broken else other.message)
        needs_a_person = needs_a_person or broken or other.needs_a_person
    return Outcome(learned.status, "; ".join(dict.fromkeys(messages)), needs_a_person)  # of one fault, one line


def _interrupt(sign: int, _: object) -> None:
    signal.signal(sign, signal.SIG_IGN)  # once is enough: what runs is being ended
    raise KeyboardInterrupt


def _cells(run: "SlotRun") -> list[str]:
    seconds = (run.ended_at or run.heartbeat_at) - run.started_at
    due, started = (f"{moment:%Y-%m-%d %H:%M}" for moment in (run.slot, run.started_at))
    return [due, run.job, run.status, started, f"{seconds.total_seconds():.0f}", run.claimed_by, run.message]


def _send_alert(alert: "Alert") -> None:
    from dataclasses import asdict

    from experiments.alerts import send
    from experiments.settings import load_settings
    from features.errors import SalvocastError

    alert = replace(alert, sentence=without_secrets(alert.sentence), serves=without_secrets(alert.serves))
    notify("alert", alert.text, **asdict(alert))
    try:
        command = load_settings().alerts.command
    except SalvocastError as error:  # the webhook may still work
        command = ()
        why = "" if str(error) in alert.sentence else f": {error}"  # of one fault, one line
        notify("alert not sent", f"no alert by command: the settings cannot be read{why}")
    for problem in send(alert, os.environ.get("SALVOCAST_ALERT_URL"), command):
        notify("alert not sent", problem)
    sys.stderr.flush()


def _serves(theatre: str, weapon_class: str) -> str:
    from experiments.follow_up import serving_sentence
    from forecasting.registry import serving_model

    return serving_sentence(serving_model(theatre, weapon_class))
