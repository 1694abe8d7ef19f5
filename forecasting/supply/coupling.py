"""Salvos and supply together: paths that follow the salvo model at first and stock and production later.

The salvo model says how launches are spread over the days (its shape: ordinary days, massed strikes) and where the
level is in the near future. What the record allows of a production scenario (`forecasting.supply.assimilation`) says
what can be sustained. From some day on, drawn for each path, the level of the path is that of its draw of supply; the
share of paths that have moved is `CouplingWeights`, learned from how well either told the level at past origins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.messages import Message
from features.production import draw_supply
from features.scenario_parts import DAYS_PER_MONTH
from features.scenarios import ProductionScenario
from features.stock_flow import SupplyDraws, stock_flow, sustained
from forecasting.salvos.ensemble import LARGEST_WALK, SMALLEST_WALK
from forecasting.salvos.sampling import whole_drones
from forecasting.supply.assimilation import BLOCK, AssimilatedSupply, assimilate_at, scale_output
from forecasting.supply.growth import damped_growth
from forecasting.supply.verdict import Verdict

Draws = NDArray[np.float64]
Quantiles = tuple[float, ...]
"""At .05, .25, .5, .75 and .95."""

SCALES = np.array([np.inf, 720.0, 360.0, 180.0, 90.0])
"""Days tau in the weight 1 - exp(-(h / tau)^2); inf is the salvo model alone, and as likely beforehand as all others
together."""
PRIOR = np.array([0.5, 0.125, 0.125, 0.125, 0.125])
TOLD = (56, 84, 168, 252, 336)
"""Horizons, in days, at which past forecasts of the level are compared: the mean of the 28 days up to each."""
WEEK = 7
LOOK_AHEAD = BLOCK // 2
"""Days of a path after a day that its level rests on."""
EARLIEST = 6 * BLOCK
"""Days of history before the first past origin."""
PAST_DRAWS = 400
LEVEL_NOISE = 0.15
"""Standard deviation of the log of a 28-day mean around the level."""
_LEAST = 0.5
"""Drones per day: no level is less, so that it has a logarithm."""
_COUPLING_STREAM = 4
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
WEIGHTS_TOLD = (7, 28, 90, 180, 365)
GROWTH_TOLD = WEIGHTS_TOLD[2:]


@dataclass(frozen=True, eq=False)
class CouplingWeights:
    """by_day: (horizon,) share of the paths whose level is that of supply, 0 to 1 and never falling. n_origins: past
    origins from which it was learned; with none it is that of the prior. growth: (horizon,) times the level of either,
    unannounced (`forecasting.supply.growth`)."""

    by_day: Draws
    n_origins: int
    growth: Draws


@dataclass(frozen=True, eq=False)
class CoupledPaths:
    """paths: (n_paths, horizon) whole drones launched per attack day. supply: what each path draws on, with the output
    that the path implies. stock: (n_paths, horizon) drones in store."""

    paths: NDArray[np.int64]
    supply: SupplyDraws
    stock: Draws

    def first(self, n_days: int) -> "CoupledPaths":
        """The same without the days after the first n_days."""
        last_day = self.supply.first_day + timedelta(days=n_days - 1)
        supply = self.supply.window(self.supply.first_day, last_day)
        return CoupledPaths(self.paths[:, :n_days], supply, self.stock[:, :n_days])

    @property
    def armed_share(self) -> Draws:
        """(n_paths, horizon) armed drones among those made; 1 where none is."""
        made = self.supply.inflow
        armed = self.supply.armed * self.supply.released[:, np.newaxis] + self.supply.armed_as_stated
        share: Draws = np.divide(armed, made, out=np.ones_like(made), where=made > 0)
        return share

    @property
    def launchable(self) -> Draws:
        """(n_paths, horizon) drones that could be launched at the end of each day: the store above its minimum, less
        what is lost before launch."""
        above = np.maximum(self.stock - self.supply.minimum[:, np.newaxis], 0.0)
        launchable: Draws = above * (1.0 - self.supply.lost_before_launch)[:, np.newaxis]
        return launchable


def learn_weights(published: ProductionScenario, history: LaunchHistory, horizon: int, seed: int) -> CouplingWeights:
    """How far ahead supply tells the level better than the salvo model, by what both said at past origins.

    At origins every 28 days back, two densities of the log level at each horizon whose end is known by now: the level
    of the last 28 days, walking as it had, and what the assimilated scenario sustains. The weights are those of their
    linear pool (stacking by the log score; Yao et al. 2018, eq. 4), averaged over the scales by their posterior.
    Horizons of neighbouring origins overlap; a score counts for the share that does not. With few past origins the
    prior, half of it on no weight at all, decides. Unannounced growth is that of either, and left out of both.

    It is the past record of the published scenario, and used for what-if variants of it too: they have no past.
    """
    log_posterior, told = np.log(PRIOR), dict[date, list[int]]()
    for back in range(TOLD[0], history.launched.size - EARLIEST + 1, BLOCK):
        origin = history.last_day - timedelta(days=back)
        if origin >= published.stock.opening.date and history.until(origin).known.size >= EARLIEST // 2:
            told[origin] = [horizon for horizon in TOLD if horizon <= back]
    longest = {origin: horizons[-1] for origin, horizons in told.items()}
    for supply in assimilate_at(published, history, longest, PAST_DRAWS, seed):
        horizons, past = told[supply.origin], history.until(supply.origin)
        supply_mean, supply_variance = _log_level_by_supply(supply, horizons)
        salvo_mean, salvo_variance = _log_level_by_walk(past, horizons)
        level = _log_levels(history.launched[past.launched.size :], horizons)
        scores = np.logaddexp(
            _log_normal(level, salvo_mean, salvo_variance) - _power(horizons, SCALES).T,
            _log_normal(level, supply_mean, supply_variance) + np.log(-np.expm1(-_power(horizons, SCALES).T) + 1e-12),
        )
        log_posterior = log_posterior + np.nansum(scores * (BLOCK / np.array(horizons)), axis=1)
    posterior = np.exp(log_posterior - log_posterior.max())
    posterior /= posterior.sum()
    by_day = -np.expm1(-_power(range(1, horizon + 1), SCALES)) @ posterior
    return CouplingWeights(by_day, len(told), damped_growth(history, horizon))


def couple(
    salvos: NDArray[np.int64],
    history: LaunchHistory,
    published: SupplyDraws,
    weights: CouplingWeights,
    seed: int,
    what_if: SupplyDraws | None = None,
    head_start: Draws | float = 1.0,
    certain_now: Draws | float = 0.0,
    ceiling: Draws | float = np.inf,
) -> CoupledPaths:
    """Paths of the salvo model (n_paths, horizon), brought to the level of supply as the weights say.

    published, what_if: `AssimilatedSupply.future` of n_paths with the same seed, for as many days, or fewer: salvos
    beyond them are looked at for the level of the last days. A path keeps its shape: each day is
    multiplied by a factor, its level being a mean of 28 days around it. What a variant changes is what the planner
    asserts, so it counts in full from the first day, whatever the weights: the level is multiplied by what the variant
    sustains over what the published scenario does, draw by draw. The same scenario changes nothing. head_start:
    (n_paths,) that ratio on the day of the origin (`AssimilatedSupply.sustained_now`): both have met the same record,
    so it is no doing of the variant, and left out. What is certain in the variant is launched on top of the rest, as it
    comes, whatever the level; certain_now: (n_paths,) the part of it that was there at the origin, and so is in the
    level of the path already (`AssimilatedSupply.certain_of_paths`).

    No path launches more than its stock plus production, and none makes more than the ceiling, (n_days,) drones per day
    (`forecasting.supply.ceiling`), beside what is certain. The drawn output is known up to a ratio that walks; as long
    as a path follows the salvo model, its level is the news of that ratio, so the output of the path is what sustains
    it. And the record tells of the stock at the origin only how much there must have been: the first 28 days of a path,
    before any effect of a variant, are the news of what was saved for them.
    """
    rng = np.random.default_rng([seed, _COUPLING_STREAM])
    supply = published if what_if is None else what_if
    level, shape = _running_level(salvos, history)[:, : supply.n_days], _shape_of_weeks(salvos)[:, : supply.n_days]
    salvos = salvos[:, : supply.n_days]
    weighed = supply.without_certain()
    certain = _sustained_launches(supply) - _sustained_launches(weighed)
    # A pause stops launches, not the output that they tell of.
    base = _sustained_launches(replace(published.without_certain(), paused=np.zeros_like(published.paused)))
    behind = np.reshape(1.0 / np.asarray(head_start), (-1, 1))
    effect = (_sustained_launches(weighed) * behind + 1.0) / (base + 1.0)
    since = (weights.by_day >= rng.random((salvos.shape[0], 1))).cumsum(axis=1)
    moved = np.minimum(since / BLOCK, 1.0)
    ratio = np.maximum(base, _LEAST) / level
    grown = weights.growth[: supply.n_days]
    rest = np.maximum(grown - np.reshape(certain_now, (-1, 1)) / (level * ratio**moved), 0.0)
    output, launches = rest * ratio ** (moved - 1.0), rest * salvos * ratio**moved
    needed = _saved_for(launches, _held(scale_output(published.without_certain(), output), ceiling))
    supply = _held(scale_output(supply, behind * output), ceiling)
    supply = replace(supply, opening=np.maximum(supply.opening, needed))
    return _launch(supply, launches * effect + certain * shape, rng)


def _held(supply: SupplyDraws, ceiling: Draws | float) -> SupplyDraws:
    """The supply with no more made on a day than the ceiling, beside what is certain."""
    made = supply.weighed_inflow
    return scale_output(supply, np.minimum(1.0, ceiling / np.maximum(made, _LEAST)))


def _saved_for(launches: Draws, supply: SupplyDraws) -> Draws:
    """(n_paths,) the least stock at the origin with which the first 28 days of `launches` could be launched."""
    days = slice(0, BLOCK)
    taken = launches[:, days] / (1.0 - supply.lost_before_launch)[:, np.newaxis]
    balance = (supply.inflow[:, days] - supply.struck[:, days] - supply.transferred[:, days] - taken).cumsum(axis=1)
    saved: Draws = np.maximum(supply.minimum - balance.min(axis=1), 0.0)
    return saved


def borrow_shape(salvos: NDArray[np.int64], history: LaunchHistory, supply: SupplyDraws, seed: int) -> CoupledPaths:
    """Paths of a theatre without a record: the shape of the salvos of another theatre, whose paths and history these
    are, at the level that the supply of the theatre sustains from the first day.

    It rests on assumptions alone; whoever shows it must say so.
    """
    rng = np.random.default_rng([seed, _COUPLING_STREAM])
    shape = (salvos / _running_level(salvos, history))[:, : supply.n_days]
    return _launch(supply, shape * _sustained_launches(supply), rng)


def unrecorded_supply(
    scenario: ProductionScenario,
    theatre: str,
    origin: date,
    horizon: int,
    n_paths: int,
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> SupplyDraws:
    """The supply from the day after the origin of a theatre where nothing was launched until then: what it got is in
    store. Raises InputError as `draw_supply`."""
    drawn = draw_supply(scenario.as_known(origin), theatre, origin + timedelta(days=horizon), n_paths, seed, fixed)
    if drawn.first_day > origin:
        raise InputError(
            f"the account of scenario {scenario.name} opens on {drawn.first_day}: expected a day until the origin, "
            f"{origin}",
            field="scenario",
        )
    until_now = drawn.window(drawn.first_day, origin)
    stock = stock_flow(until_now, np.zeros(until_now.n_days)).stock[:, -1]
    return drawn.window(origin + timedelta(days=1), drawn.last_day, stock)


@dataclass(frozen=True)
class MonthEnd:
    """One day of the outlook. launchable_stock: drones. production_stated, production_compatible: drones per month that
    reach the store on that day, as stated and on the paths; certain: the part of them that counts as stated, None where
    there is none."""

    day: date
    launchable_stock: Quantiles
    production_stated: Quantiles
    production_compatible: Quantiles | None
    certain: Quantiles | None = None


@dataclass(frozen=True)
class SupplyOutlook:
    """What a plan shows of its production scenario; None stands where the theatre has no record to be weighed by.

    compatible, verdict: whether the record allows the scenario as stated. stock_stated, stock_compatible: drones at the
    origin, had output been as stated, and as the record has it; capacity_stated, capacity_compatible: drones per month
    at the origin. output_ratio: true over stated output. weights: days ahead -> share of the paths whose level is that
    of supply, learned at n_past_origins. growth: days ahead -> times the level, unannounced; empty for none. months:
    the ends of the calendar months, and the last day.
    """

    scenario: str
    n_draws: int
    effective_sample_size: float | None
    compatible: bool | None
    verdict: Message
    stock_stated: Quantiles
    stock_compatible: Quantiles | None
    capacity_stated: Quantiles
    capacity_compatible: Quantiles | None
    output_ratio: Quantiles | None
    weights: Mapping[int, float]
    growth: Mapping[int, float]
    n_past_origins: int
    months: tuple[MonthEnd, ...]


def supply_outlook(
    assimilated: AssimilatedSupply, verdict: Verdict, weights: CouplingWeights, coupled: CoupledPaths
) -> SupplyOutlook:
    """The outlook of the scenario that `coupled` was made with, as `assimilated` and `judged`."""
    drawn = assimilated.drawn

    def compatible(values: Draws) -> Quantiles:
        return tuple(float(value) for value in assimilated.quantiles(values, LEVELS))

    return SupplyOutlook(
        scenario=assimilated.scenario.name,
        n_draws=drawn.n_draws,
        effective_sample_size=assimilated.effective_sample_size,
        compatible=verdict.compatible,
        verdict=verdict.reason,
        stock_stated=_quantiles(verdict.stock),
        stock_compatible=compatible(assimilated.stock),
        capacity_stated=_quantiles(assimilated.capacity_stated),
        capacity_compatible=compatible(assimilated.capacity),
        output_ratio=compatible(assimilated.output_ratio),
        weights={step: float(weights.by_day[step - 1]) for step in WEIGHTS_TOLD if step <= weights.by_day.size},
        growth={step: float(weights.growth[step - 1]) for step in GROWTH_TOLD if step <= weights.by_day.size}
        if (weights.growth != 1.0).any()
        else {},
        n_past_origins=weights.n_origins,
        months=_months(coupled, drawn.inflow[:, (assimilated.origin - drawn.first_day).days + 1 :], recorded=True),
    )


def unrecorded_outlook(scenario: ProductionScenario, coupled: CoupledPaths) -> SupplyOutlook:
    """The outlook of a scenario, as known at the origin, for a theatre without a record: see `borrow_shape`."""
    supply = coupled.supply
    return SupplyOutlook(
        scenario=scenario.name,
        n_draws=supply.n_draws,
        effective_sample_size=None,
        compatible=None,
        verdict=Message.of("no_record"),
        stock_stated=_quantiles(supply.opening),
        stock_compatible=None,
        capacity_stated=_quantiles(supply.inflow[:, :BLOCK].mean(axis=1) * DAYS_PER_MONTH),
        capacity_compatible=None,
        output_ratio=None,
        weights={},
        growth={},
        n_past_origins=0,
        months=_months(coupled, supply.inflow, recorded=False),
    )


def _sustained_launches(supply: SupplyDraws) -> Draws:
    return sustained(supply, supply.opening, supply.first_day)


def _launch(supply: SupplyDraws, wanted: Draws, rng: np.random.Generator) -> CoupledPaths:
    flow = stock_flow(supply, whole_drones(wanted, rng))
    return CoupledPaths(flow.launched.astype(np.int64), supply, flow.stock)


def _running_level(salvos: NDArray[np.int64], history: LaunchHistory) -> Draws:
    """(n_paths, horizon) mean of the 28 days around each day of a path, of the last known days before it, and of fewer
    where the path ends."""
    before = history.known[-(BLOCK - LOOK_AHEAD - 1) :]
    series = np.concatenate([np.broadcast_to(before, (salvos.shape[0], before.size)), salvos], axis=1)
    so_far = np.pad(series.cumsum(axis=1), ((0, 0), (1, 0)))
    index = np.arange(salvos.shape[1]) + before.size
    start = np.maximum(index - (BLOCK - LOOK_AHEAD) + 1, 0)
    stop = np.minimum(index + LOOK_AHEAD + 1, series.shape[1])
    level: Draws = np.maximum((so_far[:, stop] - so_far[:, start]) / (stop - start), _LEAST)
    return level


def _shape_of_weeks(salvos: NDArray[np.int64]) -> Draws:
    """(n_paths, horizon) each day of a path over the mean of its week from the origin: 1 where nothing is launched. A
    week launches no more and no less by it; the last days without a whole week are as many as there are."""
    n_paths, n_days = salvos.shape
    starts = np.arange(0, n_days, WEEK)
    means = np.add.reduceat(salvos, starts, axis=1) / np.diff([*starts, n_days])
    mean = np.repeat(means, WEEK, axis=1)[:, :n_days]
    shape: Draws = np.divide(salvos, mean, out=np.ones((n_paths, n_days)), where=mean > 0)
    return shape


def _log_level_by_supply(assimilated: AssimilatedSupply, horizons: list[int]) -> tuple[Draws, Draws]:
    """Mean and variance of the log level at each horizon, by the assimilated supply."""
    first = assimilated.origin + timedelta(days=1)
    ahead = assimilated.drawn.window(first, assimilated.drawn.last_day, assimilated.stock)
    now = np.exp(assimilated.log_ratio)[:, np.newaxis]
    launches = _sustained_launches(scale_output(ahead, now * np.ones(ahead.n_days)))
    levels = np.log(np.stack([launches[:, end - BLOCK : end].mean(axis=1) for end in horizons], axis=1) + _LEAST)
    walked = assimilated.walk[:, np.newaxis] ** 2 * (np.array(horizons) / BLOCK - 0.5)
    levels = levels - walked / 2.0  # the walk is a martingale of the output, not of its logarithm
    mean = assimilated.weights @ levels
    spread = (levels - mean) ** 2 + assimilated.log_ratio_variance[:, np.newaxis] + walked
    variance: Draws = assimilated.weights @ spread
    return mean, variance


def _log_level_by_walk(past: LaunchHistory, horizons: list[int]) -> tuple[Draws, Draws]:
    """The same, by the level of the last 28 days, walking at random as it did in the last year."""
    n_blocks = past.launched.size // BLOCK
    blocks = past.launched[-n_blocks * BLOCK :].reshape(n_blocks, BLOCK)
    levels = np.log([np.mean(block[~np.isnan(block)]) + _LEAST for block in blocks if not np.isnan(block).all()])
    walk = np.sqrt(np.mean(np.diff(levels[-14:]) ** 2) / BLOCK)
    daily = np.clip(walk, SMALLEST_WALK, LARGEST_WALK) ** 2
    beyond = np.maximum(np.array(horizons) - BLOCK, 0)  # from there on a martingale of the level, as the ensemble's is
    return levels[-1] - daily * beyond / 2.0, daily * np.array(horizons) + LEVEL_NOISE**2


def _log_levels(launches: Draws, horizons: list[int]) -> Draws:
    """Log of the mean of the 28 days up to each horizon; NaN where none of them is known."""
    blocks = [launches[end - BLOCK : end] for end in horizons]
    return np.array(
        [np.log(block[~np.isnan(block)].mean() + _LEAST) if not np.isnan(block).all() else np.nan for block in blocks]
    )


def _log_normal(value: Draws, mean: Draws, variance: Draws) -> Draws:
    density: Draws = -0.5 * (np.log(variance) + (value - mean) ** 2 / variance)
    return density


def _power(horizons: list[int] | range, scales: Draws) -> Draws:
    """(n_horizons, n_scales) of (h / tau)^2: what minus the log of the salvo model's weight is."""
    power: Draws = (np.array(horizons)[:, np.newaxis] / scales) ** 2
    return power


def _months(coupled: CoupledPaths, stated: Draws, *, recorded: bool) -> tuple[MonthEnd, ...]:
    """stated: (n_draws, horizon) drones per day that reach the store."""
    launchable, made = coupled.launchable, coupled.supply.inflow * DAYS_PER_MONTH
    certain = coupled.supply.as_stated * DAYS_PER_MONTH
    horizon = launchable.shape[1]
    days = [coupled.supply.first_day + timedelta(days=step) for step in range(horizon)]
    return tuple(
        MonthEnd(
            day,
            _quantiles(launchable[:, index]),
            _quantiles(stated[:, index] * DAYS_PER_MONTH),
            _quantiles(made[:, index]) if recorded else None,
            _quantiles(certain[:, index]) if certain.any() else None,
        )
        for index, day in enumerate(days)
        if (day + timedelta(days=1)).day == 1 or index == horizon - 1
    )


def _quantiles(values: Draws) -> Quantiles:
    return tuple(float(value) for value in np.quantile(values, LEVELS))
