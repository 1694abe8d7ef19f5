"""The model contract: fit(history) -> Fitted; Fitted.simulate(request, rng) -> paths.

A global model has `fit_many(histories)` for it, and learns from many series at once.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError, SalvocastError, unknown_name
from features.history import LaunchHistory
from features.massed import WINDOW, is_mostly_quiet, massed_threshold
from features.unknown_days import mostly_unknown, nights_alone
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.gap import MOST_GAP, bridge_gap
from forecasting.salvos.soundness import level_doubt, limit_outliers, scale_by_doubt

MAX_HORIZON = 730
MAX_PATHS = 50_000

BUNDLED_MODELS = {
    "empirical_window": "forecasting.salvos.models.empirical_window:EmpiricalWindow",
    "seasonal_naive": "forecasting.salvos.models.seasonal_naive:SeasonalNaive",
    "exponential_empirical": "forecasting.salvos.models.exponential_empirical:ExponentialEmpirical",
    "ratio_to_level": "forecasting.salvos.models.ratio_to_level:RatioToLevel",
    "local_level": "forecasting.salvos.models.local_level:LocalLevel",
    "negative_binomial": "forecasting.salvos.models.negative_binomial:NegativeBinomialRegression",
    "log_normal": "forecasting.salvos.models.log_normal:LogNormalRegression",
    "two_regime": "forecasting.salvos.models.two_regime:TwoRegime",
    "salvo_ensemble": "forecasting.salvos.ensemble:SalvoEnsemble",
    "gradient_boosting": "forecasting.salvos.models.gradient_boosting:GradientBoosting",
    "global_boosting": "forecasting.salvos.models.global_boosting:GlobalBoosting",
}
"""Name -> where its class is. Strings, so that naming the models loads none of their libraries."""

PACKAGES = "salvocast.models"
"""The entry-point group by which an installed package adds models of its own: name = "module:Class"."""

MODELS = {each.name: each.value for each in entry_points(group=PACKAGES)} | BUNDLED_MODELS
"""Every model that can be named here: the bundled ones, those of installed packages, and what `add_model` was given."""

FEWEST_DAYS = 28
"""Known attack days that a model needs unless it says otherwise."""

REFERENCE_MODEL = "empirical_window"
"""What every other model is measured against."""


class ModelError(SalvocastError):
    """A model could not be fitted or simulated. It fails the request: no other model steps in under its name."""


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """How far and how finely to simulate.

    Parameters
    ----------
    horizon : int
        Attack days ahead, 1 to 730.
    n_paths : int
        Simulated futures, 1 to 50,000.

    Raises
    ------
    InputError
        For a number outside these limits.
    """

    horizon: int
    n_paths: int

    def __post_init__(self) -> None:
        for name, given, largest, what in (
            ("horizon", self.horizon, MAX_HORIZON, "attack days"),
            ("paths", self.n_paths, MAX_PATHS, "simulated futures"),
        ):
            if not 1 <= given <= largest:
                raise InputError(f"{name} is {given}: expected 1 to {largest} {what}", field=name)


class Fitted(Protocol):
    """A model that has learnt from one history."""

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        """Possible futures, jointly simulated.

        Parameters
        ----------
        request : SimulationRequest
            How many days and paths.
        rng : numpy.random.Generator
            The only source of chance: same state, same paths.

        Returns
        -------
        (n_paths, horizon) array of int64
            Whole drones per attack day; column 0 is the day after the origin.
        """
        ...


class Model(Protocol):
    """A recipe that can be fitted to any history; it keeps nothing between fits.

    One that uses covariates has their names in `covariates`, a tuple of str, and finds them by name in
    `history.covariates`.
    """

    @property
    def model_id(self) -> str:
        """The name that every forecast of this model carries."""
        ...

    def fit(self, history: LaunchHistory) -> Fitted:
        """Learns from a history and from nothing else.

        Parameters
        ----------
        history : LaunchHistory
            As published by the origin, which is its last day.

        Returns
        -------
        Fitted

        Raises
        ------
        ModelError or InputError
            Where it cannot.
        """
        ...


class GlobalModel(Protocol):
    """A recipe that learns from many series at once: the second contract, for whatever takes a Model."""

    @property
    def model_id(self) -> str:
        """The name that every forecast of this model carries."""
        ...

    def fit_many(self, histories: Sequence[LaunchHistory]) -> Sequence[Fitted]:
        """Learns from these histories and from nothing else.

        Parameters
        ----------
        histories : sequence of LaunchHistory
            All as published by the same origin; of one that is too short it may only learn less. One alone must do.

        Returns
        -------
        sequence of Fitted
            One for each of them that is asked for, in their order; the first is of the series that is forecast.

        Raises
        ------
        ModelError or InputError
            Where it cannot.
        """
        ...


def is_global(model: Model | GlobalModel) -> bool:
    """Whether the model learns from many series at once: it is shown the others as published by the same origin."""
    return hasattr(model, "fit_many")


def seen_by(model: Model | GlobalModel, history: LaunchHistory) -> LaunchHistory:
    """What a model sees of a history: of covariates those that it names, of other series all or none."""
    names = getattr(model, "covariates", ())
    shown = {name: values for name, values in history.covariates.items() if name in names}
    return replace(history, covariates=shown, others=history.others if is_global(model) else ())


def require_days(model_id: str, history: LaunchHistory, fewest: int = FEWEST_DAYS) -> None:
    """Nothing, for a history with enough known attack days.

    Parameters
    ----------
    model_id : str
        Who asks, for the error.
    history : LaunchHistory
        Of which the known days count.
    fewest : int
        Attack days.

    Raises
    ------
    InputError
        For a history with fewer.
    """
    n_known = int(history.known.size)
    if n_known < fewest:
        raise InputError(
            f"model {model_id} needs at least {fewest} known attack days, the history until {history.last_day} has "
            f"{n_known}: ingest more reports, choose a later origin or --model {REFERENCE_MODEL}",
            field="model",
        )


def require_covariates(model: Model, given: Collection[str]) -> None:
    """Nothing, for a model whose covariates are among those given by name. Raises InputError for another."""
    if missing := [name for name in getattr(model, "covariates", ()) if name not in given]:
        raise InputError(
            f"model {model.model_id} needs the covariates {', '.join(missing)}: expected a backtest with --covariate "
            "NAME=FILE of each, or ensure_backtest(covariates=...); nothing else has any",
            field="model",
        )


def add_model(recipe: type[Model] | Model) -> Model:
    """Makes a model of one's own known by its model_id to this process, such as a notebook.

    For every process, install a package with an entry point of the group PACKAGES. Replaces one that was added before.

    Parameters
    ----------
    recipe : type of Model, or Model
        A class at the top of a module, made without arguments; or an instance of one, a dataclass with other
        parameters. An instance that has no model_id of its own is named by what differs from the defaults:
        `Window(n=7)`, whose class says "window", is window_n_7.

    Returns
    -------
    Model
        The model as it is named here.

    Raises
    ------
    InputError
        For the name of a bundled model, and for an instance that cannot be told by its name from the class's own.
    """
    model = recipe() if isinstance(recipe, type) else _named_by_parameters(recipe)
    kind = type(model)
    if model.model_id in BUNDLED_MODELS:
        raise InputError(f"{model.model_id} is a bundled model: expected a model_id of one's own")
    MODELS[model.model_id] = f"{kind.__module__}:{kind.__qualname__}"
    if isinstance(recipe, type):
        _INSTANCES.pop(model.model_id, None)
    else:
        _INSTANCES[model.model_id] = model
    return model


_INSTANCES: dict[str, Model] = {}
"""What `add_model` was given that its class alone does not make, by name."""


def _named_by_parameters(model: Model) -> Model:
    """The same with a model_id of its parameters, where it has that of its class and other parameters than it."""
    given: Any = model
    told = fields(given) if is_dataclass(given) else ()
    defaults = {each.name: each.default for each in told if each.init}
    differing = {
        name: value
        for name, default in defaults.items()
        if name != "model_id" and (value := getattr(model, name)) != default
    }
    if not differing:
        return model
    if "model_id" not in defaults:  # a property may tell them already
        if not isinstance(getattr(type(model), "model_id", None), property):
            raise InputError(
                f"{type(model).__name__} has one model_id for all of its parameters: expected model_id to be a field "
                f'of the dataclass, such as model_id: str = "{model.model_id}"'
            )
        return model
    if model.model_id != defaults["model_id"]:
        return model
    words = (f"{name}_{_as_name(value)}" for name, value in differing.items())
    named: Model = replace(given, model_id="_".join([model.model_id, *words]))
    return named


def _as_name(value: object) -> str:
    """A parameter as part of a name."""
    if isinstance(value, tuple):
        return "_".join(map(_as_name, value))
    return re.sub(r"\W", "_", str(getattr(value, "model_id", value)))


def load_model(name: str) -> Model:
    """The model of a name: bundled, of an installed package, or added.

    Parameters
    ----------
    name : str
        One of MODELS.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        There is no model of that name; it gives the nearest names.
    ModelError
        The package that brings it cannot be imported, or makes no such model.

    Examples
    --------
    >>> load_model("two_regime").model_id
    'two_regime'
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS, field="model")
    if name in _INSTANCES:
        return _INSTANCES[name]
    module, _, class_name = MODELS[name].partition(":")
    with _failures_named(name, "cannot be loaded"):
        model: Model = getattr(import_module(module), class_name)()
        own_name = model.model_id
    if own_name != name:
        raise ModelError(
            f"model {name} cannot be loaded (its model_id is '{own_name}': expected the name it is known by)"
        )
    return model


def fit(model: Model, history: LaunchHistory) -> Fitted:
    """The model fitted to the history: what is learned before any request, and shared between them.

    Raises InputError for a history without a known day, or none for too long, and what the model raises.
    """
    if not history.known.size:
        raise InputError(
            "no attack day until {day} has a known count: ingest reports or choose a later origin",
            field="origin",
            day=history.last_day,
        )
    unknown_days = (history.last_day - history.last_known_day).days
    if unknown_days > MOST_GAP:
        raise InputError(
            "origin {origin} is {days} days after the last attack day known ({last}): expected at most {most}; ingest "
            "newer reports or choose an earlier origin",
            field="origin",
            origin=history.last_day,
            days=unknown_days,
            last=history.last_known_day,
            most=MOST_GAP,
        )
    require_covariates(model, history.covariates)
    seen = seen_by(model, history)
    with _failures_named(model.model_id, f"cannot be fitted to the history until {history.last_day}"):
        shown = (replace(seen, others=()), *seen.others)
        every = [bridge_gap(limit_outliers(each)) for each in shown if each.known.size]
        if not is_global(model):
            return model.fit(every[0])
        of_many: Any = model
        first: Fitted = of_many.fit_many(every)[0]
        return first


@contextmanager
def _failures_named(model_id: str, what: str) -> Iterator[None]:
    """Whatever a model raises is a ModelError that names the model: one that breaks must not stop the others, and
    whoever reads the line must know which it was."""
    try:
        yield
    except SalvocastError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        raise ModelError(f"model {model_id} {what} ({reason})") from error


def forecast(model: Model, history: LaunchHistory, request: SimulationRequest, seed: int) -> SalvoForecast:
    """Fits a model to a history and simulates from the day after it.

    Parameters
    ----------
    model : Model
        The recipe.
    history : LaunchHistory
        Its last day is the origin.
    request : SimulationRequest
        How many days and paths.
    seed : int
        0 or more. Same history, request and seed: same bytes.

    Returns
    -------
    SalvoForecast

    Raises
    ------
    InputError
        For a history without a known day, or none for too long.
    ModelError
        Where the model fails, or gives paths that are none.
    """
    return forecast_fitted(model, fit(model, history), history, request, seed)


def forecast_fitted(
    model: Model, fitted: Fitted, history: LaunchHistory, request: SimulationRequest, seed: int
) -> SalvoForecast:
    """`forecast`, where the model is `fitted` to the history already. Raises ModelError for paths that are none."""
    with _failures_named(model.model_id, f"cannot be simulated from {history.last_day}"):
        paths: Any = fitted.simulate(request, np.random.default_rng([seed, FORECAST_STREAM]))
    shape = (request.n_paths, request.horizon)
    if not isinstance(paths, np.ndarray) or paths.shape != shape or paths.dtype != np.int64 or paths.min() < 0:
        given = type(paths).__name__
        if isinstance(paths, np.ndarray):
            given = f"{paths.dtype} paths of shape {paths.shape}"
        raise ModelError(f"model {model.model_id} gave {given}: expected whole counts of shape {shape}, none negative")
    return SalvoForecast(
        theatre=history.theatre,
        weapon_class=history.weapon_class,
        origin=history.last_day,
        last_day_known=history.last_known_day,
        paths=scale_by_doubt(paths, level_doubt(history), seed),
        model_id=model.model_id,
        data_sources=history.sources,
        data_digest=history.digest,
        quiet_day_rule=history.quiet_day_rule,
        massed_threshold=massed_threshold(history),
        seed=seed,
        unknown_days=mostly_unknown(history),
        mostly_quiet=is_mostly_quiet(history),
        held=history.held,
        days_before=tuple(history.known[-WINDOW:].tolist()),
        nights_alone=nights_alone(history),
    )


FORECAST_STREAM = 1
"""Splits the seed: the salvos of a plan are those of the forecast with the same seed."""
