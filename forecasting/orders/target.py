"""The mix for a target of leakers: a linear program for a start, and then what the engine says of it."""

from collections.abc import Container
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.messages import Message
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.defence.trials import OrderTrials
from forecasting.orders.advice import SEARCHED, market_of
from forecasting.orders.effect import Trials
from forecasting.orders.frontier import FrontierPoint, evaluated, mean_leakers
from forecasting.orders.mix import (
    MOST_STEPS,
    Loss,
    Market,
    Mix,
    buying_order,
    enough,
    least_cost,
    least_loss,
    least_of,
    starts_within,
)
from forecasting.orders.program import fire_units
from forecasting.orders.requirement import (
    DefenceProgram,
    Requirement,
    check_leak_target,
    leakers_without_order,
    least_leakers,
    out_of_reach,
    requirement,
    values_of_limits,
)

BEST_EFFORT = 0.02
"""Where the target is out of reach: the cheapest mix that does all but this share of what can be done."""
SMALL, FEW_STEPS = 10_000, 1
"""Nights of paths up to which a mix is looked for to the last piece, and the steps of the search of larger plans."""


@dataclass(frozen=True)
class Target:
    """What a least-cost mix has to reach.

    Parameters
    ----------
    leakers : float
        Armed drones that may leak over the horizon, on average.
    budget_usd : float
        US dollars to see to it; inf: any number.
    """

    leakers: float
    budget_usd: float = np.inf


@dataclass(frozen=True)
class Required:
    """The least-cost mix for a target. worth: what the limits are worth. evaluated: what the mix does."""

    target: Target
    found: Requirement
    worth: tuple[Message, ...]
    evaluated: FrontierPoint


def mix_for_target(
    planned: Defence,
    engagements: Engagements,
    trials: OrderTrials,
    program: DefenceProgram,
    target: Target,
    asked: Container[str],
) -> Required:
    """The least-cost mix for the target, evaluated, and what the limits are worth by the program."""
    limit = np.where([name in asked for name in planned.ids], program.limit, 0.0)
    program, market = replace(program, limit=limit), market_of(planned, engagements, asked)
    found, by_program = evaluated_requirement(
        program, trials, trials.first(SEARCHED), market, target.leakers, target.budget_usd
    )
    worth: tuple[Message, ...] = ()
    if found.met == by_program.met:  # else its limits are worth something else
        horizon = program.armed.shape[1]
        worth = values_of_limits(by_program, horizon, *fire_units(program, planned, engagements))
    return Required(target, found, worth, evaluated(trials, market, [found.quantities])[0])


def evaluated_requirement(
    program: DefenceProgram,
    trials: Trials,
    search: Trials,
    market: Market,
    leak_target: float,
    budget_usd: float = np.inf,
) -> tuple[Requirement, Requirement]:
    """The cheapest mix with which the armed leakers stay, on average, at or below the target, as the engine counts
    them; and what the program says, for the worth of its limits alone.

    The program is given the target as it counts leakers itself: with what it is off by where nothing is bought. search:
    the same as `trials` on fewer paths, on which mixes are looked for.

    Raises InputError for a target or a budget that cannot be.
    """
    check_leak_target(leak_target)
    if not budget_usd > 0:
        raise InputError("budget is {given} USD: expected more than 0", field="budget", given=budget_usd)
    loss, nothing = mean_leakers(trials), np.zeros_like(market.most)
    without, least = loss([nothing, market.most])
    off = leakers_without_order(program) - without
    planned = requirement(
        program, max(leak_target + off, 0.0) if leak_target >= 0 else leak_target, budget_usd=budget_usd
    )
    start = np.minimum(-(-planned.quantities // market.pack_size) * market.pack_size, market.most)
    reachable = least <= leak_target
    goal = leak_target if reachable else least + BEST_EFFORT * (without - least)
    steps = MOST_STEPS if program.armed.size <= SMALL else FEW_STEPS
    mix = _cheapest(loss, mean_leakers(search), market, goal, start, steps)
    needed_usd, obstacle = market.cost(mix), None
    if needed_usd > budget_usd:
        mix = _fewest(loss, mean_leakers(search), market, budget_usd, mix, steps)
    if not reachable:
        obstacle = out_of_reach(program, leak_target, off=least_leakers(program) - least)
    elif needed_usd > budget_usd:
        obstacle = Message.of(
            "budget_limits",
            budget_usd=budget_usd,
            leakers=loss([mix])[0],
            target=leak_target,
            needed_usd=needed_usd,
            more_usd=needed_usd - budget_usd,
        )
    found = replace(
        planned,
        quantities=mix,
        cost_usd=market.cost(mix),
        leakers=loss([mix])[0],
        met=obstacle is None,
        obstacle=obstacle,
        leaker_price_usd=np.nan if obstacle else planned.leaker_price_usd,
    )
    return found, planned


@dataclass(frozen=True)
class MoneyMix:
    """The mix that leaks least for that money. leakers: without an order, on average."""

    money_usd: float
    leakers: float
    found: FrontierPoint


def mix_for_money(
    planned: Defence, engagements: Engagements, trials: OrderTrials, money_usd: float, asked: Container[str]
) -> MoneyMix:
    """What leaks least for that money; exchanges are looked for to the last pack in small plans."""
    stocks = {stock.layer_id: stock for stock in engagements.stocks if stock.layer_id in asked}
    none = np.zeros(len(engagements.actual.leakers), np.int64)
    shortages = np.stack([stocks[name].shortfall if name in stocks else none for name in planned.ids])
    market = market_of(planned, engagements, asked)
    return best_for_money(trials, trials.first(SEARCHED), market, shortages, money_usd)


def best_for_money(
    trials: Trials, search: Trials, market: Market, shortages: NDArray[np.int64], money_usd: float
) -> MoneyMix:
    """The mix of the fewest armed leakers that so many US dollars buy, evaluated.

    search: the same on fewer paths, on which mixes are looked for. shortages: (n_layers, n_paths) interceptors that a
    path lacks. Raises InputError where there is no money.
    """
    if not money_usd > 0:
        raise InputError("budget is {given} USD: expected more than 0", field="budget", given=money_usd)
    loss = mean_leakers(search)
    starts = starts_within(buying_order(loss, market, shortages), market, money_usd)
    steps = MOST_STEPS if shortages.size <= SMALL else FEW_STEPS
    searched = starts if steps == MOST_STEPS else starts[:1]
    mix = least_of(mean_leakers(trials), [starts[0], least_loss(loss, market, money_usd, searched, steps=steps)])
    nothing, found = evaluated(trials, market, [np.zeros_like(mix), mix])
    return MoneyMix(money_usd, nothing.leakers, found)


def _cheapest(loss: Loss, searched: Loss, market: Market, goal: float, start: Mix, steps: int) -> Mix:
    """Looked for on the paths of `searched`, whose mean is set right by that of all paths at the mix before."""
    nothing = np.zeros_like(market.most)
    if loss([nothing])[0] <= goal:
        return nothing
    mix = enough(loss, market, goal, start)
    aim = goal - (loss([mix])[0] - searched([mix])[0])
    if searched([market.most])[0] <= aim:
        mix = least_cost(
            searched, market, aim, [mix, nothing, market.most][: 1 if steps < MOST_STEPS else 3], steps=steps
        )
    return enough(loss, market, goal, mix)


def _fewest(loss: Loss, searched: Loss, market: Market, budget_usd: float, wanted: Mix, steps: int) -> Mix:
    """What the budget buys of the mix wanted, and better what exchanges make of it."""
    part = budget_usd / market.cost(wanted)
    packs = np.floor(wanted * part / market.pack_size + 1e-9).astype(np.int64)
    start = packs * market.pack_size
    found = least_loss(searched, market, budget_usd, [start], steps=steps)
    return least_of(loss, [start, found])
