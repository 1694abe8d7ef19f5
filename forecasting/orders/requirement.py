"""The least-cost mix of interceptors that keeps armed leakers below a target: a linear program over the sample paths.

On path i, a(0, i) armed drones come to the first layer over the whole horizon, and a(l, i) are left after layer l. Of
those that come to a layer, night n has the share w(l, i, n) that it has while every stock lasts. The layer reaches the
share s of them, engages at most c a night, and of these only what it has interceptors for:

    engageable(l, i, n) = min(s w(l, i, n) a(l - 1, i), c)
    e(l, i) <= sum over all n of engageable(l, i, n)
    m e(l, i) <= available(l, i, t) + bought(l) [t after the lead time] + m sum over n > t of engageable(l, i, n), all t
    a(l, i) = a(l - 1, i) - p e(l, i)

with m interceptors per engagement and kill probability p. The largest such e is what a layer engages that fires, night
by night, while its stock lasts (the stock is a storage process: Lindley 1952, The theory of queues with a single
server). It is a minimum of linear functions of a(l - 1, i) and bought(l), and no slope p s exceeds 1, so the leakers
a(last, i) are a maximum of linear functions of the purchases, and

    minimise cost . bought   subject to   risk of a(last, .) <= target,   0 <= bought <= limit

is a linear program; the risk is the mean or the CVaR (Rockafellar and Uryasev 2000, Optimization of conditional
value-at-risk, eq. 17). Written out it has some rows for each path, layer and night. It is solved by the L-shaped method
(Van Slyke and Wets 1969; Birge and Louveaux 2011, Introduction to Stochastic Programming, 5.1): a small program in
`bought` alone, to which each round adds the supporting plane of the risk at the last proposal; the recourse needs no
solver, as it is the recursion above.

What it leaves out: a layer that runs out lets more pass on those nights than on others, while w stands still.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.messages import Message

TOLERANCE = 1e-4
"""Relative: the mix costs at most what the least-cost mix for a target smaller by this does."""
BEST_EFFORT = 1e-3
"""Relative: where the target is out of reach, the cheapest mix that leaks at most this above the least there can be."""
MOST_ROUNDS = 1_000
MILLION = 1e6

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DefenceProgram:
    """What the program knows. The layers stand in their order of engagement.

    armed: (n_paths, horizon) armed drones launched a night. reach, capacity: what broadcasts to (n_layers, n_paths,
    horizon); kill_probability, interceptors, lead_time: what broadcasts to (n_layers, n_paths).
    reach: share, of the armed drones that come, that can be engaged. capacity: engagements of armed drones a night, inf
    where there is no limit. interceptors: used per engagement of an armed drone, with those spent on decoys meanwhile;
    0 for a layer that uses none. lead_time: nights that pass before what is bought now can be used.
    available: (n_layers, n_paths, horizon) opening stock and all deliveries by the start of the night.
    unit_cost_usd, limit: (n_layers,) price of one interceptor, and how many can be bought at most, inf: any number.
    """

    layer_ids: tuple[str, ...]
    armed: Array
    reach: Array
    kill_probability: Array
    capacity: Array
    interceptors: Array
    lead_time: Array
    available: Array
    unit_cost_usd: Array
    limit: Array


@dataclass(frozen=True, eq=False)
class Requirement:
    """What to buy, and what holds it back.

    quantities: (n_layers,) whole interceptors. leakers: risk of the armed leakers over the horizon with them. met:
    whether that is at most the target and the budget allows it; if not, `obstacle` says which limit binds and by how
    much, and the mix is the one that leaks least within budget and limits.
    leaker_price_usd: what a target lower by one leaker adds to the cost (NaN where not met). capacity_value,
    limit_value: (n_layers,) what one more engagement a night, or one more interceptor that can be bought, saves in USD
    (in leakers where not met). budget_value: leakers fewer per USD more (0 where met). All hold at the margin: the
    cost is convex in each limit, so a large step saves less than so many small ones.
    rounds: of the L-shaped method.
    """

    layer_ids: tuple[str, ...]
    quantities: NDArray[np.int64]
    cost_usd: float
    leakers: float
    met: bool
    obstacle: Message | None
    leaker_price_usd: float
    capacity_value: Array
    limit_value: Array
    budget_value: float
    rounds: int


def requirement(
    program: DefenceProgram, leak_target: float, *, budget_usd: float = np.inf, tail_level: float = 0.0
) -> Requirement:
    """The cheapest mix with which the armed leakers over the horizon stay at or below leak_target.

    tail_level: the leakers counted are the mean over the worst 1 - tail_level of the paths (CVaR); 0: over all paths.
    Raises InputError for a target or a budget that is negative, or a tail level that is not in [0, 1).
    """
    check_leak_target(leak_target)
    if not budget_usd >= 0:
        raise InputError("budget is {given} USD: expected 0 or more", field="budget", given=budget_usd)
    if not 0 <= tail_level < 1:
        raise InputError(f"tail level is {tail_level}: expected 0 (the mean over all paths) or more and less than 1")
    recourse = _Recourse(program, tail_level)
    cost = program.unit_cost_usd
    least = recourse.risk(recourse.upper)
    reachable = least <= leak_target
    goal = leak_target if reachable else least * (1 + BEST_EFFORT)
    mix, bought = _cheapest(recourse, goal)
    needed_usd = float(cost @ bought)
    if not reachable or needed_usd > budget_usd:
        mix = _fewest_leakers(recourse, budget_usd)
        if needed_usd > budget_usd:
            bought = np.floor(mix.bought + 1e-6)
    leakers = recourse.risk(bought)
    obstacle = None
    if not reachable:
        obstacle = out_of_reach(program, leak_target, tail_level=tail_level)
    elif needed_usd > budget_usd:
        obstacle = Message.of(
            "budget_limits",
            budget_usd=budget_usd,
            leakers=leakers,
            target=leak_target,
            needed_usd=needed_usd,
            more_usd=needed_usd - budget_usd,
        )
    return Requirement(
        layer_ids=program.layer_ids,
        quantities=bought.astype(np.int64),
        cost_usd=float(cost @ bought),
        leakers=leakers,
        met=obstacle is None,
        obstacle=obstacle,
        leaker_price_usd=np.nan if obstacle else mix.leaker_price,
        capacity_value=mix.capacity_value,
        limit_value=mix.limit_value,
        budget_value=mix.budget_value,
        rounds=mix.rounds,
    )


def check_leak_target(leak_target: float) -> None:
    """Raises InputError where it is no number of drones."""
    if not 0 <= leak_target < np.inf:
        raise InputError(
            "leak target is {given}: expected a number of armed drones, 0 or more",
            field="leak_target",
            given=leak_target,
        )


def values_of_limits(
    found: Requirement, horizon: int, units: tuple[Message, ...], engagements: Array
) -> tuple[Message, ...]:
    """What each limit is worth, the largest first; limits that cost nothing are left out.

    units: (n_layers,) what a fire unit of the layer is. engagements: (n_layers,) of armed drones a night, that one more
    fire unit adds.
    """

    def valued(value: float, limit: Message) -> Message:
        worth = Message.of("saves", usd=value) if found.met else Message.of("stops", drones=value)
        return Message.of("one_more", limit=limit, worth=worth, n=horizon)

    limits = [(found.budget_value * MILLION, Message.of("million_usd"))]
    for layer, (layer_id, unit) in enumerate(zip(found.layer_ids, units, strict=True)):
        limits.append((float(found.capacity_value[layer] * engagements[layer]), unit))
        limits.append((float(found.limit_value[layer] * 1_000), Message.of("thousand_interceptors", layer=layer_id)))
    worth_telling = 1_000.0 if found.met else 0.05
    ordered = sorted(limits, key=lambda each: each[0], reverse=True)
    told = tuple(valued(value, limit) for value, limit in ordered if value >= worth_telling)
    if found.met and found.leaker_price_usd > 0:
        return Message.of("one_leaker_fewer", usd=found.leaker_price_usd), *told
    return told


@dataclass(frozen=True, slots=True)
class _Plane:
    """The risk at a proposal, and its slopes per interceptor and per engagement a night of each layer, (n_layers,)."""

    bought: Array
    risk: float
    slope: Array
    capacity_slope: Array


@dataclass(frozen=True, slots=True)
class _Mix:
    """The solution of one program, not rounded, and its multipliers; see Requirement."""

    bought: Array
    leaker_price: float
    capacity_value: Array
    limit_value: Array
    budget_value: float
    rounds: int


class _Recourse:
    """The leakers that are left with given purchases, and how they change with them: the recursion of the program."""

    def __init__(self, program: DefenceProgram, tail_level: float) -> None:
        shape = (len(program.layer_ids), *program.armed.shape)
        n_layers, n_paths, horizon = shape
        reach, self.capacity = (np.broadcast_to(each, shape) for each in (program.reach, program.capacity))
        self.kill_probability, self.interceptors, lead_time = (
            np.broadcast_to(each, shape[:2])
            for each in (program.kill_probability, program.interceptors, program.lead_time)
        )
        self.program = program
        self.launched = program.armed.sum(axis=1)
        self.usable = np.arange(1, horizon + 1) > lead_time[:, :, np.newaxis]  # what is bought, by the night
        tail = (1.0 - tail_level) * n_paths
        self.weights = np.clip(tail - np.arange(n_paths), 0.0, 1.0) / tail  # of the paths, the worst first
        # Each night's part of what comes to a layer, while every stock lasts.
        self.reached_share = np.empty(shape)
        coming = program.armed
        for layer in range(n_layers):
            total = coming.sum(axis=1, keepdims=True)
            self.reached_share[layer] = reach[layer] * np.divide(coming, total, np.zeros(shape[1:]), where=total > 0)
            engaged = np.minimum(reach[layer] * coming, self.capacity[layer])
            coming = coming - self.kill_probability[layer, :, np.newaxis] * engaged
        # More than any path could use is never bought.
        most = np.minimum(reach * program.armed, self.capacity).sum(axis=2) * self.interceptors
        self.upper = np.minimum(np.floor(program.limit), np.ceil(most.max(axis=1)))

    @cached_property
    def share_from(self) -> Array:
        """(n_layers, n_paths, horizon + 1) those parts from each night on, for the slopes alone."""
        return np.stack([_from_each_night(each) for each in self.reached_share])

    def leakers(self, bought: Array) -> tuple[Array, Array, Array]:
        """(n_paths,) leakers; (n_layers, n_paths) their slopes per interceptor bought and per engagement a night."""
        left = self.launched
        by_arrivals, by_bought, by_capacity = (np.zeros(self.interceptors.shape) for _ in range(3))
        paths = np.arange(left.size)
        for layer, kill_probability in enumerate(self.kill_probability):
            reached, short, engaged = self._engaged(layer, left, bought[layer])
            full = reached > self.capacity[layer]
            if self.interceptors[layer].any():
                usable = (short > 0) & self.usable[layer, paths, short - 1]
                by_bought[layer] = -kill_probability * usable / self.interceptors[layer]
            share, filled = self.share_from[layer, paths, short], np.flatnonzero(full.any(axis=1))
            nights, rows = short[filled], np.arange(filled.size)
            free = np.where(full[filled], 0.0, self.reached_share[layer, filled])
            share[filled] = _from_each_night(free)[rows, nights]
            by_arrivals[layer] = 1.0 - kill_probability * share
            by_capacity[layer, filled] = -kill_probability[filled] * _from_each_night(full[filled])[rows, nights]
            left = left - kill_probability * engaged
        # A drone that one layer spares is met by those behind it.
        passed_on = np.ones(left.size)
        for layer in reversed(range(len(by_arrivals))):
            by_bought[layer] *= passed_on
            by_capacity[layer] *= passed_on
            passed_on = passed_on * by_arrivals[layer]
        return left, by_bought, by_capacity

    def _engaged(self, layer: int, left: Array, bought: float) -> tuple[Array, NDArray[np.intp], Array]:
        """(n_paths, horizon) what of the drones that come to the layer it reaches, (n_paths,) the night by which its
        stock is used up, 0 where it lasts, and how many it engages."""
        reached = self.reached_share[layer] * left[:, np.newaxis]
        bounds = _from_each_night(np.minimum(reached, self.capacity[layer]))
        if not self.interceptors[layer].any():
            return reached, np.zeros(left.size, np.intp), bounds[:, 0]
        stock = self.program.available[layer] + bought * self.usable[layer]
        bounds[:, 1:] += stock / self.interceptors[layer, :, np.newaxis]
        short = bounds.argmin(axis=1)
        return reached, short, bounds[np.arange(left.size), short]

    def _weights_of(self, leakers: Array) -> Array:
        weights = np.empty(leakers.size)
        weights[np.argsort(-leakers, kind="stable")] = self.weights
        return weights

    def risk(self, bought: Array) -> float:
        """That of `plane`, in half of its time."""
        left = self.launched
        for layer, kill_probability in enumerate(self.kill_probability):
            left = left - kill_probability * self._engaged(layer, left, bought[layer])[2]
        return float(self._weights_of(left) @ left)

    def plane(self, bought: Array) -> _Plane:
        """The supporting plane of the risk at these purchases."""
        leakers, by_bought, by_capacity = self.leakers(bought)
        weights = self._weights_of(leakers)
        return _Plane(bought, float(weights @ leakers), by_bought @ weights, by_capacity @ weights)


def _from_each_night(values: NDArray[np.float64] | NDArray[np.bool_]) -> Array:
    """(n_paths, horizon) -> (n_paths, horizon + 1) sums over the nights after night 0, 1, ..., horizon."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values[:, ::-1], axis=1, out=sums[:, -2::-1])
    return sums


def _cheapest(recourse: _Recourse, goal: float) -> tuple[_Mix, Array]:
    """The least-cost mix with a risk of at most `goal`, which the most that can be bought must reach, and the same in
    whole interceptors: rounded up, but down, the dearest first, where that is still enough."""
    top = recourse.plane(recourse.upper)
    aim = max(goal * (1 - TOLERANCE), (goal + top.risk) / 2)
    allowed = goal + 1e-9 * max(1.0, goal)
    mix = _solve(recourse, [top], most_risk=aim, done=lambda risk, _: risk <= allowed)
    whole = np.ceil(mix.bought - 1e-6)
    for layer in np.argsort(-recourse.program.unit_cost_usd, kind="stable"):
        fewer = whole.copy()
        fewer[layer] = np.floor(mix.bought[layer])
        if recourse.risk(fewer) <= allowed:
            whole = fewer
    return mix, whole


def _fewest_leakers(recourse: _Recourse, budget_usd: float) -> _Mix:
    """The mix with the smallest risk within the budget."""
    return _solve(recourse, [], budget_usd=budget_usd, done=lambda risk, bound: risk - bound <= TOLERANCE * risk + 1e-9)


def _solve(
    recourse: _Recourse,
    planes: list[_Plane],
    *,
    done: Callable[[float, float], bool],
    most_risk: float | None = None,
    budget_usd: float = np.inf,
) -> _Mix:
    """The L-shaped method. With most_risk the least cost at that risk, without it the least risk within the budget.

    done: (risk of a proposal, lower bound that the planes put on it) -> whether the proposal is good enough.
    """
    n_layers = recourse.upper.size
    costs = np.append(recourse.program.unit_cost_usd / MILLION, 0.0)
    objective = costs if most_risk is not None else np.append(np.zeros(n_layers), 1.0)
    bounds = [*((0.0, each) for each in recourse.upper), (0.0, most_risk)]
    budget = bool(np.isfinite(budget_usd))
    planes = [*planes, recourse.plane(np.zeros(n_layers))]
    from scipy.optimize import linprog  # where there is a target or a sum of money

    for _ in range(MOST_ROUNDS):
        # Each plane lies below the risk: slope . (bought - its point) + its risk <= risk.
        rows = np.array([[*plane.slope, -1.0] for plane in planes] + [costs] * budget)
        right = [plane.slope @ plane.bought - plane.risk for plane in planes] + [budget_usd / MILLION] * budget
        solution = linprog(objective, A_ub=rows, b_ub=right, bounds=bounds, method="highs-ds")
        if solution.x is None:
            raise RuntimeError(f"the program of the requirement has no solution: {solution.message}")
        proposal = recourse.plane(solution.x[:-1])
        if done(proposal.risk, solution.x[-1]):
            break
        planes.append(proposal)
    else:
        raise RuntimeError(f"the program of the requirement did not settle in {MOST_ROUNDS} rounds")
    unit = MILLION if most_risk is not None else 1.0
    multipliers = -unit * solution.ineqlin.marginals[: len(planes)]
    return _Mix(
        bought=proposal.bought,
        leaker_price=float(multipliers.sum()),
        capacity_value=-multipliers @ np.array([plane.capacity_slope for plane in planes]),
        limit_value=-unit * solution.upper.marginals[:-1],
        budget_value=float(-solution.ineqlin.marginals[-1] / MILLION) if budget else 0.0,
        rounds=len(planes),
    )


def least_leakers(program: DefenceProgram, *, tail_level: float = 0.0) -> float:
    """The risk with all that can be bought; see `requirement`."""
    recourse = _Recourse(program, tail_level)
    return recourse.risk(recourse.upper)


def leakers_without_order(program: DefenceProgram) -> float:
    """The mean number of armed leakers, as the program counts them, with nothing bought."""
    return _Recourse(program, 0.0).risk(np.zeros(len(program.layer_ids)))


def out_of_reach(program: DefenceProgram, target: float, *, tail_level: float = 0.0, off: float = 0.0) -> Message:
    """Which limit keeps the leakers above the target, found by lifting one after the other.

    off: how many leakers the program counts too many; it is given the target with them, and they are not told.
    """
    told, target = target, target + off
    least = least_leakers(program, tail_level=tail_level)
    boundless = replace(program, limit=np.full(len(program.layer_ids), np.inf))

    def least_of(lifted: DefenceProgram) -> float:
        return least_leakers(lifted, tail_level=tail_level)

    best = least - off
    if least_of(boundless) <= target:
        more = _cheapest(_Recourse(boundless, tail_level), target)[1] - np.floor(program.limit)
        missing = [
            Message.of("interceptors_of_layer", layer=layer, n=int(each))
            for each, layer in zip(more, program.layer_ids, strict=True)
            if each > 0
        ]
        return Message.of("deliveries_limit", leakers=best, target=told, missing=missing)
    at_once = replace(boundless, lead_time=np.zeros(1))
    without = least_of(at_once)
    if without <= target:
        return Message.of("lead_time_limits", leakers=best, target=told, without=max(without - off, 0.0))
    unsaturated = replace(at_once, capacity=np.full(1, np.inf))
    without = least_of(unsaturated)
    if without > target:
        return Message.of("reach_limits", leakers=best, target=told, without=max(without - off, 0.0))
    # The layers whose capacity matters most, as few as will do, and the same number more for each of them.
    recourse = _Recourse(at_once, tail_level)
    first = recourse.plane(recourse.upper).capacity_slope.argsort(kind="stable")

    def with_more(n_layers: int, engagements: float) -> float:
        added = np.zeros((len(program.layer_ids), 1, 1))
        added[first[:n_layers]] = engagements
        return least_of(replace(at_once, capacity=recourse.capacity + added))

    n_layers = next(n for n in range(1, first.size + 1) if with_more(n, np.inf) <= target)
    most = int(np.ceil(program.armed.max()))  # no night brings more
    enough = bisect_left(range(most), True, key=lambda more: with_more(n_layers, more) <= target)
    layers = [program.layer_ids[layer] for layer in first[:n_layers]]
    return Message.of("capacity_limits", leakers=best, target=told, engagements=enough, layers=layers)
