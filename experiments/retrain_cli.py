"""`salvocast retrain` and `salvocast champion`."""

from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Annotated

import tomli_w
import typer

from experiments.alerts import NEEDS_A_PERSON
from experiments.series import TheatresOption, WeaponClassesOption, chosen_series, names
from features.complaints import complain
from features.errors import InputError, SalvocastError
from features.home import ledger_url
from features.logs import LogFormatOption, log_timed, set_up_log
from features.opening import open_ledger
from features.options import TheatreOption, WeaponClassOption, whole_number
from features.records import SHAHED, UKRAINE

if TYPE_CHECKING:
    from experiments.report_sources import Finding
    from experiments.settings import Settings
    from forecasting.registry import Promotion, RegisteredModel, Registry

LONGEST_REASON = 2_000
"""Characters: with what else stands there, it must go into one tag."""

champion = typer.Typer(help="The registered model that serves: show it, its history, or go back to an earlier one.")


def retrain(
    theatre: TheatresOption = UKRAINE,
    weapon_class: WeaponClassesOption = SHAHED,
    force: Annotated[
        bool, typer.Option("--force", help="Also where nothing is new, and with data that did not pass their checks.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would serve; read no source and change nothing.")
    ] = False,
    engine: Annotated[
        str, typer.Option(metavar="local|dask://HOST:PORT", help="Where recipes are scored; the numbers are the same.")
    ] = "local",
    jobs: Annotated[int, typer.Option(help="Processes at a time on this machine.")] = 1,
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="Print the settings as they are in force, and do nothing.")
    ] = False,
    log_format: LogFormatOption = None,
) -> int:
    """Read new reports, refit the models, and let the better one serve; of several series one after the other.

    Exit code 0: done, or nothing new; 1: failed, and what served serves on; 3: done, and something needs a person.
    """
    from experiments.settings import load_settings, settings_path

    settings = load_settings()
    if show_settings:
        print(f"# {settings_path()}")
        print(settings_text(settings), end="")
        return 0
    from experiments.engine import Engine
    from experiments.report_sources import Severity, refuse_files_for_folders
    from experiments.retrain import retrain as run
    from experiments.tracking import retraining_runs
    from features.ledger import Ledger
    from forecasting.registry import Registry

    refuse_files_for_folders(settings.source, settings_path())
    place = Engine.from_name(engine, jobs)
    place.begin()
    theatres, weapon_classes = names(theatre.lower(), "--theatre"), names(weapon_class.lower(), "--weapon-class")
    set_up_log(log_format)

    def open_for_run() -> AbstractContextManager[Ledger]:
        return Ledger.open(ledger_url()) if dry_run else open_ledger()

    if theatres and weapon_classes:  # the first reports of one may be among those that are read now
        every = list(product(theatres, weapon_classes))
    else:
        with open_for_run() as ledger:
            every = chosen_series(ledger, theatres, weapon_classes)
    severities = set()

    def report_finding(finding: "Finding") -> None:
        severities.add(finding.severity)
        complain(finding.text)

    failed = 0
    for series in every:
        name = " ".join(series)
        try:
            with (
                log_timed("retrain", theatre=series[0], weapon_class=series[1], dry_run=dry_run) as fields,
                Registry.open() as registry,
                retraining_runs() as runs,
                open_for_run() as ledger,
            ):
                outcome = run(
                    ledger,
                    registry,
                    runs,
                    settings,
                    folder=settings_path().parent,
                    now=lambda: datetime.now(UTC),
                    theatre=series[0],
                    weapon_class=series[1],
                    force=force,
                    dry_run=dry_run,
                    engine=place,
                    on_finding=report_finding,
                )
                fields |= {
                    "outcome": outcome.kind,
                    "version": outcome.version,
                    "run": outcome.run_id,
                    "digest": outcome.data_digest,
                }
        except SalvocastError as error:
            if len(every) == 1:
                raise
            failed += 1
            complain(f"{name}: {error}")
            continue
        print(outcome.summary if len(every) == 1 else f"{name}: {outcome.summary}")
    if failed:
        raise SalvocastError(f"{failed} of {len(every)} series failed, see above; what served them serves on")
    return NEEDS_A_PERSON if Severity.FAILURE in severities else 0


@champion.command("show")
def show(theatre: TheatreOption = "ukraine", weapon_class: WeaponClassOption = "shahed") -> None:
    """What serves, and what it was made of."""
    from experiments.retrain import last_comparison
    from experiments.tracking import retraining_runs
    from forecasting.registry import Registry

    with Registry.open() as registry, retraining_runs() as runs:
        serving = _serving_champion(registry, theatre, weapon_class)
        since = registry.champion_history(theatre, weapon_class)
        compared = last_comparison(runs, f"{theatre} {weapon_class}")
    # A version that a comparison left in service, or that was rolled back to, has none of its own.
    found = serving.scores or (_scores_in(compared[0].id, serving.model_id) if compared else {})
    scores = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
    print(f"champion     {serving.name} version {serving.version}: {serving.model_id}")
    print(f"fitted to    data {serving.data_digest[:12]} through {serving.origin}, by salvocast {serving.code_version}")
    print(f"registered   {serving.registered_at:%Y-%m-%d %H:%M} UTC by run {serving.run_id}")
    print(f"scores       {scores or 'none: its recipe was not compared yet'} (of its recipe, at held-out origins)")
    if since:
        print(f"serves since {_told(since[0])}")
    if compared:
        print(f"compared     last in run {compared[0].id}: {compared[1].reason}")


@champion.command("history")
def history(theatre: TheatreOption = "ukraine", weapon_class: WeaponClassOption = "shahed") -> None:
    """Every change of the version that serves, the newest first: when, which, why and by whom."""
    from forecasting.registry import Registry

    with Registry.open() as registry:
        known = {version.version: version for version in registry.versions(theatre, weapon_class)}
        changes = registry.champion_history(theatre, weapon_class)
    if not changes:
        raise _no_champion(theatre, weapon_class, [])
    for change in changes:
        version = known.get(change.version or 0)
        model, origin = (version.model_id, version.origin) if version else (change.model_id, change.origin)
        named = f"version {change.version}: {model or 'a model'}, fitted through {origin or 'an unknown day'}"
        served = "no version" if change.version is None else named if version else f"{named}, deleted since"
        print(f"{change.promoted_at:%Y-%m-%d %H:%M} UTC  {served}: {change.reason}{_by(change)}")


@champion.command("serve")
def serve(
    port: Annotated[
        int, typer.Option(callback=whole_number(0, 65_535), help="Port to listen at; 0: any that is free.")
    ] = 5001,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
) -> None:
    """Answer requests by MLflow's scoring protocol, on this machine alone, until it is interrupted."""
    import tempfile
    from pathlib import Path

    from uvicorn import Config, Server

    from features.ports import listening_socket
    from forecasting.registry import Registry, scoring_app
    from forecasting.salvos.saved import save_model

    with Registry.open() as registry:
        serving = _serving_champion(registry, theatre, weapon_class)
        files = save_model(registry.load(serving))
    with listening_socket("127.0.0.1", port) as listening, tempfile.TemporaryDirectory() as folder:
        app = scoring_app(Path(folder), files)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        print(f"{serving.name} version {serving.version}, {serving.model_id}, answers at {address}, for instance")
        request = """'{"dataframe_records": [{"horizon": 28}]}'"""
        print(f"curl -H 'Content-Type: application/json' -d {request} {address}/invocations", flush=True)
        Server(Config(app, log_level="warning")).run(sockets=[listening])


@champion.command("rollback")
def rollback(
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept in the history.")],
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Without it, the version that served before this one.")
    ] = None,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
) -> None:
    """Let an earlier version serve again; nothing is deleted. New data bring a new version of its recipe."""
    from forecasting.registry import Registry, earlier_versions, registered_name

    if not reason.strip():
        raise InputError("--reason is empty: say why the champion shall not serve")
    if len(reason) > LONGEST_REASON:
        raise InputError(f"--reason has {len(reason):,} characters: expected at most {LONGEST_REASON:,}")
    with Registry.open() as registry, registry.lock():
        serving = registry.champion(theatre, weapon_class)
        changes = registry.champion_history(theatre, weapon_class)
        if not changes:
            raise _no_champion(theatre, weapon_class, [])
        now = None if serving is None else serving.version
        name = registered_name(theatre, weapon_class)
        known = {version.version: version for version in registry.versions(theatre, weapon_class)}
        earlier = [version for version in earlier_versions(changes, now) if version in known]
        if to is None and not earlier:
            raise InputError(f"no version served before version {now} that is still there: name one with --to")
        chosen = earlier[0] if to is None else to
        if chosen not in known:
            raise InputError(f"--to {chosen}: {name} has the versions {_spans(known)}")
        if chosen == now:
            raise InputError(f"--to {chosen}: it serves already")
        registry.load(known[chosen])  # one that cannot be read must not serve
        told = f"rolled back from {f'version {now}' if now else 'no version'}: {reason.strip()}"
        registry.set_champion(name, chosen, reason=told)
    print(f"{name} version {chosen} serves: {known[chosen].model_id}, fitted through {known[chosen].origin}")


def _scores_in(run_id: str, model: str) -> dict[str, float]:
    """What a comparison found of a recipe; nothing where it was not among them, or its files were tidied away."""
    from experiments.compare.runs import table_of

    with suppress(SalvocastError):
        recipes = table_of(run_id, "recipes").drop(columns=["ratio", "p_holm"], errors="ignore")
        for row in recipes[recipes["model"] == model].drop(columns="model").to_dict("records"):
            return {str(name): float(value) for name, value in row.items()}
    return {}


def settings_text(settings: "Settings") -> str:
    """The settings as a TOML file that says the same, every key in it."""
    return tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))


def _serving_champion(registry: "Registry", theatre: str, weapon_class: str) -> "RegisteredModel":
    serving = registry.champion(theatre, weapon_class)
    if serving is None:
        raise _no_champion(theatre, weapon_class, registry.champion_history(theatre, weapon_class))
    return serving


def _no_champion(theatre: str, weapon_class: str, changes: "list[Promotion]") -> InputError:
    nothing = f"no champion is registered for {weapon_class} in theatre {theatre}"
    if not changes:
        return InputError(f"{nothing}: salvocast retrain makes one")
    return InputError(f"{nothing}: {changes[0].reason}; salvocast champion rollback lets the last one serve again")


def _told(change: "Promotion") -> str:
    """When a version came to serve, why and by whom."""
    if change.by_hand:
        return f"an unknown time: {change.reason}"
    return f"{change.promoted_at:%Y-%m-%d %H:%M} UTC: {change.reason}{_by(change)}"


def _by(change: "Promotion") -> str:
    return f" (by {change.by})" if change.by else ""


def _spans(versions: "dict[int, RegisteredModel]") -> str:
    return f"{min(versions)} to {max(versions)}, newest {versions[max(versions)].model_id}"
