"""Does the record of launches allow a production scenario as it is stated?"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from features.messages import Message
from features.stock_flow import SupplyDraws, stock_flow
from forecasting.supply.assimilation import BLOCK, AssimilatedSupply, blocks

Draws = NDArray[np.float64]

ENOUGH_DRAWS = 0.05
REPORTING_ERROR = 0.05
"""A scenario as stated is compatible where at least so many of its draws could have made all launches on record, each
quarter within the error of the counts: trackers of the same reports differ by up to 3 %, and a few come late."""
PLENTY = 0.25
"""Share of such draws below which the record allows a scenario only at the edge of its ranges."""
QUARTER_BLOCKS = 3
LONGEST_STORE = 180.0
"""Days of launches that may pile up in store before a scenario counts as overstated: drones are kept for weeks."""
VERDICT_DRAWS = 1_000
YEAR = 365


@dataclass(frozen=True, eq=False)
class Verdict:
    """Whether the record allows the scenario as stated, and why. share: of its draws that could have made the launches.
    stock: (n,) drones in store at the origin after them, had output been as stated. stated_over_launched: drones made
    as stated over drones launched, on the known days of the last year (median draw)."""

    compatible: bool
    share: float
    reason: Message
    stock: Draws
    stated_over_launched: float


def scenario_verdict(assimilated: AssimilatedSupply) -> Verdict:
    """The verdict on a scenario as stated: its own ranges, but output that does not stray from what they say.

    Days without a report are taken to have seen the launches of a known day, on average.
    """
    drawn, record = assimilated.drawn, assimilated.record
    stated = drawn.pick(np.arange(min(VERDICT_DRAWS, drawn.n_draws))).window(drawn.first_day, assimilated.origin)
    # A truce that was broken is on record too.
    stated = replace(stated, paused=np.zeros_like(stated.paused))
    known = ~np.isnan(record)
    wanted = np.nan_to_num(record)
    flow = stock_flow(stated, wanted)
    missing = wanted - flow.launched
    able = (_quarters(missing) <= REPORTING_ERROR * _quarters(wanted) + 1.0).all(axis=1)
    level = float(wanted[-QUARTER_BLOCKS * BLOCK :].sum() / max(known[-QUARTER_BLOCKS * BLOCK :].sum(), 1))
    unseen = wanted.sum() * float((~known).sum()) / max(float(known.sum()), 1.0)
    stock = np.maximum(flow.stock[:, -1] - unseen, 0.0)
    piled = stock > LONGEST_STORE * max(level, 1.0)
    share = float((able & ~piled).mean())
    made, launched = _made_and_launched(stated, record)
    if share >= ENOUGH_DRAWS:
        allows = Message.of("record_allows", share=share)
        reason = allows if share >= PLENTY else Message.of("record_allows_at_edge", share=share)
    elif (~able).mean() < piled.mean():
        reason = _surplus(made, launched, min(record.size, YEAR), float(np.median(stock)), level)
    else:
        reason = _shortage(stated, missing)
    return Verdict(share >= ENOUGH_DRAWS, share, reason, stock, made / launched)


def _quarters(series: Draws) -> Draws:
    """(..., n_quarters) sums over each three blocks that follow each other, or over all where there are fewer."""
    starts = [days.start for days in blocks(series.shape[-1])]
    sums = np.add.reduceat(series, starts, axis=-1)
    width = min(QUARTER_BLOCKS, len(starts))
    quarters: Draws = np.lib.stride_tricks.sliding_window_view(sums, width, axis=-1).sum(axis=-1)
    return quarters


def _shortage(stated: SupplyDraws, missing: Draws) -> Message:
    """missing: (n_draws, n_days) launches on record that stock and production do not give."""
    days = _worst_run(missing)
    start, end = (stated.first_day + timedelta(days=index) for index in (days.start, days.stop - 1))
    needed = stated.opening + missing.sum(axis=1) / (1.0 - stated.lost_before_launch)
    return Message.of(
        "record_exceeds_supply",
        start=start,
        end=end,
        missing=float(np.median(missing[:, days].sum(axis=1))),
        needed=float(np.quantile(needed, ENOUGH_DRAWS)),
    )


def _worst_run(missing: Draws) -> slice:
    """The days of the blocks in a row, each of them short in the median draw, that are short by most together."""
    each = blocks(missing.shape[1])
    best, run, first = 0.0, 0.0, 0
    worst = slice(each[0].start, each[-1].stop)
    for index, days in enumerate(each):
        short = float(np.median(missing[:, days].sum(axis=1)))
        run, first = (run + short, first) if short > 0.0 else (0.0, index + 1)
        if run > best:
            best, worst = run, slice(each[first].start, days.stop)
    return worst


def _made_and_launched(stated: SupplyDraws, record: Draws) -> tuple[float, float]:
    """Drones made as stated, in the median draw, and launched, on the known days of the last year: what was launched on
    the others nobody knows."""
    first = max(record.size - YEAR, 0)
    days = first + np.flatnonzero(~np.isnan(record[first:]))
    made = (stated.armed + stated.decoys + stated.as_stated)[:, days].sum(axis=1)
    return float(np.median(made)), max(float(record[days].sum()), 1.0)


def _surplus(made: float, launched: float, n_days: int, piled: float, level: float) -> Message:
    return Message.of(
        "supply_exceeds_record",
        days=n_days,
        ratio=made / launched,
        used=100 * launched / max(made, 1.0),
        piled=piled,
        supply=piled / max(level, 1.0),
    )
