"""What the tests of pictures draw, and how they look at it."""

from datetime import date, timedelta
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from features.messages import Message
from forecasting.record.track_record import PastForecast, TrackRecord
from forecasting.report.pictures import PICTURES
from forecasting.report.sensitivity_document import SensitivityDocument, SensitivityMeasure, Swing
from forecasting.report.supply_document import Quantiles, SupplyDocument, SupplyMonth, SurgeDocument
from forecasting.salvos.spread import spread

ORIGIN = date(2026, 2, 28)


def swing(assumption: str, low: float, high: float, *, noise: bool = False) -> Swing:
    of_order = {"of": "defence", "measure": "leakers", "layer": None}
    return Swing.model_validate(of_order | {"assumption": assumption, "low": low, "high": high, "noise": noise})


SWINGS = (swing("widest", 80.0, 130.0), swing("falling", 115.0, 90.0), swing("least", 99.0, 101.0))
SENSITIVITY = SensitivityDocument(
    theatre="ukraine",
    weapon_class="shahed",
    origin=ORIGIN,
    data_digest="0" * 64,
    model_id="given",
    seed=1,
    n_paths=200,
    horizon=91,
    scenario="case",
    assumption_only=False,
    shape_from=None,
    defence="own",
    service_level=0.95,
    measures=[SensitivityMeasure(measure="leakers", layer=None, value=100.0)],
    swings=[*SWINGS, swing("nothing", 99.9, 100.2, noise=True)],
    versions={},
)


def quantiles(middle: float) -> Quantiles:
    return Quantiles(
        **dict(zip(Quantiles.model_fields, (middle * share for share in (0.5, 0.8, 1, 1.3, 2)), strict=True))
    )


SUPPLY = SupplyDocument(
    scenario="case",
    title="A case",
    as_of=ORIGIN,
    about="",
    assumption_only=False,
    shape_from=None,
    compatible=True,
    verdict=Message.of("case"),
    n_draws=1,
    effective_sample_size=1.0,
    stock_stated=quantiles(900),
    stock_compatible=quantiles(600),
    capacity_stated=quantiles(3_000),
    capacity_compatible=quantiles(2_000),
    output_ratio=quantiles(1),
    weights=[],
    n_past_origins=0,
    months=[
        SupplyMonth(
            day=ORIGIN + timedelta(days=30 * month),
            launchable_stock=quantiles(500 * month),
            production_stated=quantiles(3_000 + 100 * month),
            production_compatible=quantiles(2_000 + 100 * month),
        )
        for month in (1, 2)
    ],
    numbers=[],
    sources=[],
)


def past_forecast(step: int, horizon: int, observed: float) -> PastForecast:
    sample = np.arange(100, 500) + 10 * step
    return PastForecast(ORIGIN - timedelta(days=7 * step), horizon, spread(sample), observed, 30.0, 40.0)


RECORD = TrackRecord(
    "salvo_ensemble",
    tuple(past_forecast(step, 7, 250.0) for step in range(4, 0, -1)),
    tuple(past_forecast(step, horizon, 300.0) for step in range(4, 0, -1) for horizon in range(1, 8)),
    (),
)


def drawn(name: str, inputs: dict[str, Any], **look: Any) -> Figure:
    """The picture of that name, of the fixture `pictured` or a variant of it."""
    picture = PICTURES[name]
    return picture.draw(*(inputs[taken] for taken in picture.takes), **look)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(colour)]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    """Of luminance, as WCAG 2.1 has it: 1 to 21."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


SURGE = SurgeDocument(stock=quantiles(400), days=quantiles(12), in_surge=quantiles(40), afterwards=quantiles(9))
