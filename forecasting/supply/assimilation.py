"""A production scenario meets the record: which stock and which output are compatible with the launches so far.

Launches are compared month by month (28 days, counted back from the origin) with what a draw's stock and production
sustain. True output over what the draw says may differ, and walks at random on the log scale; an extended Kalman filter
(Anderson and Moore 1979, ch. 8) follows it draw by draw, and the likelihood of its one-step errors weighs the draws
(importance sampling with the walk integrated out; Doucet et al. 2000). The store pays every launch on record.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.production import draw_supply
from features.scenario_parts import DAYS_PER_MONTH
from features.scenarios import ProductionScenario
from features.stock_flow import BY_DAY, SupplyDraws
from forecasting.salvos.sampling import normals

Draws = NDArray[np.float64]

BLOCK = 28
OUTPUT_WALK, OUTPUT_WALK_DOUBT = 0.3, 0.5
"""Standard deviation of the log of true over stated output, per block. How fast it changes unannounced is not known:
each draw has its own, log-normal with this median and this standard deviation of its logarithm, and the record weighs
it like every other assumption."""
LAUNCH_SPREAD = 0.3
"""Standard deviation of the log of a block's launches around what stock and production sustain: talks, weather, saving
for a massed strike."""
FIRST_DOUBT = 0.5
"""Standard deviation of the log of true over stated output when the account opens, beside the scenario's own range."""
LARGEST_SURPRISE = 2.5
"""A block that is further off, in standard deviations, is a matter of policy (a truce) and not of output."""
FORGETTING = 0.5 ** (1 / 12)
"""What a block's likelihood counts for, one block later: that a draw met the launches of 2023 says little of today."""
FEWEST_KNOWN = 0.25
"""Share of a block's days that must be known for it to say anything."""

_FUTURE_STREAM, _RATIO_STREAM, _WALK_STREAM = 3, 5, 6
_PICKED_AT_ONCE = 64
_LEAST_WEIGHT = 1e-300


@dataclass(frozen=True, eq=False)
class AssimilatedSupply:
    """A scenario's supply of one theatre at an origin, weighed by the record. Arrays are (n_draws,).

    scenario: as known at the origin. drawn: from the opening of the account through the horizon, as stated.
    record: (n_days,) the launches from the opening through the origin, NaN where unknown. weights: of the draws; they
    sum to 1. stock: drones in store at the origin, at least what the launches on record prove. log_ratio,
    log_ratio_variance: mean and variance of the log of true over stated output at the origin; walk: its standard
    deviation per block of 28 days, drawn like every assumption and so weighed by the record too.
    """

    scenario: ProductionScenario
    origin: date
    drawn: SupplyDraws
    record: Draws
    weights: Draws
    stock: Draws
    log_ratio: Draws
    log_ratio_variance: Draws
    walk: Draws

    @property
    def effective_sample_size(self) -> float:
        """How many draws of equal weight say as much (Kish 1965)."""
        return float(1.0 / (self.weights**2).sum())

    @property
    def capacity_stated(self) -> Draws:
        """Drones per month that reach the store at the origin, as stated: the mean of the last 28 days."""
        end = (self.origin - self.drawn.first_day).days + 1
        days = slice(max(end - BLOCK, 0), end)
        made = (self.drawn.armed[:, days] + self.drawn.decoys[:, days]).mean(axis=1) * self.drawn.released
        monthly: Draws = (made + self.drawn.as_stated[:, days].mean(axis=1)) * DAYS_PER_MONTH
        return monthly

    @property
    def capacity(self) -> Draws:
        """The same, times true over stated output, drawn, but for what is certain."""
        certain = self.certain_now * DAYS_PER_MONTH
        return certain + (self.capacity_stated - certain) * self._output_ratio

    @property
    def certain_now(self) -> Draws:
        """Drones per day that reach the store for certain at the origin, as `capacity_stated`."""
        end = (self.origin - self.drawn.first_day).days + 1
        certain: Draws = self.drawn.as_stated[:, max(end - BLOCK, 0) : end].mean(axis=1)
        return certain

    @property
    def output_ratio(self) -> Draws:
        """True output over the numbers that were stated, before the scenario's own ratio."""
        own = self.scenario.output_ratio
        level = self.drawn.levels.get("output_ratio")
        drawn = 1.0 if own is None else own.mode if level is None else own.quantile(level)
        return self._output_ratio * drawn

    @property
    def _output_ratio(self) -> Draws:
        """Draws of true over drawn output at the origin: what the filter has left open is in them."""
        noise = np.random.default_rng(_RATIO_STREAM).standard_normal(self.log_ratio.size)
        drawn: Draws = np.exp(self.log_ratio + np.sqrt(self.log_ratio_variance) * noise)
        return drawn

    def recent(self) -> Self:
        """The same without the days before the last 28 until the origin: all that a forecast looks at."""
        first = max(self.drawn.first_day, self.origin - timedelta(days=BLOCK - 1))
        drawn = self.drawn.window(first, self.drawn.last_day, self.drawn.opening)
        copied = {name: getattr(drawn, name).copy() for name in BY_DAY}  # or all days would be kept with them
        models = tuple(replace(model, share=model.share.copy()) for model in drawn.new_models)
        return replace(self, drawn=replace(drawn, **copied, new_models=models))

    def quantiles(self, values: Draws, levels: Sequence[float]) -> Draws:
        """The quantiles of values (n_draws,) under the weights."""
        order = np.argsort(values)
        below = np.cumsum(self.weights[order])
        quantiles: Draws = values[order][np.minimum(np.searchsorted(below, levels), values.size - 1)]
        return quantiles

    def future(self, n_paths: int, seed: int, walk: Draws | None = None) -> SupplyDraws:
        """The supply from the day after the origin, one draw per path: picked by weight, with the stock at the origin,
        and output times a true over stated ratio that walks on, a martingale: what is made grows as stated, on average.

        Common random numbers: of two scenarios with the same seed, a path has the same draw (as long as the record says
        the same of both; the Gumbel-max trick, Maddison et al. 2014), and the same walk where its standard deviations
        are given as `walk` (n_paths,); without them each path has that of its draw.
        """
        picked, now, rng = self._draws_of_paths(n_paths, seed)
        ahead = self.drawn.window(self.origin + timedelta(days=1), self.drawn.last_day, self.stock)
        supply = ahead.pick(picked)
        daily = (self.walk[picked] if walk is None else walk)[:, np.newaxis] / np.sqrt(BLOCK)
        walk = (daily * normals((n_paths, supply.n_days), rng) - daily**2 / 2.0).cumsum(axis=1)
        return scale_output(supply, np.exp(now[:, np.newaxis] + walk))

    def walk_of_paths(self, n_paths: int, seed: int) -> Draws:
        """(n_paths,) the standard deviation of its walk per block, path by path as in `future`."""
        picked, _, _ = self._draws_of_paths(n_paths, seed)
        walk: Draws = self.walk[picked]
        return walk

    def certain_of_paths(self, n_paths: int, seed: int) -> Draws:
        """(n_paths,) drones per day that are certain on the day of the origin, path by path as in `future`."""
        picked, _, _ = self._draws_of_paths(n_paths, seed)
        certain: Draws = self.drawn.as_stated[picked, (self.origin - self.drawn.first_day).days]
        return certain

    def sustained_now(self, n_paths: int, seed: int) -> Draws:
        """(n_paths,) launches per day that stock and output sustain on the day of the origin, but for what is certain,
        path by path as in `future`."""
        picked, now, _ = self._draws_of_paths(n_paths, seed)
        drawn = self.drawn.pick(picked)
        made = drawn.weighed_inflow[:, (self.origin - drawn.first_day).days] * np.exp(now)
        above = np.maximum(self.stock[picked] - drawn.minimum, 0.0)
        used = -np.expm1(-1.0 / drawn.drawdown)
        sustained: Draws = (made + above * used) * (1.0 - drawn.lost_before_launch)
        return sustained

    def _draws_of_paths(self, n_paths: int, seed: int) -> tuple[NDArray[np.int64], Draws, np.random.Generator]:
        """For each path its draw, and the log of true over stated output at the origin; and the generator after it."""
        if (n_paths, seed) not in self._picked:
            self._picked[n_paths, seed] = self._pick_draws(n_paths, seed)
        picked, now, rng = self._picked[n_paths, seed]
        return picked, now, deepcopy(rng)

    @cached_property
    def _picked(self) -> dict[tuple[int, int], tuple[NDArray[np.int64], Draws, np.random.Generator]]:
        return {}

    def _pick_draws(self, n_paths: int, seed: int) -> tuple[NDArray[np.int64], Draws, np.random.Generator]:
        rng = np.random.default_rng([seed, _FUTURE_STREAM])
        # The largest of log weight + Gumbel number is the first of exponential ones, -log(1 - u) / weight: the same
        # uniform number, and one logarithm of it, where the Gumbel number takes two.
        weights = np.maximum(self.weights, _LEAST_WEIGHT)
        picked = np.empty(n_paths, np.int64)
        for start in range(0, n_paths, _PICKED_AT_ONCE):
            rows = picked[start : start + _PICKED_AT_ONCE]
            uniform = rng.random((rows.size, weights.size))
            np.log(np.subtract(1.0, uniform, out=uniform), out=uniform)
            rows[:] = np.divide(uniform, weights, out=uniform).argmax(axis=1)
        now = self.log_ratio[picked] + np.sqrt(self.log_ratio_variance[picked]) * rng.standard_normal(n_paths)
        return picked, now, rng


def scale_output(supply: SupplyDraws, ratio: Draws) -> SupplyDraws:
    """The supply with its output times a ratio (n_draws, n_days), but for what is certain."""
    return replace(supply, armed=supply.armed * ratio, decoys=supply.decoys * ratio)


def assimilate(
    scenario: ProductionScenario,
    history: LaunchHistory,
    horizon: int,
    n_draws: int,
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> AssimilatedSupply:
    """What the record says of the scenario, as known at the history's last day, for its theatre.

    Days without a report are unknown, not quiet: a block of them moves the store by what is sustained, and weighs
    nothing. fixed: see `draw_supply`. Raises InputError where the account opens after the origin, and as `draw_supply`.
    """
    [met] = assimilate_at(scenario, history, {history.last_day: horizon}, n_draws, seed, fixed)
    return met


def assimilate_at(
    scenario: ProductionScenario,
    history: LaunchHistory,
    horizons: Mapping[date, int],
    n_draws: int,
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> Iterator[AssimilatedSupply]:
    """`assimilate` at several origins of the history, each with its days ahead, whole blocks apart.

    Origins between which nothing was published share their draws, and the account until the earlier of them.
    """
    noise = np.random.default_rng(_WALK_STREAM).standard_normal(n_draws)
    walk = OUTPUT_WALK * np.exp(OUTPUT_WALK_DOUBT * noise)
    for _, group in groupby(horizons, lambda origin: [source for source in scenario.sources if source.date <= origin]):
        origins = [*group]
        latest, last_day = max(origins), max(origin + timedelta(days=horizons[origin]) for origin in origins)
        known = scenario.as_known(latest)
        if known.stock.opening.date > min(origins):
            raise InputError(
                f"the account of scenario {scenario.name} opens on {known.stock.opening.date}: expected a day until "
                f"the origin {min(origins)}; state the opening stock for an earlier day",
                field="scenario",
            )
        drawn = draw_supply(known, history.theatre, last_day, n_draws, seed, fixed)
        record = _record(history.until(latest), drawn.first_day)
        after = {drawn.first_day + timedelta(days=n_days - 1): met for n_days, met in _filtered(drawn, record, walk)}
        for origin in origins:
            log_weight, stock, ratio, variance = after[origin]
            weights = np.exp(log_weight - log_weight.max())
            yield AssimilatedSupply(
                known.model_copy(update={"as_of": min(scenario.as_of, origin)}),
                origin,
                drawn.window(drawn.first_day, origin + timedelta(days=horizons[origin])),
                record[: (origin - drawn.first_day).days + 1],
                weights / weights.sum(),
                stock,
                ratio,
                variance,
                walk,
            )


def _record(history: LaunchHistory, first_day: date) -> Draws:
    """(n_days,) the counts from first_day through the origin; NaN where unknown, also before the history."""
    missing = max((history.first_day - first_day).days, 0)
    counts = history.since(first_day).launched
    return np.concatenate([np.full(missing, np.nan), counts])


def blocks(n_days: int) -> list[slice]:
    """Blocks of 28 days up to the last day; the first may be shorter."""
    starts = range(n_days % BLOCK or BLOCK, n_days + 1, BLOCK)
    return [slice(max(end - BLOCK, 0), end) for end in starts]


def _filtered(
    drawn: SupplyDraws, record: Draws, walk: Draws
) -> Iterator[tuple[int, tuple[Draws, Draws, Draws, Draws]]]:
    """Days so far, and after them the log of the weights, the stock, and mean and variance of the log of true over
    stated output, (n_draws,) each, block by block: what comes later changes nothing of it."""
    stock, usable = drawn.opening, 1.0 - drawn.lost_before_launch
    paused = drawn.paused[: record.size] & ~(record > 0)  # no pause that was assumed outlives launches on record
    ratio, log_weight = np.zeros((2, drawn.n_draws))
    variance = np.full(drawn.n_draws, FIRST_DOUBT**2)
    for days in blocks(record.size):
        counts, known = record[days], ~np.isnan(record[days])
        inflow = (drawn.armed[:, days] + drawn.decoys[:, days]) * drawn.released[:, np.newaxis]
        certain = drawn.armed_as_stated[:, days] + drawn.decoys_as_stated[:, days]
        leaving = drawn.struck[:, days] + drawn.transferred[:, days]
        variance = variance + walk**2 * counts.size / BLOCK
        made = inflow.sum(axis=1) * np.exp(ratio)
        # Only what is there can leave.
        sure = certain.sum(axis=1)
        there, all_leaving = stock + made, leaving.sum(axis=1)
        leaving = leaving * (np.minimum(all_leaving, there) / np.maximum(all_leaving, 1e-9))[:, np.newaxis]
        above = np.maximum(there - leaving.sum(axis=1) - drawn.minimum, 0.0)
        used = -np.expm1(-counts.size / drawn.drawdown)
        active = 1.0 - paused[days].mean()
        sustained = active * usable * np.minimum(above, made + np.maximum(above - made, 0.0) * used)
        if known.mean() >= FEWEST_KNOWN:
            launched = np.where(known, counts, counts[known].mean())
            # One drone more on both sides: a block without launches has a logarithm too.
            slope = np.minimum(usable * made / (sustained + 1.0), 1.0)
            spread = slope**2 * variance + LAUNCH_SPREAD**2
            rest = np.maximum(launched.sum() - active * sure, 0.0)  # what is certain is no news of the rest
            surprise = np.log(rest + 1.0) - np.log(sustained + 1.0)
            surprise = np.clip(surprise / np.sqrt(spread), -LARGEST_SURPRISE, LARGEST_SURPRISE) * np.sqrt(spread)
            log_weight = FORGETTING * log_weight - 0.5 * (np.log(spread) + surprise**2 / spread)
            gain = variance * slope / spread
            ratio = ratio + gain * surprise
            variance = variance * (1.0 - gain * slope)
        else:
            launched = np.repeat((sustained + active * sure)[:, np.newaxis] / counts.size, counts.size, axis=1)
        # What is certain is launched without loss, and before the rest.
        all_launched = launched.sum(axis=-1)
        free = np.minimum(sure / np.maximum(all_launched, 1e-9), 1.0)[:, np.newaxis]
        taken = launched * (free + (1.0 - free) / usable[:, np.newaxis])
        balance = (inflow * np.exp(ratio)[:, np.newaxis] + certain - leaving - taken).cumsum(axis=1)
        # What was launched was there: the lowest point of the account proves a stock at the start of the block.
        stock = np.maximum(stock, drawn.minimum - balance.min(axis=1)) + balance[:, -1]
        yield days.stop, (log_weight, stock, ratio, variance)
