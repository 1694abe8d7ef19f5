"""What the record says of a scenario, as bytes that may be kept: one for each record, scenario and horizon.

A scenario takes longer to be held against the record than a forecast under it; comparisons and plans ask for the same
again and again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np

from features.history import LaunchHistory
from features.messages import Message
from features.scenarios import ProductionScenario
from features.stock_flow import BY_DAY, BY_DRAW, NewModel, SupplyDraws
from forecasting.answers.learned import Remember, key_of
from forecasting.supply.assimilation import AssimilatedSupply
from forecasting.supply.scenario_forecast import Meet, meet_record
from forecasting.supply.verdict import Verdict

Met = tuple[AssimilatedSupply, Verdict]
_FACTOR = "/"
"""Between the parts of a name: no name of a layer or an assumption holds it."""


def remembered_supply(remember: Remember) -> Meet:
    """`meet_record`, but for what is kept. Scenarios with assumptions held are not: each is asked for once."""

    def meet(
        scenario: ProductionScenario,
        history: LaunchHistory,
        horizon: int,
        n_draws: int,
        seed: int,
        fixed: Mapping[str, float] | None = None,
        /,
    ) -> Met:
        if fixed:
            return meet_record(scenario, history, horizon, n_draws, seed, fixed)
        met: Met | None = None

        def make() -> bytes:
            nonlocal met
            met = meet_record(scenario, history, horizon, n_draws, seed)
            return packed_supply(*met)

        key = key_of("supply", history, scenario.model_dump_json(), str(horizon), str(n_draws), str(seed))
        content = remember(key, make)
        return met or unpacked_supply(content, scenario.as_known(history.last_day))

    return meet


def packed_supply(met: AssimilatedSupply, verdict: Verdict) -> bytes:
    """Its arrays, but for those of nothing but zeros, and the rest as JSON."""
    drawn = met.drawn
    arrays: dict[str, Any] = {
        f"met{_FACTOR}{each.name}": value
        for each in fields(met)
        if isinstance(value := getattr(met, each.name), np.ndarray)
    }
    arrays |= {name: value for name in BY_DAY if (value := getattr(drawn, name)).any()}
    arrays |= {name: getattr(drawn, name) for name in (*BY_DRAW, "paused")}
    arrays |= {f"level{_FACTOR}{key}": level for key, level in drawn.levels.items()}
    for number, model in enumerate(drawn.new_models):
        arrays[f"model{number}"] = model.share
        arrays |= {_FACTOR.join((f"factor{number}", *key)): value for key, value in model.factors.items()}
        if model.warhead_kg is not None:
            arrays[f"warhead{number}"] = model.warhead_kg
    told = {
        "theatre": drawn.theatre,
        "first_day": str(drawn.first_day),
        "origin": str(met.origin),
        "shape": drawn.armed.shape,
        "kinds": [model.kind for model in drawn.new_models],
        "verdict": asdict(verdict) | {"reason": verdict.reason.model_dump_json(), "stock": None},
    }
    content = BytesIO()
    np.savez(content, allow_pickle=False, verdict_stock=verdict.stock, told=np.array(json.dumps(told)), **arrays)
    return content.getvalue()


def unpacked_supply(content: bytes, scenario: ProductionScenario) -> Met:
    """The same again. scenario: as known at the origin."""
    with np.load(BytesIO(content), allow_pickle=False) as kept:
        arrays = dict(kept)
    told = json.loads(str(arrays["told"]))

    def named(prefix: str) -> dict[str, Any]:
        start = prefix + _FACTOR
        return {
            name.removeprefix(start): value for name, value in arrays.items() if name.partition(_FACTOR)[0] == prefix
        }

    drawn = SupplyDraws(
        theatre=told["theatre"],
        first_day=date.fromisoformat(told["first_day"]),
        **{name: arrays.get(name, np.zeros(told["shape"])) for name in BY_DAY},
        **{name: arrays[name] for name in (*BY_DRAW, "paused")},
        new_models=tuple(
            NewModel(
                kind,
                arrays[f"model{number}"],
                {tuple(key.split(_FACTOR)): value for key, value in named(f"factor{number}").items()},  # type: ignore[misc]
                arrays.get(f"warhead{number}"),
            )
            for number, kind in enumerate(told["kinds"])
        ),
        levels=named("level"),
    )
    reason = Message.model_validate_json(told["verdict"]["reason"])
    verdict = Verdict(**(told["verdict"] | {"reason": reason, "stock": arrays["verdict_stock"]}))
    return AssimilatedSupply(scenario, date.fromisoformat(told["origin"]), drawn, **named("met")), verdict
