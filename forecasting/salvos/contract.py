"""The contract that every model keeps, whatever it does inside: `check_contract(model)`.

Each law is a function of its own in `LAWS`; the tests hold every bundled model to each of them, and a modeller's own
model is held to the same before it is backtested or registered. What only a ledger can show, that reports of later
days move no forecast, the tests show beside them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.errors import InputError, SalvocastError
from features.history import LaunchHistory
from features.records import SHAHED, UKRAINE, QuietDayRule
from forecasting.salvos.gap import MOST_GAP
from forecasting.salvos.model import (
    MAX_HORIZON,
    GlobalModel,
    Model,
    ModelError,
    SimulationRequest,
    fit,
    forecast,
    forecast_fitted,
    is_global,
)
from forecasting.salvos.saved import SavedModel, load_saved, save_model

LAST_DAY = date(2026, 2, 28)
REQUEST = SimulationRequest(horizon=14, n_paths=200)
LARGEST_SHARE_OF_ONE_DAY = 0.25
"""What a single day, however large, may move the median of the coming 28 days by."""
MOST_DRONES = 10**9
"""A day beyond that is an overflow."""

Counts = NDArray[np.float64]


class ContractError(ModelError):
    """A model broke a law of the contract."""


def history_of(counts: ArrayLike, covariates: Sequence[str] = ()) -> LaunchHistory:
    """A history of these daily counts (NaN: unknown) that ends on LAST_DAY, with made-up missiles and covariates: the
    newest value of a covariate is not public yet."""
    launched = np.array(counts, dtype=float)
    first_day = LAST_DAY - timedelta(days=launched.size - 1)
    unknown = np.full(launched.shape, np.nan)
    of_missiles, *of_covariates = np.random.default_rng(launched.size).spawn(1 + len(covariates))
    told = {name: rng.normal(size=launched.size) for name, rng in zip(covariates, of_covariates, strict=True)}
    for values in told.values():
        values[-1] = np.nan
    return LaunchHistory(
        UKRAINE,
        SHAHED,
        QuietDayRule.NONE,
        first_day,
        launched,
        unknown,
        ("table",),
        missiles=of_missiles.poisson(2.0, launched.size).astype(float),
        covariates=told,
    )


def _shown(model: Model, counts: ArrayLike) -> LaunchHistory:
    """`history_of`, with the covariates that the model says it uses, and for a global one with two other series."""
    history = history_of(counts, getattr(model, "covariates", ()))
    return replace(history, others=OTHERS) if is_global(model) else history


def salvos(n_days: int, *, seed: int = 5, level: float = 80.0) -> Counts:
    """(n_days,) overdispersed counts around a level that grows slowly."""
    rng = np.random.default_rng(seed)
    means = level * np.exp(np.linspace(0.0, 0.5, n_days))
    return rng.negative_binomial(3, 3 / (3 + means)).astype(float)


OTHERS = tuple(
    replace(history_of(salvos(150, seed=seed, level=level)), weapon_class=weapon_class)
    for seed, level, weapon_class in ((6, 4.0, "ballistic"), (7, 700.0, "decoy"))
)
"""What else a global model learns from: one small series and one large."""


def _changed(counts: Counts, *changes: tuple[slice, float]) -> Counts:
    for days, count in changes:
        counts[days] = count
    return counts


HARD: Mapping[str, Counts] = {
    "one day": np.array([12.0]),
    "six days": salvos(6),
    "59 days": salvos(59),
    "60 days": salvos(60),
    "an ordinary year": salvos(400),
    "nothing known": np.full(90, np.nan),
    "all zeros": np.zeros(400),
    "zeros, then one drone": np.r_[np.zeros(399), 1.0],
    "all the same": np.full(400, 50.0),
    "zeros, then a war": np.r_[np.zeros(300), salvos(60, level=500.0)],
    "one giant outlier": _changed(salvos(400), (slice(-40, -39), 100_000)),
    "the outlier was last night": _changed(salvos(400), (slice(-1, None), 100_000)),
    "long gaps": _changed(
        salvos(900), *((days, np.nan) for days in (slice(100, 300), slice(500, 800), slice(-10, None)))
    ),
    "every other day unknown": np.where(np.arange(400) % 2, salvos(400), np.nan),
    "two months unknown": np.r_[salvos(400), np.full(60, np.nan)],
    "known days are too long ago": np.r_[salvos(400), np.full(MOST_GAP + 30, np.nan)],
    "exponential growth": np.exp(np.linspace(0, 11, 400)).round().astype(np.float64),
    "20 years": salvos(7_305),
}
"""Histories on which models break."""
SAYS_NOTHING = ("one day", "nothing known", "known days are too long ago")
ORDINARY = ("an ordinary year", "long gaps", "20 years")


def _paths_are_whole_counts_of_the_shape_asked_for(model: Model) -> None:
    history = _shown(model, salvos(400))
    fitted = fit(model, history)
    for horizon, n_paths in ((1, 1), (1, 7), (28, 1), (30, 50)):
        forecast_fitted(model, fitted, history, SimulationRequest(horizon, n_paths), 1)


def _paths_are_of_the_level_of_the_history(model: Model) -> None:
    """A sanity bound that any model of salvos keeps: within a factor of two of an even history, on the same days at two
    levels, of which a frame that a model has of its own, keyed by day, meets one at most."""
    for level in (100, 1_000):
        history = _shown(model, np.random.default_rng(2).negative_binomial(5, 5 / (5 + level), 500))
        mean = forecast(model, history, SimulationRequest(7, 2_000), 1).paths.mean()
        _require(
            level / 2 < mean < 2 * level,
            f"a mean of {mean:.0f} drones a day after 500 days around {level}, expected {level // 2} to {2 * level}: "
            "learn from the history that is given, and from nothing else",
        )


def _the_same_seed_gives_the_same_bytes_and_another_seed_other_paths(model: Model) -> None:
    history = _shown(model, salvos(400))
    first, again, other = (forecast(model, history, REQUEST, seed).paths.tobytes() for seed in (7, 7, 8))
    _require(first == again, "two forecasts with seed 7 differ: draw from the generator that is passed alone")
    _require(first != other, "seeds 7 and 8 give the same paths: draw from the generator that is passed")


def _nothing_is_kept_between_fits(model: Model) -> None:
    history = _shown(model, salvos(400))
    alone = forecast(model, history, REQUEST, 1).paths
    forecast(model, _shown(model, salvos(300, seed=9, level=900.0)), REQUEST, 1)
    again = forecast(model, history, REQUEST, 1).paths
    _require(alone.tobytes() == again.tobytes(), "a fit to another history changed the forecast of the first")


def _two_requests_of_one_fit_do_not_touch_each_other(model: Model) -> None:
    history = _shown(model, salvos(400))
    fitted = fit(model, history)
    first = forecast_fitted(model, fitted, history, REQUEST, 1).paths.tobytes()
    forecast_fitted(model, fitted, history, SimulationRequest(30, 50), 2)
    again = forecast_fitted(model, fitted, history, REQUEST, 1).paths.tobytes()
    _require(first == again, "a request changed what the fitted model answers to the next one")


def _the_global_generator_is_left_alone(model: Model) -> None:
    before = str(np.random.get_state())  # noqa: NPY002  with its position, which a single draw moves
    forecast(model, _shown(model, salvos(400)), REQUEST, 1)
    after = str(np.random.get_state())  # noqa: NPY002
    _require(before == after, "numpy.random's own generator was drawn from, which no seed of a request controls")


def _the_history_is_not_changed(model: Model) -> None:
    counts = _changed(salvos(400), (slice(50, 60), np.nan))
    history = _shown(model, counts)
    forecast(model, history, REQUEST, 1)
    _require(np.array_equal(history.launched, counts, equal_nan=True), "the history that was learned from has changed")


def _a_planted_future_moves_no_forecast(model: Model) -> None:
    """The later days lie behind the arrays of the history, covariates, missiles and other series among them, where a
    model that looks would find them."""
    history, told = _shown(model, salvos(400)), []
    for later in (0.0, 90_000.0):

        def planted(series: Counts, then: float = later) -> Counts:
            longer: Counts = np.r_[series, np.full(30, then)]
            return longer[: series.size]

        assert history.missiles is not None
        with_future = replace(
            history,
            launched=planted(history.launched),
            neutralised=planted(history.neutralised),
            missiles=planted(history.missiles),
            covariates={name: planted(values) for name, values in history.covariates.items()},
            others=tuple(replace(each, launched=planted(each.launched)) for each in history.others),
        )
        told.append(forecast(model, with_future, REQUEST, 1).paths.tobytes())
    _require(told[0] == told[1], "days after the origin moved the forecast")


def _many_series_are_each_forecast_at_their_own_level(model: Model) -> None:
    """Of a global model: one answer for each history, in their order, whichever comes first; a local one has one."""
    if not is_global(model):
        return
    many: GlobalModel = cast(GlobalModel, model)
    small, large = (history_of(salvos(400, seed=seed, level=level)) for seed, level in ((3, 20.0), (4, 2_000.0)))
    large = replace(large, weapon_class="decoy")
    for histories in ((small, large), (large, small)):
        fitted = many.fit_many(histories)
        _require(len(fitted) == 2, f"fit_many gave {len(fitted)} answers to 2 histories: expected one for each")
        for history, own in zip(histories, fitted, strict=True):
            mean = own.simulate(SimulationRequest(7, 500), np.random.default_rng(1)).mean()
            level = float(history.launched[-28:].mean())
            _require(
                level / 3 < mean < 3 * level,
                f"a mean of {mean:.0f} drones a day for a series around {level:.0f}: expected the answers in the order "
                "of the histories, each at its own level",
            )


def _hard_histories_give_sound_paths_or_an_error_in_one_line(model: Model) -> None:
    for name, counts in HARD.items():
        try:
            paths = forecast(model, _shown(model, counts), SimulationRequest(60, 100), 1).paths
        except (InputError, ModelError) as error:
            told = str(error)
            sound = len(told) > 20 and len(told.splitlines()) == 1
            _require(sound and name not in ORDINARY, f"refused {name!r}: {told!r}")
        else:
            _require(name not in SAYS_NOTHING, f"made a forecast of {name!r}")
            _require(paths.max() < MOST_DRONES, f"{paths.max():,} drones on one day after {name!r}")


def _two_years_ahead_stays_a_number_of_drones(model: Model) -> None:
    paths = forecast(model, _shown(model, salvos(800)), SimulationRequest(MAX_HORIZON, 300), 1).paths
    _require(paths.max() < 10**6, f"{paths.max():,} drones on one day within two years, after days of about 100")
    _require(paths[:, -1].std() > 0, "no spread two years ahead")


def _a_longer_horizon_leaves_the_first_days_as_they_are(model: Model) -> None:
    """Random numbers belong to a path and a day (see `forecasting.salvos.sampling`)."""
    history = _shown(model, salvos(400))
    fitted = fit(model, history)
    longest = forecast_fitted(model, fitted, history, SimulationRequest(60, 50), 3).paths
    for horizon in (1, 7, 28, 41):
        paths = forecast_fitted(model, fitted, history, SimulationRequest(horizon, 50), 3).paths
        _require(
            np.array_equal(paths, longest[:, :horizon]),
            f"the first {horizon} days differ where 60 are asked for: give each array of draws a generator of its own "
            "(rng.spawn), and draw all paths of a day before the next day",
        )


def _one_day_however_large_moves_the_median_little(model: Model) -> None:
    counts = salvos(400)
    usual = np.median(forecast(model, _shown(model, counts), SimulationRequest(28, 400), 1).totals(28))
    for days_ago, count in ((1, 100_000.0), (1, 3_000.0), (21, 100_000.0)):
        changed = _changed(counts.copy(), (slice(400 - days_ago, 401 - days_ago), count))
        median = np.median(forecast(model, _shown(model, changed), SimulationRequest(28, 400), 1).totals(28))
        share = abs(float(median / usual) - 1.0)
        _require(
            share <= LARGEST_SHARE_OF_ONE_DAY,
            f"{count:,.0f} drones {days_ago} days ago move the median of the coming 28 days by {share:.0%}: expected "
            f"at most {LARGEST_SHARE_OF_ONE_DAY:.0%}",
        )


def _days_without_a_count_make_it_no_surer(model: Model) -> None:
    counts, widths = salvos(400), []
    for n_unknown in (0, 3, 10, 25):
        history = _shown(model, np.r_[counts, np.full(n_unknown, np.nan)])
        low, high = np.quantile(forecast(model, history, SimulationRequest(7, 2_000), 1).totals(7), [0.1, 0.9])
        widths.append(float(high - low))
    told = ", ".join(f"{width:,.0f}" for width in widths)
    _require(
        all(later > earlier for earlier, later in pairwise(widths)),
        f"the 80 % range of a week is {told} drones wide after 0, 3, 10 and 25 days without a count: expected it to "
        "grow",
    )


def _what_is_saved_answers_as_before(model: Model) -> None:
    history = _shown(model, salvos(400))
    saved = SavedModel.of(model, fit(model, history), history)
    read = load_saved(save_model(saved))
    same = saved.forecast(REQUEST, 1).paths.tobytes() == read.forecast(REQUEST, 1).paths.tobytes()
    _require(same, "saved and read again, it gives other paths")


LAWS: Mapping[str, Callable[[Model], None]] = {
    law.__name__.strip("_").replace("_", " "): law
    for law in (
        _paths_are_whole_counts_of_the_shape_asked_for,
        _paths_are_of_the_level_of_the_history,
        _the_same_seed_gives_the_same_bytes_and_another_seed_other_paths,
        _nothing_is_kept_between_fits,
        _two_requests_of_one_fit_do_not_touch_each_other,
        _the_global_generator_is_left_alone,
        _the_history_is_not_changed,
        _a_planted_future_moves_no_forecast,
        _many_series_are_each_forecast_at_their_own_level,
        _hard_histories_give_sound_paths_or_an_error_in_one_line,
        _two_years_ahead_stays_a_number_of_drones,
        _a_longer_horizon_leaves_the_first_days_as_they_are,
        _one_day_however_large_moves_the_median_little,
        _days_without_a_count_make_it_no_surer,
        _what_is_saved_answers_as_before,
    )
}
"""The law in words -> what raises SalvocastError for a model that breaks it."""


@dataclass(frozen=True)
class KeptLaws:
    """The laws that a model keeps: all of them, as `check_contract` raises otherwise."""

    model_id: str
    laws: tuple[str, ...] = field(default=tuple(LAWS))

    def __str__(self) -> str:
        return f"{self.model_id} keeps the {len(self.laws)} laws of the contract: {'; '.join(self.laws)}"


def check_contract(model: Model) -> KeptLaws:
    """Holds a model to every law of the contract; takes seconds.

    Parameters
    ----------
    model : Model
        The recipe; it is fitted to histories that are made up.

    Returns
    -------
    KeptLaws
        The laws that it keeps: all of them.

    Raises
    ------
    ContractError
        Telling every law that it breaks, and how.
    """
    name = str(getattr(model, "model_id", "") or "")
    if not name.isidentifier():
        raise ContractError(f"model_id is '{name}': expected a name such as weekly_average, of letters, digits and _")
    broken = []
    for law, check in LAWS.items():
        try:
            check(model)
        except SalvocastError as error:
            broken.append(f"{law}: {error}")
        except Exception as error:  # noqa: BLE001  whatever a model of somebody's raises is told
            broken.append(f"{law}: {type(error).__name__}: {' '.join(str(error).split())}")
    if broken:
        raise ContractError(f"model {name} breaks {len(broken)} of {len(LAWS)} laws: {' | '.join(broken)}")
    return KeptLaws(name)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ContractError(otherwise)
