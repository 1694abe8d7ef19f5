"""What the frames are read from, where it is not there yet: a backtest, a rehearsal of retraining, a challenger."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pandas as pd

from experiments.backtest import Replay, others_of, replay_parameters, run_backtest
from experiments.compare.frames import leaderboard
from experiments.compare.runs import SETTING, backtests, table_of
from experiments.compare.weights import members
from experiments.folds import rolling_origins
from experiments.labels import RunLabel
from experiments.pictures import backtest_pictures
from experiments.retrain import Outcome, retrain
from experiments.settings import RetrainSettings, Settings
from experiments.tracking import NO_RECIPE, Shown, log_backtest, recipe_mark, retraining_runs
from features.covariates import covariates_of, refuse_look_ahead
from features.errors import InputError, SalvocastError
from features.home import salvocast_home
from features.ledger import Ledger
from features.logs import notify
from features.opening import open_ledger
from features.records import KYIV, SHAHED, UKRAINE, QuietDayRule, SalvoReport
from features.sources.bundled import SOURCE, read_bundled
from features.sources.reading import Reading
from forecasting.registry import RegisteredModel, Registry
from forecasting.salvos.contract import check_contract
from forecasting.salvos.model import (
    BUNDLED_MODELS,
    PACKAGES,
    REFERENCE_MODEL,
    Model,
    SimulationRequest,
    fit,
    load_model,
    require_covariates,
)
from forecasting.salvos.saved import SavedModel

QUICK_MODELS = tuple(name for name in BUNDLED_MODELS if name not in ("gradient_boosting", "global_boosting"))
"""All but the two that take many times as long as the ensemble and have been worse."""
FIRST_ORIGIN = date(2025, 1, 1)
WITHOUT_CODE = "is registered as numbers, without its code"
"""What a note says of a challenger that is none of ours."""


def ensure_backtest(
    models: Sequence[str | Model] | None = None,
    *,
    first: date | None = None,
    last: date | None = None,
    every: int | None = None,
    horizon: int | None = None,
    n_paths: int | None = None,
    seed: int | None = None,
    quiet_days: QuietDayRule | None = None,
    theatre: str = UKRAINE,
    weapon_class: str = SHAHED,
    covariates: Mapping[str, pd.DataFrame] | None = None,
    name: str = "",
    tags: Mapping[str, str] | None = None,
    note: str = "",
) -> str:
    """The run of a logged backtest of these models; runs and logs what is missing of it.

    With names alone, and nothing said of the replay, any logged backtest of the series that has them all will do, the
    newest; so a team's store is read as it is. Else only models that no backtest of the same targets, paths and seed
    has yet are run. The reference model is run once: a later backtest of the same targets is measured against the
    scores it had (parameter `reference_run`). A model is the same where its parameters and members, the code of its
    module and the versions of the libraries are (`forecasting.salvos.recipe`); one of a notebook's cell never is, nor
    is one of one's own that was edited. Each origin sees what the ledger of the home shows as published by then.

    Parameters
    ----------
    models : sequence of str or Model, optional
        Names, or models of one's own; None for QUICK_MODELS, and then one that has the reference model, the ensemble
        and its members will do.
    first, last : date, optional
        Origins; None for 2025-01-01, and the last origin whose horizon is known.
    every, horizon : int, optional
        Attack days between origins, and ahead; None for 14 and 28.
    n_paths, seed : int, optional
        None for 2,000 and 1.
    quiet_days : QuietDayRule, optional
        None for the one that serves.
    theatre, weapon_class : str
        Of the series.
    covariates : mapping of str to pandas.DataFrame, optional
        Name -> date, value, published_at (`features.covariates`), of which each origin sees what was public by then, in
        `history.covariates[name]`. Other covariates make another run; the models are compared on the same targets.
    name, note : str
        What a run that has to be made is called, and what to say of it; `backtests` shows both.
    tags : mapping of str to str, optional
        To find it by, such as {"sweep": "half-lives"}.

    Returns
    -------
    str
        Id of the MLflow run.

    Raises
    ------
    InputError
        For an unknown model, one whose covariates are not given, and a covariate that cannot be read or looks ahead.
    SalvocastError
        Where ledger or store fail.
    """
    asked = QUICK_MODELS if models is None else models
    names = [model if isinstance(model, str) else model.model_id for model in asked]
    own = {model.model_id: model for model in asked if not isinstance(model, str)}
    enough = names if models is not None else [REFERENCE_MODEL, "salvo_ensemble", *members()]
    asked_models = {each: own.get(each) or load_model(each) for each in names}
    shown = covariates_of(covariates or {})
    for model in asked_models.values():
        require_covariates(model, {each.name for each in shown})
    found = backtests(theatre, weapon_class)
    named = {"every": every, "horizon": horizon, "n_paths": n_paths, "seed": seed}
    said = {setting: value for setting, value in named.items() if value is not None}
    if not (own or first or last or said or quiet_days or shown):
        others = [each for each in enough if each not in BUNDLED_MODELS]
        own_code = {each: recipe_mark(asked_models[each], Shown()) for each in others}
        for run_id, logged, recipes in found[["run_id", "models", "recipes"]].itertuples(index=False):
            marked = dict(zip(logged, recipes, strict=True))
            same_code = all(marked.get(each) == mark != NO_RECIPE for each, mark in own_code.items())
            if set(enough) <= set(marked) and same_code:
                return str(run_id)
    setting = {"every": 14, "horizon": 28, "n_paths": 2_000, "seed": 1} | said
    replay = Replay(SimulationRequest(setting["horizon"], setting["n_paths"]), setting["seed"])
    with open_ledger() as ledger:
        truth = ledger.history(theatre, weapon_class, quiet_days)
        for each in shown:
            refuse_look_ahead(each, truth)
        until = truth.last_day - timedelta(days=replay.request.horizon)
        origins = rolling_origins(first or FIRST_ORIGIN, last or until, setting["every"])
        parameters = replay_parameters(origins, setting["every"], replay, truth.quiet_day_rule)
        same = _same_targets(found, parameters | {"data_digest": truth.digest})
        beside = Shown(shown, others_of([*asked_models.values()], truth, ledger.others))
        marks = {each: recipe_mark(model, beside) for each, model in asked_models.items()}
        ran = {each for run in same[["models", "recipes"]].itertuples(index=False) for each in zip(*run, strict=True)}
        missing = [each for each in asked_models if marks[each] == NO_RECIPE or (each, marks[each]) not in ran]
        if not missing and len(same):
            return str(same["run_id"].iloc[0])
        reference = None if REFERENCE_MODEL in missing else _reference_scores(same)
        along = [] if reference is not None else [REFERENCE_MODEL]
        compared = [asked_models.get(each) or load_model(each) for each in dict.fromkeys([*along, *missing])]
        result = run_backtest(
            lambda origin: ledger.history(theatre, weapon_class, quiet_days, origin, shown),
            truth,
            compared,
            origins,
            replay,
            others=ledger.others,
        )
    if reference is not None:
        result = replace(result, reference=reference)
        parameters["reference_run"] = reference["run_id"].iloc[0]
    pictures = backtest_pictures(result, compared, [], replay)
    return log_backtest(result, truth, parameters, pictures, compared, beside, RunLabel(name, tags or {}, note))


def _reference_scores(same: pd.DataFrame) -> pd.DataFrame | None:
    """The scores of the reference model as it is now, of the newest of these backtests that has them; else None."""
    mark = recipe_mark(load_model(REFERENCE_MODEL), Shown())
    for run_id, models, recipes in same[["run_id", "models", "recipes"]].itertuples(index=False):
        if (REFERENCE_MODEL, mark) in zip(models, recipes, strict=True):
            try:
                scores = table_of(str(run_id), "scores")
            except SalvocastError:  # its files were tidied away: it is run again
                continue
            own = scores[scores["model"] == REFERENCE_MODEL]
            return own.assign(origin=own["origin"].dt.date, run_id=run_id)
    return None


def register_challenger(
    model: Model, run_id: str, *, theatre: str = UKRAINE, weapon_class: str = SHAHED
) -> RegisteredModel:
    """Registers a model, fitted to all that is known, under the alias `challenger`.

    The next retraining on a machine where the model is installed compares it with the champion, like those that the
    settings name; one that lacks it says so. What is registered are numbers, not code: where the model is to serve,
    install its package (entry point of the group `forecasting.salvos.model.PACKAGES`). Both is told on stderr where it
    matters: that a model of one's own needs its code, and that a challenger takes the place of another.

    Parameters
    ----------
    model : Model
        The recipe.
    run_id : str
        Of the backtest that it ran in; its scores there are written beside the version.
    theatre, weapon_class : str
        Of the series.

    Returns
    -------
    RegisteredModel

    Raises
    ------
    ContractError
        For a model that breaks the contract.
    InputError
        For a run that has no scores of it, or in which it failed at an origin; and for a model that uses covariates,
        since the mornings have none.
    SalvocastError
        Where ledger or store fail.
    """
    if names := getattr(model, "covariates", ()):
        raise InputError(
            f"{model.model_id} uses the covariates {', '.join(names)}, which the mornings have none of: it can be "
            "backtested, not registered"
        )
    check_contract(model)
    board = leaderboard(run_id, theatre=theatre, weapon_class=weapon_class)
    own = board[(board["model"] == model.model_id) & (board["run_id"] == run_id)].set_index("band")
    if own.empty:
        raise InputError(f"run {run_id} has no scores of {model.model_id}: backtest it first, ensure_backtest([model])")
    if failed := int(own["failed_origins"].max()):
        raise InputError(
            f"{model.model_id} failed at {failed} of the origins of run {run_id} (its failures.csv says why): expected "
            "a challenger that fails at none"
        )
    noted = {f"wis_ratio_{band}": float(ratio) for band, ratio in own["wis_ratio"].items()}
    with open_ledger() as ledger, Registry.open() as registry, registry.lock():
        history = ledger.history(theatre, weapon_class)
        history = replace(history, others=others_of([model], history, ledger.others))
        saved = SavedModel.of(model, fit(model, history), history)
        version = registry.register(saved, run_id=run_id, scores=noted, tags={"reason": "registered as challenger"})
        before = registry.challenger(theatre, weapon_class)
        registry.set_challenger(version.name, version.version)
        made = registry.challenger(theatre, weapon_class)
    assert made is not None
    if before is not None and before.version != made.version:
        notify(
            "challenger",
            f"{made.model_id} (version {made.version}) replaces the challenger {before.model_id} (version "
            f"{before.version}): there is one at a time; name others in `challengers` of settings.toml",
        )
    if (module := type(model).__module__) not in {where.partition(":")[0] for where in BUNDLED_MODELS.values()}:
        # What is defined in a notebook or at a prompt no other process can import.
        needed = "its class in an installed package" if module == "__main__" else f"{module} installed"
        notify(
            "registered without code",
            f"{made.model_id} {WITHOUT_CODE}: whatever loads it, `salvocast retrain`, `serve` and MLflow's pyfunc "
            f"among them, needs {needed}, with an entry point of the group {PACKAGES}",
        )
    return made


def rehearse(mornings: Sequence[date], settings: RetrainSettings, name: str = "rehearsal") -> tuple[str, list[Outcome]]:
    """Retrains on past mornings, in a ledger, a store and a registry of their own.

    Each morning at 09:30 in Kyiv, by a fake clock, with the bundled reports whose window had ended by then. The
    champion that serves is not touched.

    Parameters
    ----------
    mornings : sequence of date
        In any order.
    settings : RetrainSettings
        The rules of the retraining.
    name : str
        Folder of the home in which everything lies; it is made anew.

    Returns
    -------
    (str, list of Outcome)
        URI of the store, and how each morning ended.
    """
    home = salvocast_home() / name
    outcomes = []
    with _other_home(home) as uri, Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        for now in (datetime.combine(day, time(9, 30), KYIV) for day in sorted(mornings)):

            def clock(at: datetime = now) -> datetime:
                return at

            reports = [row for row in read_bundled().rows if isinstance(row, SalvoReport)]
            known = (report for report in reports if report.window_end <= now.replace(tzinfo=None))
            ledger.ingest(Reading(SOURCE, f"morning {now.date()}", known), now)
            with Registry.open(uri, now=clock) as registry, retraining_runs() as runs:
                made = retrain(ledger, registry, runs, Settings(retrain=settings), folder=home, now=clock)
            outcomes.append(made)
    return uri, outcomes


def _same_targets(found: pd.DataFrame, parameters: dict[str, object]) -> pd.DataFrame:
    """The backtests that have scored the same targets in the same way."""
    wanted = {name: parameters[name] for name in SETTING if name in parameters}
    alike = pd.Series(True, index=found.index)
    for name, value in wanted.items():
        alike &= found[name] == (pd.Timestamp(value) if isinstance(value, date) else value)
    return found[alike]


@contextmanager
def _other_home(home: Path) -> Iterator[str]:
    """An empty home, in which everything is kept meanwhile; gives the URI of its store."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    names = ("SALVOCAST_HOME", "SALVOCAST_LEDGER_URL", "MLFLOW_TRACKING_URI")
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    os.environ["SALVOCAST_HOME"] = str(home)
    try:
        yield f"sqlite:///{home / 'mlflow.db'}"
    finally:
        os.environ.pop("SALVOCAST_HOME")
        os.environ.update(before)
