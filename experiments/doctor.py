"""Whether all that a running Salvocast rests on is well: one check after another, none of which stops the next."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from experiments.options import USUAL_TIMES
from experiments.report_sources import source_problems
from experiments.schedule import Cron
from experiments.settings import Settings, load_settings, settings_path
from experiments.slots import JobSlots, SlotRun, Status
from features.errors import SalvocastError
from features.home import ledger_url, salvocast_home
from features.ledger import Ledger
from forecasting.registry import Registry, refuse_copied_store, tracking_uri, without_password

LEAST_FREE_BYTES = 1_000_000_000
"""On the disk of the home: a morning needs some megabytes, a full disk stops everything."""
OLD, TOO_OLD = timedelta(days=3), timedelta(days=28)
"""Age of the last attack day known, or of what the champion was fitted to, from which it is a warning and a failure."""
RUN_OVERDUE = timedelta(days=2)
"""Without a run of a job that has run before."""
CLOCK_SKEW = timedelta(minutes=5)


class Health(StrEnum):
    """How a check came out. A warning is for a person to see to, a failure for now."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, how it is, and what to do where it is not well.

    Parameters
    ----------
    name
        What was looked at; of a series with theatre and weapon class.
    health
        How it came out.
    found
        What was found, in one line, with units and dates.
    advice
        What to do; empty where it is well.
    """

    name: str
    health: Health
    found: str
    advice: str = ""


def health_checks(now: datetime, cron: str | None, timezone: str) -> list[Check]:
    """Every check, in the order in which a person would mend things.

    Parameters
    ----------
    now
        The clock, with zone.
    cron, timezone
        When the scheduled job is due, as given to `salvocast schedule`; without the first, as it was run last.

    Returns
    -------
    list of Check
        One or more for each part. What cannot be looked at is a failure with its reason.
    """
    checks: list[Check] = []

    @contextmanager
    def looked_at(name: str, advice: str) -> Iterator[Callable[..., None]]:
        def add(health: Health, found: str, *, of: str = "", do: str = "") -> None:
            checks.append(Check(f"{name} {of}".strip(), health, found, "" if health is Health.OK else do or advice))

        try:
            yield add
        except SalvocastError as error:
            add(Health.FAILURE, " ".join(str(error).split()))

    with looked_at("home", "make room, or set SALVOCAST_HOME to another disk") as add:
        _check_home(add)
    with looked_at("settings", "mend the file: salvocast retrain --show-settings prints what is in force") as add:
        _check_settings(add, load_settings())
    series: list[tuple[str, str]] = []
    ends: dict[tuple[str, str], date] = {}
    with looked_at("ledger", "see SALVOCAST_LEDGER_URL") as add, Ledger.open(ledger_url()) as ledger:
        series = [(theatre, weapon_class) for theatre, weapon_class, _ in ledger.series()]
        _check_ledger(add, ledger, series, now)
        ends = {each: ledger.history(*each).last_day for each in series}
    with looked_at("registry", "see MLFLOW_TRACKING_URI; the last champion serves meanwhile") as add:
        refuse_copied_store(tracking_uri())
        with Registry.open() as registry:
            add(Health.OK, f"{without_password(tracking_uri())} answers")
            for theatre, weapon_class in series:
                with looked_at("champion", "salvocast retrain, or grant this account the model") as told:
                    _check_champion(told, registry, theatre, weapon_class, ends.get((theatre, weapon_class)), now)
    with looked_at("job", "salvocast schedule history; then run it by hand: salvocast retrain") as add:
        with JobSlots.open(ledger_url()) as slots:
            runs = slots.history(limit=200)
            _check_jobs(add, runs, now)
        times, whence = (cron, "") if cron else _times_of(runs, Cron.parse(USUAL_TIMES, timezone).zone)
        due = Cron.parse(times, timezone).next_after(now)
        add(Health.OK, f"due next at {due:%Y-%m-%d %H:%M} UTC ('{times}' {timezone}{whence})", of="schedule")
    return checks


def _check_home(add: Callable[..., None]) -> None:
    home = salvocast_home()
    free = shutil.disk_usage(home).free
    found = f"{home}: {free / 1e9:,.1f} GB free"
    add(Health.OK if free >= LEAST_FREE_BYTES else Health.FAILURE, found, of="disk")
    if home.stat().st_mode & 0o077 and os.name == "posix":
        readers = f"{home} can be read by other accounts of this machine (mode {home.stat().st_mode & 0o777:o})"
        add(Health.WARNING, readers, of="permissions", do=f"chmod 700 {home}: issued plans hold real stocks")
    else:
        add(Health.OK, f"{home} is its owner's alone", of="permissions")


def _check_settings(add: Callable[..., None], settings: Settings) -> None:
    n_sources = len(settings.source)
    add(Health.OK if n_sources else Health.WARNING, f"{n_sources} sources of reports", do="add a [[source]]")
    wrong = source_problems(settings.source, settings_path().parent)
    for name, problem in wrong:
        add(Health.FAILURE, f"{name}: {problem}", of="source")
    if n_sources and not wrong:
        add(Health.OK, f"{n_sources} in place", of="source")
    told = bool(os.environ.get("SALVOCAST_ALERT_URL") or settings.alerts.command)
    found = "failures are told" if told else "nobody is told of failures"
    add(Health.OK if told else Health.WARNING, found, of="alerts", do="set SALVOCAST_ALERT_URL or [alerts] command")


def _check_ledger(add: Callable[..., None], ledger: Ledger, series: list[tuple[str, str]], now: datetime) -> None:
    add(Health.OK if series else Health.WARNING, f"{len(series)} series", do="salvocast ingest")
    for theatre, weapon_class in series:
        history = ledger.history(theatre, weapon_class)
        last = history.last_known_day
        age = now.date() - last
        found = f"last attack day known {last}, {_days(age)} ago"
        add(_by_age(age), found, of=f"{theatre} {weapon_class}", do="salvocast ingest newer reports")
        for held in history.held:  # plans and learning go on from the record without them
            found = f"{held.launched:,} launched on {held.attack_day} is not used until confirmed: {held.reason}"
            release = f"if it is right: salvocast data quarantine release {held.row_id} --reason TEXT"
            add(Health.WARNING, found, of=f"{theatre} {weapon_class} held count", do=release)
    batches = ledger.batches()
    if batches:
        newest = max(batch["recorded_at"] for batch in batches).replace(tzinfo=UTC)
        right = newest <= now + CLOCK_SKEW
        found = f"last reading {newest:%Y-%m-%d %H:%M} UTC, now {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        add(Health.OK if right else Health.FAILURE, found, of="clock", do="set the clock of this machine")
        last_read = {batch["source"]: batch for batch in batches}  # the newest of each, as they are in order
        for source, batch in sorted(last_read.items()):
            brought = f"{batch['added']:,} added, {batch['revised']:,} revised, {batch['quarantined']:,} held"
            add(
                Health.OK,
                f"last brought news at {batch['recorded_at']:%Y-%m-%d %H:%M} UTC: {brought}",
                of=f"source {source}",
            )
    waiting = len(ledger.quarantine())
    found = f"{waiting:,} rows wait"
    add(Health.WARNING if waiting else Health.OK, found, of="quarantine", do="salvocast data quarantine")


def _check_champion(
    add: Callable[..., None], registry: Registry, theatre: str, weapon_class: str, end: date | None, now: datetime
) -> None:
    name = f"{theatre} {weapon_class}"
    try:
        champion = registry.champion(theatre, weapon_class)
    except SalvocastError as error:  # one series must not hide the others
        add(Health.FAILURE, " ".join(str(error).split()), of=name)
        return
    if champion is None:
        add(Health.WARNING, "none is registered: the fallback serves", of=name)
        return
    age = now.date() - champion.origin
    found = f"version {champion.version}, {champion.model_id}, fitted through {champion.origin}, {_days(age)} ago"
    if end is not None and end < champion.origin:
        missing = f"{found}; the record ends on {end}: reports are missing from this ledger"
        add(Health.FAILURE, missing, of=name, do="read them again: until then only a model by name is answered with")
    else:
        add(_by_age(age), found, of=name)
    changes = registry.champion_history(theatre, weapon_class)
    if changes and changes[0].by_hand:
        add(
            Health.WARNING,
            changes[0].reason,
            of=f"{name} alias",
            do="salvocast champion history; salvocast champion rollback",
        )


def _check_jobs(add: Callable[..., None], runs: list[SlotRun], now: datetime) -> None:
    if not runs:
        add(Health.WARNING, "no scheduled run yet", do="salvocast schedule, or a timer: experiments/deploy")
    for job in dict.fromkeys(run.job for run in runs):
        last = next(run for run in runs if run.job == job)
        took = f", took {(last.ended_at - last.started_at).total_seconds():,.0f} s" if last.ended_at else ""
        told = f": {last.message}" if last.message else ""
        found = f"{last.status}, due {last.slot:%Y-%m-%d %H:%M} UTC, run by {last.claimed_by}{took}{told}"
        if last.status in (Status.FAILED, Status.LOST):
            add(Health.FAILURE, found, of=job)
        else:
            add(Health.WARNING if now - last.slot > RUN_OVERDUE else Health.OK, found, of=job)


def _times_of(runs: list[SlotRun], zone: ZoneInfo) -> tuple[str, str]:
    """When the job runs, as a cron expression, where nobody has said so, and from what that is known: two days in a row
    on which it was due at the same time by that clock, or else nothing."""
    for job in dict.fromkeys(run.job for run in runs):
        due = [run.slot.astimezone(zone) for run in runs if run.job == job][:2]
        if len(due) == 2 and (due[0].date() - due[1].date()).days == 1 and due[0].time() == due[1].time():
            return f"{due[0].minute} {due[0].hour} * * *", ", as it was run last"
    return USUAL_TIMES, ", assumed: --cron states another"


def _days(age: timedelta) -> str:
    return f"{age.days} day{'s' * (age.days != 1)}"


def _by_age(age: timedelta) -> Health:
    return Health.FAILURE if age >= TOO_OLD else Health.WARNING if age >= OLD else Health.OK
