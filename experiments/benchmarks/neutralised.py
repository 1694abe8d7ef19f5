"""How well the share of the drones neutralised is told, night by night: in and out of sample, with the effect of a
night's size and without. Last nights of the bundled record; some minutes: `make evidence`."""

import argparse
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.ledger import Ledger
from features.records import UKRAINE
from features.sources.bundled import read_bundled
from forecasting.answers.defences import bundled_defence
from forecasting.defence.stock import without_stocks
from forecasting.losses.calibration import SIZE_EFFECT, calibrate
from forecasting.losses.reported_losses import ReportedLosses
from forecasting.losses.variation import BLOCK_DAYS

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReportedShares:
    """Nights as reported, and (3, n_nights) the 10, 50 and 90 % quantiles of the share that a report of each would
    count, as told."""

    record: ReportedLosses
    quantiles: Array

    def row(self, name: str, nights: NDArray[np.bool_]) -> str:
        """One line of the table."""
        launched, share = self.record.launched[nights], (self.record.lost / self.record.launched)[nights]
        low, middle, high = self.quantiles[:, nights]
        reported, told = (float((each * launched).sum() / launched.sum()) for each in (share, middle))
        within = ((low <= share) & (share <= high)).mean()
        error = np.abs(middle - share).mean()
        return f"{name:<28} {nights.sum():>6} {reported:>9.3f} {told:>7.3f} {error:>11.3f} {within:>12.2f}"

    def rows(self, name: str) -> list[str]:
        """Of all the nights, of the largest tenth, and of each quarter."""
        largest = self.record.launched >= np.quantile(self.record.launched, 0.9)
        quarters = self.record.days.astype("datetime64[M]").astype(int) // 3
        by_quarter = [
            self.row(f"{name}, {1970 + quarter // 4} Q{quarter % 4 + 1}", quarters == quarter)
            for quarter in np.unique(quarters)
        ]
        return [self.row(name, quarters >= 0), self.row(f"{name}, largest tenth", largest), *by_quarter]


def shares_after(ledger: Ledger, origin: date, size_effect: float, record: ReportedLosses) -> ReportedShares:
    """The nights of the block after an origin, as told from what was published by then."""
    known = ReportedLosses.from_history(ledger.history(origin=origin))
    ages = record.ages(origin)
    after = record[(ages < 0) & (ages >= -BLOCK_DAYS)]
    found = calibrate(without_stocks(bundled_defence(UKRAINE)), known, origin, size_effect=size_effect, n_draws=2_000)
    size = found.evidence.sizes.effect_of(after.launched)[0]
    shares = found.reported_shares(after.launched, 1, size=size, counts_all=after.counts_all, to_come=True)
    return ReportedShares(after, np.quantile(shares, (0.1, 0.5, 0.9), axis=0))


def shares_within(record: ReportedLosses, origin: date, size_effect: float) -> ReportedShares:
    """The nights that the calibration of an origin has learned from."""
    found = calibrate(without_stocks(bundled_defence(UKRAINE)), record, origin, size_effect=size_effect, n_draws=2_000)
    used, sizes = found.evidence.record, found.evidence.sizes
    shares = found.reported_shares(used.launched, 1, size=sizes.relative - sizes.centre, counts_all=used.counts_all)
    return ReportedShares(used, np.quantile(shares, (0.1, 0.5, 0.9), axis=0))


def concatenate(parts: list[ReportedShares]) -> ReportedShares:
    """One after the other."""
    names = ("days", "launched", "shot_down", "suppressed", "neutralised", "impact_sites")
    record = ReportedLosses(*(np.concatenate([getattr(part.record, name) for part in parts]) for name in names))
    return ReportedShares(record, np.concatenate([part.quantiles for part in parts], axis=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=13, help="of 28 days, the last ones of the record")
    blocks = parser.parse_args().blocks
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger:
        ledger.ingest(read_bundled(), datetime.now(UTC))
        history = ledger.history()
        record = ReportedLosses.from_history(history)
        origins = [history.last_day - timedelta(days=BLOCK_DAYS * back) for back in range(blocks, 0, -1)]
        head = f"{'':<28} {'nights':>6} {'reported':>9} {'told':>7} {'mean error':>11} {'in the 80 %':>12}"
        print(f"{head}\nshares of the drones neutralised; told: the median; mean error: by night")
        for name, effect in (("with size", SIZE_EFFECT), ("without", 0.0)):
            within = shares_within(record, history.last_day, effect)
            after = concatenate([shares_after(ledger, origin, effect, record) for origin in origins])
            print("\n".join([*within.rows(f"in sample, {name}"), *after.rows(f"next 28 days, {name}")]))


if __name__ == "__main__":
    main()
