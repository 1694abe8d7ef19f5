"""Whether orders did what they promised: armed leakers avoided, as told at an origin, against the record's own nights.

At each origin the plan's orders are made as they would have been, with what was known by then, and their effect is
promised as a plan promises it: fewer leakers, path by path. Then the same orders meet the nights that came, with every
defence that the calibration of that day draws. What a leaker would have been is not on record, so the nights are the
record's and the defence is the model's: it is the forecast of the nights that is held to account.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.order_backtest import verdict
from features.errors import InputError
from features.history import LaunchHistory
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.defence.trials import OrderTrials
from forecasting.losses.on_paths import engagement_draws
from forecasting.orders.joint import orders_for_horizon
from forecasting.plan import Simulation, prepare, prepare_calibration, simulate
from forecasting.salvos.model import Model, SimulationRequest

SERVICE_LEVEL = 0.95
HORIZON = 28
"""Attack days that an order has to last, and between the origins."""
RANGE = 0.9
"""Of the promised effect; what it holds of the realised ones is aimed at as well."""


@dataclass(frozen=True, eq=False)
class EffectReplay:
    """What was promised, and what came. table: one row per origin with cost_usd of the orders; promised, low and high:
    mean and central 90 % of the leakers avoided; realised: their mean on the nights that came."""

    table: pd.DataFrame

    @property
    def inside(self) -> float:
        """Share of the origins whose realised effect is in the range that was promised."""
        return float(self.table["realised"].between(self.table["low"] - 1e-9, self.table["high"] + 1e-9).mean())

    def wide(self) -> pd.DataFrame:
        """For reading."""
        told = self.table
        return pd.DataFrame(
            {
                "origin": told["origin"].astype(str),
                "orders, M USD": (told["cost_usd"] / 1e6).map("{:.1f}".format),
                "promised": told["promised"].map("{:.1f}".format),
                "90 %": [f"{low:.1f} to {high:.1f}" for low, high in zip(told["low"], told["high"], strict=True)],
                "realised": told["realised"].map("{:.1f}".format),
                "error": (told["realised"] - told["promised"]).map("{:+.1f}".format),
            }
        )

    def against_target(self) -> str:
        """The line of the target."""
        promised, realised = (float(self.table[name].sum()) for name in ("promised", "realised"))
        return (
            f"leakers avoided: promised {promised:.1f} in all, {realised:.1f} on the nights that came; in the promised "
            f"{RANGE:.0%} range at {self.inside:.0%} of {len(self.table)} origins, aim {RANGE:.0%}: "
            f"{verdict(RANGE - self.inside, 0.0)}"
        )


def replay_effects(
    history_at: Callable[[date], LaunchHistory],
    truth: LaunchHistory,
    model: Model,
    defence: Defence,
    origins: Sequence[date],
    *,
    n_paths: int = 500,
    seed: int = 1,
) -> EffectReplay:
    """Orders of the model at origins that are HORIZON days apart at least, for the nights up to the next.

    history_at and truth as in `experiments.backtest.run_backtest`. defence: as it is stated today, at every origin: it
    promises and meets the nights alike. Origins after which a night is not known are left out. Raises InputError where
    none is left.
    """
    rows = []
    for origin in _apart(origins):
        nights = (
            truth.after(origin, HORIZON) if origin + timedelta(days=HORIZON) <= truth.last_day else np.array([np.nan])
        )
        if np.isnan(nights).any():
            continue
        history = history_at(origin)
        made = simulate(
            prepare(model, history),
            defence,
            defence,
            SimulationRequest(HORIZON, n_paths),
            seed=seed,
            end=HORIZON,
            calibrated=prepare_calibration(defence, history),
            covered=defence.ids,
        )
        orders = orders_for_horizon(made.covers, defence, SERVICE_LEVEL, joint=False)
        pieces = {order.layer_id: order.quantity for order in orders}
        mix = np.array([pieces.get(name, 0) for name in defence.ids])
        promised = _avoided(made.trials, mix)
        low, high = np.quantile(promised, ((1 - RANGE) / 2, (1 + RANGE) / 2))
        rows.append(
            {
                "origin": origin,
                "cost_usd": sum(order.cost_usd[1] for order in orders),
                "promised": float(promised.mean()),
                "low": float(low),
                "high": float(high),
                "realised": float(_avoided(_on_these_nights(made, nights), mix).mean()),
            }
        )
    if not rows:
        raise InputError(f"no origin has {HORIZON} known days after it: expected others, by --from and --to")
    return EffectReplay(pd.DataFrame(rows))


def _apart(origins: Iterable[date]) -> list[date]:
    chosen: list[date] = []
    for origin in sorted(origins):
        if not chosen or (origin - chosen[-1]).days >= HORIZON:
            chosen.append(origin)
    return chosen


def _avoided(trials: OrderTrials, mix: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_paths,) armed leakers fewer with the order."""
    without, with_it = trials([np.zeros_like(mix), mix])
    fewer: NDArray[np.float64] = without.leakers - with_it.leakers
    return fewer


def _on_these_nights(made: Simulation, nights: NDArray[np.float64]) -> OrderTrials:
    """What orders would do of the nights that came, whatever defence the paths draw."""
    salvos = replace(made.salvos, paths=np.tile(nights.astype(np.int64), (made.salvos.n_paths, 1)))
    levels, factors, _ = engagement_draws(made.defence, salvos, made.calibration)
    trials = OrderTrials(made.defence, end=HORIZON)
    engage(salvos, made.defence, levels=levels, kill_factors=factors, armed_share=made.armed_share, trials=trials)
    return trials
