"""The published form of a calibration: the ranges and the shares before and after the record."""

from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from features.messages import Message
from forecasting.report.parts import Document

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.losses.calibrated_defence import Calibration


class Central(Document):
    """Quantiles over the draws, at 10, 50 and 90 %: the central 80 %."""

    p10: float
    p50: float
    p90: float


class CalibratedQuantity(Document):
    """A quantity as the defence states it, and as the record has it. layer: empty for the effect of the size of a night
    on the odds of being neutralised."""

    layer: str
    quantity: str
    stated: Central
    calibrated: Central


class ComparedShare(Document):
    """A reported share of the drones, beside what the ranges alone and the calibrated draws say of the same nights.

    period: the nights, or the published share. counts: lost (neutralised), shot_down, or kills: the share of the kills
    that the layer has, which is null for the others. reported_low, reported_high:
    the same but for a published share that was told as a range.
    """

    period: Message
    counts: Literal["lost", "shot_down", "kills"]
    layer: str | None
    first_day: date
    last_day: date
    n_nights: int = Field(description="0 for a published share of kills")
    reported_low: float
    reported_high: float
    stated: Central
    calibrated: Central
    impact_sites: float | None = Field(description="places reported hit for each drone launched, where told")


class CalibrationDocument(Document):
    """What the reported losses did to the ranges of the defence."""

    n_nights: int = Field(description="with reported losses, that were used")
    effective_sample_size: float = Field(description="independent draws that the calibrated ones are worth")
    overdispersion: float = Field(description="variance of a night's losses, times the binomial one")
    drift: float = Field(description="standard deviation of the change of the logit share from 28 days to the next")
    quantities: list[CalibratedQuantity]
    shares: list[ComparedShare]


def calibration_document(found: "Calibration") -> CalibrationDocument:
    """The published form of a calibration."""
    return CalibrationDocument(
        n_nights=found.n_nights,
        effective_sample_size=found.effective_sample_size,
        overdispersion=found.variation.overdispersion,
        drift=found.variation.drift,
        quantities=[
            CalibratedQuantity(
                layer=each.layer_id,
                quantity=each.quantity,
                stated=_central(each.prior),
                calibrated=_central(each.posterior),
            )
            for each in found.quantities
        ],
        shares=[
            ComparedShare(
                period=each.period,
                counts=each.counts,
                layer=each.layer_id or None,
                first_day=each.first_day,
                last_day=each.last_day,
                n_nights=each.n_nights,
                reported_low=each.low,
                reported_high=each.high,
                stated=_central(each.prior),
                calibrated=_central(each.posterior),
                impact_sites=each.impact_sites,
            )
            for each in (*found.periods, *found.kill_shares)
        ],
    )


def _central(quantiles: tuple[float, float, float]) -> Central:
    p10, p50, p90 = quantiles
    return Central(p10=p10, p50=p50, p90=p90)
