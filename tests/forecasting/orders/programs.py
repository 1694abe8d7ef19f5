"""Programs of a few layers and paths, and the same fought night by night, in full."""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from forecasting.orders.requirement import DefenceProgram, _Recourse

Array = NDArray[np.float64]


def program_of(
    armed: list[list[float]],
    layers: list[tuple[float, float, float, float, float, float]],
    *,
    lead_time: int = 0,
    limit: float = np.inf,
) -> DefenceProgram:
    """Layers as (reach, kill probability, capacity, interceptors per engagement, opening stock, unit cost); no
    deliveries."""
    launched = np.array(armed, dtype=float)
    reach, kill, capacity, interceptors, stock, cost = np.array(layers, dtype=float).T
    return DefenceProgram(
        layer_ids=tuple("abcdefgh"[: len(layers)]),
        armed=launched,
        reach=reach[:, None, None],
        kill_probability=kill[:, None],
        capacity=capacity[:, None, None],
        interceptors=interceptors[:, None],
        lead_time=np.full((1, 1), lead_time),
        available=np.broadcast_to(stock[:, None, None], (len(layers), *launched.shape)),
        unit_cost_usd=cost,
        limit=np.full(len(layers), limit),
    )


def random_program(seed: int, *, n_layers: int = 3, n_paths: int = 12, horizon: int = 6) -> DefenceProgram:
    """Every number differs by path; deliveries come night by night, orders late, some layers use no interceptors."""
    rng = np.random.default_rng(seed)
    shape = (n_layers, n_paths)
    interceptors = np.where(rng.random(n_layers) < 0.3, 0.0, 1.0)[:, None] * rng.uniform(1, 3, shape)
    interceptors[0] = rng.uniform(1, 3, n_paths)
    delivered = rng.poisson(1.5, (*shape, horizon)).cumsum(axis=2)
    return DefenceProgram(
        layer_ids=tuple("abcdefgh"[:n_layers]),
        armed=rng.negative_binomial(1, 1 / 31, (n_paths, horizon)).astype(float),
        reach=rng.uniform(0.2, 0.9, (*shape, 1)),
        kill_probability=rng.uniform(0.3, 0.9, shape),
        capacity=rng.uniform(5, 40, (*shape, 1)),
        interceptors=interceptors,
        lead_time=rng.integers(0, 3, (n_layers, 1)).astype(float),
        available=rng.integers(0, 15, (*shape, 1)) + delivered.astype(float),
        unit_cost_usd=rng.uniform(1_000, 50_000, n_layers),
        limit=np.full(n_layers, np.inf),
    )


def fought_night_by_night(program: DefenceProgram, bought: Array, *, unlimited: bool = False) -> tuple[Array, Array]:
    """(n_paths,) armed leakers when every layer fires while it has something to fire, and (n_layers, n_paths, horizon)
    what comes to each layer; written out night by night."""
    shape = (len(program.layer_ids), *program.armed.shape)
    reach, capacity = np.broadcast_to(program.reach, shape), np.broadcast_to(program.capacity, shape)
    kill, per, lead = (
        np.broadcast_to(each, shape[:2]) for each in (program.kill_probability, program.interceptors, program.lead_time)
    )
    coming, leakers = np.zeros(shape), np.zeros(shape[1])
    for path in range(shape[1]):
        used = np.zeros(shape[0])
        for night in range(shape[2]):
            drones = program.armed[path, night]
            for layer in range(shape[0]):
                coming[layer, path, night] = drones
                engaged = min(reach[layer, path, night] * drones, capacity[layer, path, night])
                if per[layer, path] > 0 and not unlimited:
                    stock = program.available[layer, path, night] - used[layer]
                    stock += bought[layer] * (night >= lead[layer, path])
                    engaged = min(engaged, stock / per[layer, path])
                    used[layer] += engaged * per[layer, path]
                drones -= kill[layer, path] * engaged
            leakers[path] += drones
    return leakers, coming


def in_full(program: DefenceProgram, target: float, tail_level: float) -> float | None:
    """The least cost by one linear program with every path, layer and night in it; None where the target is out of
    reach. Variables: bought (l), engaged (l, i, n), left (l, i), and of the CVaR its quantile and excesses."""
    n_layers, n_paths, horizon = shape = (len(program.layer_ids), *program.armed.shape)
    reach, capacity = np.broadcast_to(program.reach, shape), np.broadcast_to(program.capacity, shape)
    kill, per, lead = (
        np.broadcast_to(each, shape[:2]) for each in (program.kill_probability, program.interceptors, program.lead_time)
    )
    coming = fought_night_by_night(program, np.zeros(n_layers), unlimited=True)[1]
    totals = coming.sum(axis=2, keepdims=True)
    share = np.divide(coming, totals, out=np.zeros(shape), where=totals > 0)
    engaged = n_layers + np.arange(n_layers * n_paths * horizon).reshape(shape)
    left = engaged.max() + 1 + np.arange(n_layers * n_paths).reshape(shape[:2])
    quantile = left.max() + 1
    excess = quantile + 1 + np.arange(n_paths)
    n = int(excess[-1]) + 1
    equal: list[tuple[dict[int, float], float]] = []
    most: list[tuple[dict[int, float], float]] = []
    for layer, path in product(range(n_layers), range(n_paths)):
        before = {} if layer == 0 else {int(left[layer - 1, path]): 1.0}
        launched = float(program.armed[path].sum()) if layer == 0 else 0.0
        # left = before - kill engaged
        row = {int(left[layer, path]): 1.0} | dict.fromkeys(before, -1.0)
        equal.append((row | {int(each): kill[layer, path] for each in engaged[layer, path]}, launched))
        for night in range(horizon):
            part = reach[layer, path, night] * share[layer, path, night]
            most.append(({int(engaged[layer, path, night]): 1.0} | dict.fromkeys(before, -part), part * launched))
            if per[layer, path] > 0:
                stock = {int(each): per[layer, path] for each in engaged[layer, path, : night + 1]}
                if night >= lead[layer, path]:
                    stock[layer] = -1.0
                most.append((stock, program.available[layer, path, night]))
    tail = (1 - tail_level) * n_paths
    most.append(({int(quantile): 1.0} | {int(each): 1 / tail for each in excess}, target))
    for path in range(n_paths):
        most.append(({int(left[-1, path]): 1.0, int(quantile): -1.0, int(excess[path]): -1.0}, 0.0))

    def matrix(rows: list[tuple[dict[int, float], float]]) -> tuple[sparse.csr_matrix, list[float]]:
        entries = [(row, column, value) for row, (terms, _) in enumerate(rows) for column, value in terms.items()]
        row, column, value = zip(*entries, strict=True)
        return sparse.csr_matrix((value, (row, column)), shape=(len(rows), n)), [each for _, each in rows]

    bounds: list[tuple[float | None, float | None]] = [(0.0, None)] * n
    bounds[:n_layers] = [(0.0, each) for each in program.limit]
    for index, each in zip(engaged.ravel(), capacity.ravel(), strict=True):
        bounds[index] = (0.0, each)
    bounds[quantile] = (None, None)
    cost = np.zeros(n)
    cost[:n_layers] = program.unit_cost_usd
    a_ub, b_ub = matrix(most)
    a_eq, b_eq = matrix(equal)
    solved = linprog(cost, A_ub=a_ub, b_ub=b_ub, A_eq=a_eq, b_eq=b_eq, bounds=bounds, method="highs-ds")
    assert solved.status in (0, 2), solved.message
    return float(solved.fun) if solved.status == 0 else None


def leakers_with(program: DefenceProgram, bought: Array) -> Array:
    """(n_paths,) armed leakers over the horizon, as the program counts them, with these purchases (n_layers,)."""
    return _Recourse(program, 0.0).leakers(bought)[0]


def cvar(leakers: Array, level: float) -> float:
    """Rockafellar and Uryasev (2000), eq. 17, minimised over the sample values."""
    return min(float(each + np.maximum(leakers - each, 0).mean() / (1 - level)) for each in leakers)


def least(program: DefenceProgram) -> float:
    return float(leakers_with(program, np.full(len(program.layer_ids), 1e9)).mean())


def none_bought(program: DefenceProgram) -> float:
    return float(leakers_with(program, np.zeros(len(program.layer_ids))).mean())


def between(program: DefenceProgram, share: float) -> float:
    """A target: that share of the way from the fewest leakers to those without any order."""
    return least(program) + share * (none_bought(program) - least(program))
