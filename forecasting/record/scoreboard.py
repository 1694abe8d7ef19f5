"""How the forecasts that were given out have done: their stated quantiles against what came.

Nothing of it is stored: a report that is corrected corrects the scores. The documents state seven quantiles (the
median and the ends of the 50, 80 and 95 % intervals), so the weighted interval score is of these, and is not to be set
beside the one of a backtest, which has fifteen.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import SalvocastError
from features.history import LaunchHistory
from features.records import KYIV
from forecasting.record.scores import covered, wis
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import REFERENCE_MODEL, SimulationRequest, forecast, load_model
from forecasting.salvos.spread import LEVELS

STATED_LEVELS = np.array(
    [*((1 - level) / 2 for level in reversed(LEVELS)), 0.5, *((1 + level) / 2 for level in LEVELS)]
)
"""(7,) the levels of the quantiles that a document states, ascending."""

DAY_BANDS = {"h1": (1, 1), "h2_7": (2, 7), "h8_14": (8, 14), "h15_28": (15, 28), "h29_on": (29, 10**6)}
"""Band -> first and last day ahead in it."""
TOTALS = (7, 28)
"""Days whose total is scored."""
BANDS = (*DAY_BANDS, *(f"total_{n_days}" for n_days in TOTALS))

REFERENCE_PATHS, REFERENCE_SEED = 2_000, 1
"""As a document has them unless it was asked for otherwise."""
CONFIDENCE = 0.95
"""Of the band in which the coverage of a calibrated forecast lies."""


@dataclass(frozen=True, eq=False)
class StatedQuantiles:
    """What a forecast states of each day and total.

    days: (7, horizon) drones at `STATED_LEVELS`; column h - 1 is the day `origin` + h. totals: n_days -> (7,) drones
    launched on days 1 to n_days together.
    """

    origin: date
    days: NDArray[np.float64]
    totals: Mapping[int, NDArray[np.float64]]

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """document: the JSON of a ForecastDocument or PlanDocument, of this or an earlier release."""
        told = document.get("forecast", document)
        totals = {window["n_days"]: _quantiles(window["total_drones"]) for window in told["windows"]}
        return cls(
            date.fromisoformat(told["origin"]),
            np.stack([_quantiles(day["drones"]) for day in told["days"]], axis=1),
            {n_days: totals[n_days] for n_days in TOTALS if n_days in totals},
        )

    @classmethod
    def of_paths(cls, made: SalvoForecast) -> Self:
        """The same quantiles, by the same rule, of simulated paths."""

        def quantiles(sample: NDArray[np.int64]) -> NDArray[np.float64]:
            ends: NDArray[np.float64] = np.quantile(sample, STATED_LEVELS, axis=0, method="inverted_cdf").astype(float)
            return ends

        totals = {n_days: quantiles(made.totals(n_days)) for n_days in TOTALS if n_days <= made.horizon}
        return cls(made.origin, quantiles(made.paths), totals)


class IssuedHeader(Protocol):
    """What the scoreboard looks at of an issued forecast, beside its document: see `record.archive.Issued`."""

    @property
    def number(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def origin(self) -> date: ...
    @property
    def horizon(self) -> int: ...
    @property
    def model_id(self) -> str: ...
    @property
    def scenario(self) -> str | None: ...
    @property
    def request(self) -> str: ...


@dataclass(frozen=True, eq=False)
class Scoreboard:
    """The scores of issued forecasts.

    scores: one row per forecast and target that counts, see `scored`. last_day_known: of the launches they are scored
    by. n_issued: all that were looked at. The others say why some of them have no score: n_scenario under another
    scenario, or with assumptions held; n_repeated after another of the same origin and model that looks as far ahead;
    n_waiting without a day that is known yet; n_hindsight issued when their known days were over.
    """

    scores: pd.DataFrame
    last_day_known: date
    n_issued: int
    n_scenario: int
    n_repeated: int
    n_waiting: int
    n_hindsight: int

    @property
    def overall(self) -> pd.DataFrame:
        """One row per model and band: see `summary`."""
        return summary(self.scores, ["model"])

    @property
    def by_month(self) -> pd.DataFrame:
        """One row per model, month of issue and band."""
        return summary(self.scores, ["model", "month"])

    def as_document(self) -> dict[str, Any]:
        """The scoreboard as JSON; null where there is no number."""
        return {
            "format": "salvocast/scoreboard/1",
            "last_attack_day_known": self.last_day_known.isoformat(),
            "levels": STATED_LEVELS.round(3).tolist(),
            "reference": REFERENCE_MODEL,
            "n_issued": self.n_issued,
            "n_scored": int(self.scores["number"].nunique()),
            "n_scenario": self.n_scenario,
            "n_repeated": self.n_repeated,
            "n_waiting": self.n_waiting,
            "n_hindsight": self.n_hindsight,
            "overall": json.loads(self.overall.to_json(orient="records")),
            "by_month": json.loads(self.by_month.to_json(orient="records")),
        }


def scoreboard(
    issued: Iterable[IssuedHeader],
    document_of: Callable[[str], bytes],
    truth: LaunchHistory,
    history_at: Callable[[date], LaunchHistory] | None,
    *,
    scenario: str | None = None,
    hindsight: bool = False,
) -> Scoreboard:
    """Scores the issued forecasts of one series by what is known of it now.

    issued: in the order of issue (Archive.list). document_of: id -> document (of Archive.get). truth: as known now.
    history_at: as known at an origin (Ledger.history), for the reference; None: without one. Those count that were made
    without a scenario, or under the one of that name, with no assumption held. Of what several say of one origin by one
    model, the first issued counts, so that nobody draws seeds until one fits. hindsight: count days, too, that were
    over in Kyiv when the forecast of them was issued: a replay, and no track record.
    """
    parts = []
    said: dict[tuple[str, date], int] = {}
    references: dict[tuple[date, int], StatedQuantiles | None] = {}
    n_issued = n_scenario = n_repeated = 0
    for each in issued:
        n_issued += 1
        if each.scenario != scenario or json.loads(each.request).get("held"):
            n_scenario += 1
            continue
        if each.horizon <= said.get((each.model_id, each.origin), 0):
            n_repeated += 1
            continue
        said[each.model_id, each.origin] = each.horizon
        target = each.origin, each.horizon
        if target not in references:
            references[target] = reference(history_at, *target) if history_at else None
        stated = StatedQuantiles.of_document(json.loads(document_of(each.id)))
        rows = score_targets(stated, truth, references[target])
        day_of_issue = each.issued_at.astimezone(KYIV).date()
        parts.append(
            rows.assign(
                number=each.number,
                model=each.model_id,
                issued_at=each.issued_at,
                month=f"{day_of_issue:%Y-%m}",
                in_time=rows["first_day"] >= day_of_issue,
            )
        )
    known = pd.concat(parts, ignore_index=True) if any(map(len, parts)) else _NO_SCORES
    counted = known if hindsight else known[known["in_time"]]
    n_known, n_counted = (int(rows["number"].nunique()) for rows in (known, counted))
    return Scoreboard(
        scores=counted.drop_duplicates(["model", "origin", "band", "horizon"])[list(SCORE_COLUMNS)].reset_index(
            drop=True
        ),
        last_day_known=truth.last_known_day,
        n_issued=n_issued,
        n_scenario=n_scenario,
        n_repeated=n_repeated,
        n_waiting=len(parts) - n_known,
        n_hindsight=n_known - n_counted,
    )


SCORE_COLUMNS = (
    *("number", "model", "issued_at", "month", "origin", "band", "horizon", "first_day", "last_day", "observed"),
    *("median", "wis", "wis_reference", *(f"coverage_{round(100 * level)}" for level in LEVELS), "n_below", "n_up_to"),
)
_NO_SCORES = pd.DataFrame(columns=list(SCORE_COLUMNS)).assign(in_time=pd.Series(dtype=bool))


def reference(history_at: Callable[[date], LaunchHistory], origin: date, horizon: int) -> StatedQuantiles | None:
    """What the reference model would have stated from that origin; None where it had too little to go by."""
    try:
        request = SimulationRequest(horizon, REFERENCE_PATHS)
        return StatedQuantiles.of_paths(
            forecast(load_model(REFERENCE_MODEL), history_at(origin), request, REFERENCE_SEED)
        )
    except SalvocastError:
        return None


def score_targets(stated: StatedQuantiles, truth: LaunchHistory, against: StatedQuantiles | None) -> pd.DataFrame:
    """One row per target whose launches are known: origin, band, horizon (of a total its last day), first_day,
    last_day, observed, median, wis and wis_reference (drones; NaN without a reference), coverage_50, _80, _95 (0 or 1),
    n_below and n_up_to (how many of the seven quantiles are below what came, and how many are not above it)."""
    horizon = stated.days.shape[1]
    observed = truth.after(stated.origin, horizon)
    steps = np.arange(1, horizon + 1)
    bands = [name for step in steps for name, (first, last) in DAY_BANDS.items() if first <= step <= last]
    quantiles, firsts, lasts, values = stated.days, steps, steps, observed
    for n_days, total in stated.totals.items():
        bands.append(f"total_{n_days}")
        quantiles = np.column_stack([quantiles, total])
        firsts, lasts = np.append(firsts, 1), np.append(lasts, n_days)
        values = np.append(values, observed[:n_days].sum())
    losses = np.full(values.size, np.nan)
    if against is not None:
        days = [against.days[:, :horizon], *(against.totals[n_days] for n_days in stated.totals)]
        losses = wis(np.column_stack(days), values, STATED_LEVELS)
    rows = {
        "origin": stated.origin,
        "band": bands,
        "horizon": lasts,
        "first_day": [stated.origin + timedelta(days=int(step)) for step in firsts],
        "last_day": [stated.origin + timedelta(days=int(step)) for step in lasts],
        "observed": values,
        "median": quantiles[len(LEVELS)],
        "wis": wis(quantiles, values, STATED_LEVELS),
        "wis_reference": losses,
        **{
            f"coverage_{round(100 * level)}": covered(
                quantiles[len(LEVELS) - 1 - place], quantiles[len(LEVELS) + 1 + place], values
            )
            for place, level in enumerate(LEVELS)
        },
        "n_below": (quantiles < values).sum(axis=0),
        "n_up_to": (quantiles <= values).sum(axis=0),
    }
    return pd.DataFrame(rows)[~np.isnan(values)]


def summary(scores: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The means over the targets of each group and band.

    Returns the columns of `by`, band, n (targets), n_apart (how many of them share no day: targets that share days err
    together), wis (drones), wis_reference and skill (1 less the ratio of the two over the targets that have both;
    above 0 is better than the reference), and for each interval coverage_50, coverage_50_low, coverage_50_high: the
    share of outcomes inside, and the 95 % band of that share had a calibrated forecast met n_apart independent days.
    """
    rows = []
    ordered = scores.assign(band=pd.Categorical(scores["band"], BANDS, ordered=True))
    for group, part in ordered.groupby([*by, "band"], observed=True, sort=True):
        both = part[part["wis_reference"].notna()]
        mean, mean_reference = both["wis"].mean(), both["wis_reference"].mean()
        apart = n_apart(part)
        row = dict(zip((*by, "band"), group, strict=True))
        row |= {"n": len(part), "n_apart": apart, "wis": part["wis"].mean(), "wis_reference": mean_reference}
        row["skill"] = 1 - mean / mean_reference if mean_reference else np.nan
        for level in LEVELS:
            name = f"coverage_{round(100 * level)}"
            low, high = binomial_band(level, apart)
            row |= {name: part[name].mean(), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = [*by, "band", "n", "n_apart", "wis", "wis_reference", "skill"]
    columns += [f"coverage_{round(100 * level)}{end}" for level in LEVELS for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=columns)


def n_apart(targets: pd.DataFrame) -> int:
    """The most of these targets (first_day, last_day) that share no day with one another.

    By taking the one that ends first, again and again: the greedy choice is the largest.
    """
    count, taken = 0, date.min
    for first, last in sorted(zip(targets["first_day"], targets["last_day"], strict=True), key=lambda days: days[1]):
        if first > taken:
            count, taken = count + 1, last
    return count


@cache
def binomial_band(level: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The central band in which the share of n independent outcomes inside an interval of that level lies."""
    from scipy.stats import binom  # a second that a page without scores need not wait

    tail = (1 - confidence) / 2
    low, high = binom.ppf([tail, 1 - tail], n, level) / n
    return float(low), float(high)


def _quantiles(spread: Mapping[str, Any]) -> NDArray[np.float64]:
    """(7,) the quantiles of a Spread."""
    ends = {interval["level"]: interval for interval in spread["intervals"]}
    lows = [ends[level]["low"] for level in reversed(LEVELS)]
    return np.array([*lows, spread["median"], *(ends[level]["high"] for level in LEVELS)], dtype=float)
