"""Tables of the page that are computed from several documents: two plans compared, and how good forecasts have been."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from forecasting.record.track_record import PastForecast, TrackRecord, coverage, skill
from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.rounding import rounded
from forecasting.salvos.spread import LEVELS, Spread


@dataclass(frozen=True)
class ComparedRow:
    """One row of the comparison of two plans."""

    name: str
    left: str
    right: str
    difference: str


@dataclass(frozen=True)
class ScoredRow:
    """How good forecasts of one kind have been. covered: share of the outcomes inside the 50, 80 and 95 % range.
    better: 1 less their error over the reference's. ahead: days."""

    name: str
    n: int
    covered: tuple[float, ...]
    better: float | None
    ahead: str = ""


def comparison_rows(left: PlanDocument, right: PlanDocument, t: Translator) -> Iterable[ComparedRow]:
    """Two plans, row by row. Their windows and layers are the same: only the scenario differs."""

    def spreads(name: str, one: Spread, other: Spread) -> ComparedRow:
        change = _change(one.median, other.median, t, _noise(one.median_error, other.median_error))
        return ComparedRow(name, _median_between(one.rounded(), t), _median_between(other.rounded(), t), change)

    for window, beside in zip(left.forecast.windows, right.forecast.windows, strict=True):
        name = t.plural("drones in {n} day", "drones in {n} days", window.n_days)
        yield spreads(name, window.total_drones, beside.total_drones)
    last, beside = left.forecast.windows[-1], right.forecast.windows[-1]
    yield spreads(t("largest day"), last.largest_day_drones, beside.largest_day_drones)
    before, after = last.massed_probability, beside.massed_probability
    points = round(100 * after) - round(100 * before)
    change = t("{n} points", n=_signed(points, t.number(abs(points)))) if points else "0"
    yield ComparedRow(t("a massed strike"), t.percent(before), t.percent(after), change)
    yield spreads(t("armed drones through"), left.outcome.leakers, right.outcome.leakers)
    if left.outcome.leaked_warhead_kg and right.outcome.leaked_warhead_kg:
        yield spreads(t("their warheads, kg"), left.outcome.leaked_warhead_kg, right.outcome.leaked_warhead_kg)
    for layer, same in zip(left.layers, right.layers, strict=True):
        if layer.order and same.order:
            one, other = layer.order, same.order
            yield ComparedRow(
                t("order, {layer}", layer=t.stated(layer.name)),
                t.number(rounded(one).quantity),
                t.number(rounded(other).quantity),
                _change(one.quantity, other.quantity, t, _noise(one.quantity_error, other.quantity_error)),
            )
    costs = left.outcome.orders_cost_usd_mode / 1e6, right.outcome.orders_cost_usd_mode / 1e6
    before_usd, after_usd = (t.number(cost, 1) for cost in costs)
    yield ComparedRow(t("orders, M USD"), before_usd, after_usd, _change(*costs, t))


def score_rows(record: TrackRecord, t: Translator) -> Iterable[ScoredRow]:
    """What the track record says of days and of totals."""

    def row(name: str, targets: tuple[PastForecast, ...]) -> ScoredRow:
        return ScoredRow(name, len(targets), tuple(coverage(targets, level) for level in LEVELS), skill(targets))

    if record.days:
        yield row(t("each attack day, 1 to 7 days ahead"), record.days)
    if record.totals:
        yield row(t("totals of 7 attack days"), record.totals)


def issued_score_rows(rows: list[dict[str, Any]], t: Translator) -> Iterable[ScoredRow]:
    """What the scoreboard (`Scoreboard.overall`) says of the forecasts that were given out."""
    from forecasting.record.scoreboard import DAY_BANDS, TOTALS  # loads pandas

    bands = {name: f"{first}–{last}" for name, (first, last) in DAY_BANDS.items()}
    bands |= {"h1": "1", "h29_on": "29+"}
    bands |= {f"total_{n}": t("total of {n} attack days", n=n) for n in TOTALS}
    for row in rows:
        covered = tuple(row[f"coverage_{round(100 * level)}"] for level in LEVELS)
        yield ScoredRow(row["model"], row["n"], covered, row["skill"], bands[row["band"]])


def _median_between(spread: Spread, t: Translator) -> str:
    interval = spread.interval(0.8)
    return f"{t.number(spread.median)} ({t.number(interval.low)}–{t.number(interval.high)})"


def _noise(*errors: float | None) -> float:
    """Two standard errors of a difference. The plans share their random numbers, so it is rather less."""
    return 2.0 * math.hypot(*(error or 0.0 for error in errors))


def _change(before: float, after: float, t: Translator, noise: float = 0.0) -> str:
    """In per cent of what was before, small ones with a decimal; in units where that is nothing. noise: a difference no
    larger than that is told as such."""
    if before == after:
        return "0"
    if before == 0:
        changed = _signed(after, t.number(after))
    else:
        share = 100 * (after / before - 1)
        changed = _signed(share, f"{t.number(abs(share), 1 if abs(share) < 10 else 0)}\u00a0%")
    return t("{change}, within noise", change=changed) if abs(after - before) <= noise else changed


def _signed(value: float, text: str) -> str:
    return f"{'+' if value > 0 else '−'}{text}"
