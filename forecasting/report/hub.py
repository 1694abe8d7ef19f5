"""A forecast in the format of forecast hubs: the model output of hubverse, one row per quantile."""

from typing import TYPE_CHECKING

from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.salvos.spread import Spread

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["reference_date", "target", "horizon", "target_end_date", "output_type", "output_type_id", "value"]


def hub_rows(document: ForecastDocument | PlanDocument) -> "pd.DataFrame":
    """The rows of a model output file: one per target, horizon and quantile level; a plan gives those of its forecast.

    reference_date: the origin, and target_end_date = reference_date + horizon days; both as YYYY-MM-DD. target:
    "<class> launched per attack day", of that one day, and "<class> launched in total", of days 1 to horizon together.
    horizon: attack days, 1 or more. output_type: quantile. output_type_id: the level, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9
    or 0.975: the ends of the central 95, 80 and 50 % intervals, and the median. value: weapons of the class, of the
    Shahed-type ones decoys included; whole numbers, because each is the smallest simulated count that at least the
    level's share of the paths does not exceed. Nothing is rounded, and the quantiles of a target never cross.
    """
    import pandas as pd  # the sentence of a plan takes its quantiles from here, and no table

    forecast = document.forecast if isinstance(document, PlanDocument) else document
    launched = f"{forecast.weapon_class} launched"
    days = [(f"{launched} per attack day", day.horizon, day.attack_day, day.drones) for day in forecast.days]
    totals = [
        (f"{launched} in total", window.n_days, window.last_day, window.total_drones) for window in forecast.windows
    ]
    rows = [
        (str(forecast.origin), target, horizon, str(last_day), "quantile", level, value)
        for target, horizon, last_day, spread in days + totals
        for level, value in quantiles(spread).items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def quantiles(spread: Spread) -> dict[float, float]:
    """Level -> quantile, ascending, of the seven levels that a spread holds."""
    found = {0.5: spread.median}
    for interval in spread.intervals:
        found[round((1 - interval.level) / 2, 6)] = interval.low
        found[round((1 + interval.level) / 2, 6)] = interval.high
    return dict(sorted(found.items()))
