"""A morning's retraining: new reports in, models refitted, and the better recipe serves.

A *recipe* is a model by name: how to fit it is fixed; what it learns, it learns anew from the history of each origin.
A challenger and the champion's recipe are compared at the most recent origins whose outcomes are known by now. At each
of them both are fitted to what the ledger shows as published by then, and forecast days that neither had seen; nothing
of a recipe is learned from the scores. What is registered is the winner fitted once more, to everything known: it has
no scores of its own, those of its recipe are written beside it.

When the recipe stays, the refitted model becomes champion without a test ("refreshed"): newer data, same recipe. The
comparison is made again only when there are new held-out origins, or record, code or settings have changed it.

Killed at any moment and started again, it ends in the same state. Every step leaves nothing behind when done twice, or
a mark that the next run finds: reports come into the ledger in one transaction a file; the MLflow run is found by its
key (data, code, settings), and its decision says that the comparison is over; a version is found by what it holds; the
alias moves in one call. The run ends last. What an unfinished run of earlier data has left is brought to its end first.
All of it happens under the registry's lock.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.backtest import HERE, others_of
from experiments.engine import Engine
from experiments.held_out import Comparison, compare, digest_of_all, digest_of_own_models, held_out_origins
from experiments.report_sources import Finding, Severity, check_history, ingest_sources
from experiments.settings import RetrainSettings, Settings
from features.errors import SalvocastError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import SHAHED, UKRAINE
from features.release import code_version
from forecasting.salvos.model import MODELS, PACKAGES, fit, load_model
from forecasting.salvos.saved import SavedModel, save_model

if TYPE_CHECKING:
    from experiments.tracking import RetrainingRun, RetrainingRuns
    from forecasting.registry import RegisteredModel, Registry

LONGEST_REASON = 3_000
"""Characters of a reason that go into a tag; the whole of it is in the run's decision.json."""


class Kind(StrEnum):
    """How a retraining ended."""

    NOTHING_NEW = "nothing new"
    FIRST = "first champion"
    REFRESHED = "refreshed"
    PROMOTED = "promoted"


@dataclass(frozen=True)
class Outcome:
    """What a retraining did. summary: in one line. data_digest: of the history. version: of the champion it made.
    comparison: where one was made."""

    kind: Kind
    summary: str
    data_digest: str
    version: int | None = None
    run_id: str | None = None
    comparison: "Comparison | None" = None


@dataclass(frozen=True)
class Record:
    """What a run writes down once it has decided, so that a later one need not decide again.

    model: the recipe that shall serve. kind, reason: why. scores: of that recipe. evidence: of the comparison, "" where
    there was none.
    """

    model: str
    kind: Kind
    reason: str
    scores: dict[str, float]
    evidence: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        stored = json.loads(text)
        return cls(**(stored | {"kind": Kind(stored["kind"])}))


def retrain(
    ledger: Ledger,
    registry: "Registry",
    runs: "RetrainingRuns",
    settings: Settings,
    *,
    folder: Path,
    now: Callable[[], datetime],
    theatre: str = UKRAINE,
    weapon_class: str = SHAHED,
    force: bool = False,
    dry_run: bool = False,
    engine: Engine = HERE,
    on_finding: Callable[[Finding], object] = lambda _: None,
) -> Outcome:
    """One retraining of one series, from new reports to the champion's alias.

    folder: where the relative paths of the sources start. now: the clock, with zone. force: also where nothing is new,
    and with data that did not pass their checks. dry_run: decides and changes nothing; sources are not read.
    on_finding: told of what is odd about sources and data, at once.
    Raises SalvocastError, with what served before still serving, where data did not pass their checks, a recipe could
    not be fitted, or ledger or tracking store failed; what was ingested stays.
    """
    with registry.lock():
        if not dry_run:
            for finding in ingest_sources(ledger, settings.source, folder, now()):
                on_finding(finding)
        history = ledger.history(theatre, weapon_class)
        series = f"{theatre} {weapon_class}"
        rules = _with_registered(registry, settings.retrain, theatre, weapon_class, on_finding)
        own = digest_of_own_models((rules.first_champion, *rules.challengers))
        key = digest_of_all(history.digest, code_version(), rules.digest, *own)
        run = runs.of(series, key)
        if not dry_run:
            if by_hand := registry.record_move_by_hand(theatre, weapon_class):
                on_finding(Finding(f"{by_hand.reason}: salvocast champion history", Severity.FAILURE))
            _end_dead_runs(registry, runs, theatre, weapon_class, run)
        champion = registry.champion(theatre, weapon_class)
        findings = check_history(history, champion.origin if champion else None, now())
        for finding in findings:
            on_finding(finding)
        if run is not None and run.finished and champion is not None and not force:
            told = _nothing_new(history, run, champion)
            return Outcome(Kind.NOTHING_NEW, told, history.digest, run.version, run.id)
        stops = [finding.text for finding in findings if finding.severity is Severity.STOP]
        if stops and not force:
            raise SalvocastError(
                f"the data did not pass: {'; '.join(stops)}; {_serves(champion)}: mend the reports, or retrain with "
                "--force"
            )
        work = _Retraining(ledger, runs, rules, history, champion, force, engine)
        if dry_run:
            record, comparison = work.decide()
            told = f"dry run, nothing was changed: {record.kind}: {record.model} would serve: {record.reason}"
            return Outcome(record.kind, told, history.digest, comparison=comparison)
        if run is None or run.finished:
            run = runs.start(series, key, f"retraining {history.last_known_day}")
        try:
            record, comparison = work.recorded_decision(run)
            if comparison is not None and comparison.failed:
                told = f"{', '.join(comparison.failed)} could not be compared: {record.reason}"
                on_finding(Finding(told, Severity.FAILURE))
            version = _put_in_service(registry, run, record, history, ledger)
            runs.finish(run.id, "FINISHED", version=version.version)
        except SalvocastError:
            with suppress(SalvocastError):  # the tracking store itself may be what failed
                runs.finish(run.id, "FAILED")
            raise
        told = (
            f"{record.kind}: {record.model} serves as {version.name} version {version.version}, fitted to the record "
            f"through {history.last_day} (data {history.digest[:12]}, run {run.id}): {record.reason}"
        )
        return Outcome(record.kind, told, history.digest, version.version, run.id, comparison)


def last_comparison(runs: "RetrainingRuns", series: str) -> "tuple[RetrainingRun, Record] | None":
    """The newest retraining of a series that compared recipes, and what it found; None where none has."""
    told = ((run, Record.from_json(run.decision)) for run in runs.finished(series) if run.decision)
    return next(((run, record) for run, record in told if record.evidence), None)


def _with_registered(
    registry: "Registry",
    settings: RetrainSettings,
    theatre: str,
    weapon_class: str,
    on_finding: Callable[[Finding], object],
) -> RetrainSettings:
    """The settings, and among their challengers the registered one, where its model is installed here."""
    registered = registry.challenger(theatre, weapon_class)
    if registered is None or registered.model_id in settings.challengers:
        return settings
    if registered.model_id not in MODELS:
        told = f"the registered challenger {registered.model_id} is not installed here and does not compete"
        on_finding(Finding(f"{told}: install its package (entry points {PACKAGES})", Severity.NOTE))
        return settings
    return settings.model_copy(update={"challengers": (*settings.challengers, registered.model_id)})


@dataclass(frozen=True)
class _Retraining:
    """What a decision is made from."""

    ledger: Ledger
    runs: "RetrainingRuns"
    settings: RetrainSettings
    history: LaunchHistory
    champion: "RegisteredModel | None"
    force: bool
    engine: Engine

    def decide(self) -> tuple[Record, Comparison | None]:
        """Which recipe shall serve, and why; and the comparison, where one was made."""
        champion = self.champion
        if champion is None:
            reason = "no champion was registered, so the first_champion of the settings serves untested"
            return Record(self.settings.first_champion, Kind.FIRST, reason, {}), None
        judged = (lambda _: False) if self.force else self.runs.has_compared
        comparison = compare(self.ledger, self.history, champion.model_id, self.settings, self.engine, judged)
        if comparison is None:
            reason = "the comparison at the same held-out origins stands until there is a new one"
            return Record(champion.model_id, Kind.REFRESHED, reason, dict(champion.scores)), None
        if comparison.decision.promote:
            comparison = self._if_it_can_serve(comparison, comparison.decision.promote)
        model = comparison.decision.promote or champion.model_id
        kind = Kind.PROMOTED if comparison.decision.promote else Kind.REFRESHED
        reason = comparison.decision.reason[:LONGEST_REASON]
        return Record(model, kind, reason, _scores(comparison, model), comparison.evidence), comparison

    def _if_it_can_serve(self, comparison: Comparison, model: str) -> Comparison:
        """The comparison; without its promotion where that recipe fails on all that is known, or cannot be saved."""
        try:
            save_model(_fitted_anew(model, self.history, self.ledger))
        except SalvocastError as error:
            return comparison.refused(model, str(error))
        return comparison

    def recorded_decision(self, run: "RetrainingRun") -> tuple[Record, Comparison | None]:
        """What the run decided before it was killed; else what it decides now, written down with what it rests on."""
        if run.decision is not None:
            return Record.from_json(run.decision), None
        record, comparison = self.decide()
        texts = {"settings": self.settings.model_dump_json(indent=2), "decision": _pretty(record, comparison)}
        tables: dict[str, pd.DataFrame] = {}
        metrics: dict[tuple[str, int], float] = {}
        if comparison is not None and comparison.result is not None:
            board = comparison.table
            scores = comparison.result.scores
            tables = {"recipes": board, "leaderboard": comparison.result.leaderboard(), "scores": scores}
            tables |= {"failures": comparison.result.failures}
            long = board.melt(id_vars="model").dropna()  # the champion has no ratio to itself
            metrics = {
                (f"{name}.{model}", 0): float(value)
                for model, name, value in zip(long["model"], long["variable"], long["value"], strict=True)
            }
        parameters = _parameters(self.history, self.settings, self.champion)
        self.runs.decide(run.id, record.to_json(), record.evidence, self.history, parameters, metrics, tables, texts)
        return record, comparison


def _put_in_service(
    registry: "Registry",
    run: "RetrainingRun",
    record: Record,
    history: LaunchHistory,
    ledger: Ledger,
) -> "RegisteredModel":
    """Fits the recipe to everything known, registers it, and moves the alias."""
    saved = _fitted_anew(record.model, history, ledger)
    version = registry.register(saved, run_id=run.id, scores=record.scores, tags={"reason": record.reason})
    registry.set_champion(version.name, version.version)  # also confirms one that was killed before it could
    return version


def _fitted_anew(name: str, history: LaunchHistory, ledger: Ledger) -> SavedModel:
    """The recipe of that name, fitted to everything known."""
    model = load_model(name)
    history = replace(history, others=others_of([model], history, ledger.others))
    return SavedModel.of(model, fit(model, history), history)


def _end_dead_runs(
    registry: "Registry", runs: "RetrainingRuns", theatre: str, weapon_class: str, going_on: "RetrainingRun | None"
) -> None:
    """Brings to their end the runs of this series that were killed, but for the one that goes on.

    Under the lock nobody else can be at work on them. One that had registered its version has decided: the version is
    put in service, as it would have been. Any other is marked as killed.
    """
    for dead in runs.unfinished(f"{theatre} {weapon_class}"):
        if going_on is not None and dead.id == going_on.id:
            continue
        made = [each for each in registry.versions(theatre, weapon_class) if each.run_id == dead.id]
        if made:
            champion = registry.champion(theatre, weapon_class)
            if champion is None or champion.version < made[0].version:
                registry.set_champion(made[0].name, made[0].version)
            runs.finish(dead.id, "FINISHED", version=made[0].version)
        else:
            runs.finish(dead.id, "KILLED")


def _parameters(
    history: LaunchHistory, settings: RetrainSettings, champion: "RegisteredModel | None"
) -> dict[str, Any]:
    """What the run would need to be done again, beside code and ledger."""
    origins = held_out_origins(history, settings)
    return {
        "champion_before": f"{champion.model_id} version {champion.version}" if champion else "none",
        "code_version": code_version(),
        "settings_digest": settings.digest,
        "seed": settings.seed,
        "n_paths": settings.paths,
        "n_origins": len(origins),
        **({"first_origin": origins[0], "last_origin": origins[-1]} if origins else {}),
    }


def _pretty(record: Record, comparison: Comparison | None) -> str:
    verdicts = comparison.decision.verdicts if comparison else ()
    told = asdict(record) | {"verdicts": [asdict(verdict) for verdict in verdicts]}
    return json.dumps(told, indent=2, ensure_ascii=False)


def _scores(comparison: Comparison, model: str) -> dict[str, float]:
    """What is written beside a version of that recipe; nothing where no recipe was scored."""
    return next((recipe.means for recipe in comparison.recipes if recipe.model == model), {})


def _nothing_new(history: LaunchHistory, run: "RetrainingRun", champion: "RegisteredModel") -> str:
    """In words; a version that was made of these data and does not serve was rolled back from."""
    told = f"nothing new: data {history.digest[:12]} through {history.last_day} were learned from in run {run.id}"
    if run.version not in (None, champion.version):
        told += f"; its version {run.version} was rolled back, {_serves(champion)}"
    return told


def _serves(champion: "RegisteredModel | None") -> str:
    if champion is None:
        return "no champion is registered"
    return f"{champion.model_id} version {champion.version}, fitted through {champion.origin}, still serves"
