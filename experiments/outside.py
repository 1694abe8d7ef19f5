"""Forecasts that were made elsewhere, in another environment or language, to be scored on our folds beside ours.

Files are Parquet or CSV, in one of two forms; a file may hold several models and origins.

- *paths*: model, origin, day_1, day_2, ...: a row for each simulated future, in drones.
- *hubverse model output*: reference_date (the origin), horizon, output_type, output_type_id, value, and model_id where
  the file is not named by it. Of the rows with a target, those "per attack day" are read. output_type quantile is
  joined into paths in the order of past windows (`forecasting.salvos.from_quantiles`); output_type sample are paths,
  whose output_type_id says which rows belong together.

Nobody can see from a file what its maker had looked at. What can be checked is: origins are those of the folds;
target_end_date is reference_date and horizon days; published_at, where it is told, is not after the end of the origin;
data_digest, where it is told, is that of what was published by the origin, as `histories` gives it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.folds import TOTAL_BANDS
from features.errors import InputError, one_line
from features.history import LaunchHistory
from features.ledger import end_of_day
from features.records import SHAHED
from forecasting.record.scores import QUANTILE_LEVELS
from forecasting.salvos.from_quantiles import past_windows, paths_from_quantiles
from forecasting.salvos.model import MODELS, ModelError, SimulationRequest

LONGEST_NAME = 80
HUB = ("reference_date", "horizon", "output_type", "output_type_id", "value")
PER_DAY = "per attack day"
WANTED = "paths (model, origin, day_1, day_2, ...) or hubverse model output (" + ", ".join(HUB) + ")"


@dataclass(frozen=True)
class OutsideForecast:
    """One forecast from one origin.

    Parameters
    ----------
    values : (n, horizon) array of float
        Paths, or quantiles, in drones per attack day.
    levels : tuple of float, optional
        Of the quantiles; None for paths.
    data_digest : str
        Of the history that it says it was made from; "" where it says nothing.
    late : bool
        Whether it was published after the end of its origin.
    """

    values: NDArray[np.float64]
    levels: tuple[float, ...] | None = None
    data_digest: str = ""
    late: bool = False


@dataclass(frozen=True)
class OutsideForecasts:
    """The forecasts of a model that does not run here.

    Parameters
    ----------
    model_id : str
        Its name.
    forecasts : mapping of date to OutsideForecast
        By origin.
    failures : mapping of date to str
        Origins that it has no forecast for -> why.
    source_digest : str
        SHA-256 of the files that they were read from.
    """

    model_id: str
    forecasts: Mapping[date, OutsideForecast] = field(repr=False)
    failures: Mapping[date, str] = field(default_factory=dict, repr=False)
    source_digest: str = ""

    def given(self, history: LaunchHistory, request: SimulationRequest) -> NDArray[np.int64]:
        """The forecast from the end of a history, as paths.

        Parameters
        ----------
        history : LaunchHistory
            As published by the origin, which is its last day; its past windows order days that have quantiles alone.
        request : SimulationRequest
            How many days and paths.

        Returns
        -------
        (n_paths, horizon) array of int64
            Drones per attack day.

        Raises
        ------
        ModelError
            Where there is none from that origin, or it has looked ahead, or has fewer days or another number of paths.
        """
        origin = history.last_day
        made = self.forecasts.get(origin)
        if made is None:
            raise ModelError(self.failures.get(origin, f"{self.model_id} has no forecast from {origin} in its files"))
        if made.late:
            raise ModelError(f"{self.model_id} was published after the end of its origin {origin}: it may have looked")
        if made.data_digest and made.data_digest != history.digest:
            raise ModelError(
                f"{self.model_id} was made from data {made.data_digest[:12]}, published by {origin} were "
                f"{history.digest[:12]}"
            )
        n, horizon = made.values.shape
        if horizon < request.horizon:
            raise ModelError(f"{self.model_id} has {horizon} days from {origin}: expected {request.horizon}")
        values = made.values[:, : request.horizon]
        if made.levels is not None:
            rng = np.random.default_rng(origin.toordinal())
            windows = past_windows(history, request.horizon)
            return paths_from_quantiles(values, made.levels, request.n_paths, rng, order=windows)
        if n != request.n_paths:
            raise ModelError(f"{self.model_id} has {n} paths from {origin}: expected --paths {n} for all models alike")
        return np.rint(values).astype(np.int64)

    def fit(self, history: LaunchHistory) -> "_FittedOutside":
        """What `given` gives, as a model.

        Parameters
        ----------
        history : LaunchHistory
            As of `given`.

        Returns
        -------
        Fitted
        """
        return _FittedOutside(self, history)


@dataclass(frozen=True)
class _FittedOutside:
    forecasts: OutsideForecasts
    history: LaunchHistory

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG002
        return self.forecasts.given(self.history, request)


def read_forecasts(paths: Sequence[Path | str]) -> list[OutsideForecasts]:
    """The forecasts of files, to be backtested like models.

    Parameters
    ----------
    paths : sequence of Path or str
        Parquet or CSV files, or patterns such as forecasts/*.parquet.

    Returns
    -------
    list of OutsideForecasts
        One for each model, by name.

    Raises
    ------
    InputError
        For a file that cannot be read, is neither of the two forms, or holds what is no forecast.
    """
    files = [file for given in paths for file in _matching(Path(given))]
    found: dict[str, dict[date, OutsideForecast]] = {}
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
        frame = _read(file)
        try:
            by_model = _of_paths(frame) if "day_1" in frame else _of_hub(frame, file)
        except InputError:
            raise
        except (ValueError, TypeError, OverflowError, KeyError) as error:  # pandas', of cells that are no such thing
            raise one_line(f"{file} holds what is no forecast ({error}): expected {WANTED}") from error
        for model, forecasts in by_model.items():
            _check_name(model, file)
            own = found.setdefault(model, {})
            if twice := sorted(set(own) & set(forecasts)):
                raise InputError(
                    f"{file}: {model} has a forecast from {twice[0]} already: expected one from each origin"
                )
            own |= forecasts
    return [OutsideForecasts(name, found[name], source_digest=digest.hexdigest()) for name in sorted(found)]


def histories(history_at: Callable[[date], LaunchHistory], origins: Sequence[date]) -> pd.DataFrame:
    """What a tool elsewhere may be given: for each origin, what was published by then.

    Parameters
    ----------
    history_at : callable
        Origin -> what was published by then (`Ledger.history`).
    origins : sequence of date
        Of the folds.

    Returns
    -------
    pandas.DataFrame
        One row per origin and attack day up to it. Columns: origin, attack_day (datetime), launched (float, drones, NaN
        where unknown), data_digest (str: give it back with the forecast, and it is checked).
    """
    frames = []
    for origin in origins:
        history = history_at(origin)
        days = {"attack_day": pd.to_datetime(history.days), "launched": history.launched}
        frames.append(pd.DataFrame({"origin": pd.Timestamp(origin), **days, "data_digest": history.digest}))
    return pd.concat(frames, ignore_index=True)


def hub_output(scores: pd.DataFrame, weapon_class: str = SHAHED) -> pd.DataFrame:
    """Logged forecasts as hubverse model output, with all of the quantiles that were scored.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `scores` of `experiments.compare` reads them.
    weapon_class : str
        In the names of the targets.

    Returns
    -------
    pandas.DataFrame
        One row per model, origin, target and level; columns: model_id, reference_date, target, horizon,
        target_end_date, output_type, output_type_id (float, the level), value (drones). Days and totals that are not
        known (yet) have no row. A hub takes a file of each model and reference_date.
    """
    columns = {f"quantile_{level:g}": float(level) for level in QUANTILE_LEVELS}
    origin = pd.to_datetime(scores["origin"])
    what = np.where(scores["band"].isin(TOTAL_BANDS), "in total", PER_DAY)
    told = pd.DataFrame(
        {
            "model_id": scores["model"],
            "reference_date": origin.dt.strftime("%Y-%m-%d"),
            "target": [f"{weapon_class} launched {each}" for each in what],
            "horizon": scores["horizon"],
            "target_end_date": (origin + pd.to_timedelta(scores["horizon"], "D")).dt.strftime("%Y-%m-%d"),
            "output_type": "quantile",
        }
    )
    long = pd.concat([told, scores[list(columns)]], axis=1).melt(
        list(told.columns), var_name="output_type_id", ignore_index=False
    )
    long["output_type_id"] = long["output_type_id"].map(columns)
    return long.sort_index(kind="stable").reset_index(drop=True)


def _matching(given: Path) -> list[Path]:
    if given.is_file():
        return [given]
    found = sorted(given.parent.glob(given.name)) if any(mark in given.name for mark in "*?[") else []
    if not found:
        raise InputError(f"--from-files {given}: no such file: expected Parquet or CSV files of forecasts")
    return found


def _read(file: Path) -> pd.DataFrame:
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if file.suffix.lower() not in readers:
        raise InputError(f"{file}: expected a file that ends in .parquet or .csv")
    try:
        frame = readers[file.suffix.lower()](file)
    except (ValueError, OSError) as error:  # pyarrow's and pandas' own are among them
        raise one_line(f"{file} cannot be read ({error}): expected {WANTED}") from error
    missing = [name for name in ("model", "origin", "day_1") if name not in frame]
    if missing and (lacking := [name for name in HUB if name not in frame]):
        raise InputError(f"{file} lacks {', '.join(lacking)}: expected {WANTED}")
    return frame


def _of_paths(frame: pd.DataFrame) -> dict[str, dict[date, OutsideForecast]]:
    made: dict[str, dict[date, OutsideForecast]] = {}
    for (model, origin), rows in frame.groupby(["model", "origin"]):
        n_days = sum(str(name).startswith("day_") for name in rows)
        lacking = [name for name in (f"day_{day}" for day in range(1, n_days + 1)) if name not in rows]
        if lacking:
            raise InputError(f"{model} from {origin} lacks {lacking[0]}: expected day_1 to the last one")
        values = rows[[f"day_{day}" for day in range(1, n_days + 1)]].to_numpy(dtype=float)
        own = made.setdefault(str(model), {})
        own[_day(origin)] = _forecast(str(model), _day(origin), values, None, rows)
    return made


def _of_hub(frame: pd.DataFrame, file: Path) -> dict[str, dict[date, OutsideForecast]]:
    made: dict[str, dict[date, OutsideForecast]] = {}
    if "target" in frame:
        frame = frame[frame["target"].astype(str).str.endswith(PER_DAY)]
    if "model_id" not in frame:  # 2026-01-01-team-model.parquet, as hubs name them
        name = file.stem
        name = name[11:] if name[:10].count("-") == 2 and name[10:11] == "-" else name
        frame = frame.assign(model_id=name)
    for (model, reference, kind), rows in frame.groupby(["model_id", "reference_date", "output_type"]):
        if kind not in ("quantile", "sample"):
            continue  # a mean or a median says nothing of how sure it is
        origin = _day(reference)
        if "target_end_date" in rows:
            ahead = (pd.to_datetime(rows["target_end_date"]) - pd.Timestamp(origin)).dt.days
            if (odd := ahead != rows["horizon"]).any():
                row = rows[odd].iloc[0]
                raise InputError(
                    f"{file}: {model} from {origin} has horizon {row['horizon']} and target_end_date "
                    f"{row['target_end_date']}: expected the origin and horizon days"
                )
        ids = rows["output_type_id"].astype(float) if kind == "quantile" else rows["output_type_id"]
        if rows.assign(id=ids).duplicated(["id", "horizon"]).any():
            raise InputError(f"{file}: {model} from {origin}: expected one value for each horizon and output_type_id")
        wide = rows.assign(id=ids).pivot_table("value", "id", "horizon")  # one value each, so their mean is it
        horizons = wide.columns.to_numpy()
        if not np.array_equal(horizons, np.arange(1, horizons.size + 1)):
            raise InputError(
                f"{file}: {model} from {origin} has horizons {horizons.tolist()}: expected 1 to the last one"
            )
        values = wide.to_numpy(dtype=float)
        levels = tuple(map(float, wide.index)) if kind == "quantile" else None
        own = made.setdefault(str(model), {})
        if origin in own:
            raise InputError(f"{file}: {model} from {origin} has quantiles and samples: expected one of them")
        own[origin] = _forecast(str(model), origin, values, levels, rows)
    if not made:
        raise InputError(f"{file} has no rows of output_type quantile or sample: expected {WANTED}")
    return made


def _forecast(
    model: str, origin: date, values: NDArray[np.float64], levels: tuple[float, ...] | None, rows: pd.DataFrame
) -> OutsideForecast:
    """Checked: numbers of drones, and quantiles whose levels bear them."""
    if not np.isfinite(values).all() or values.min() < 0:
        raise InputError(f"{model} from {origin} has a value that is negative or no number: expected drones per day")
    if levels is not None:  # refused here, with the model's name, and not at the first fold
        try:
            paths_from_quantiles(values, levels, 2, np.random.default_rng(0), order=0.0)
        except InputError as error:
            raise InputError(f"{model} from {origin}: {error}") from error
    late = False
    if "published_at" in rows:
        published = pd.to_datetime(rows["published_at"], utc=True)
        late = bool((published > pd.Timestamp(end_of_day(origin))).any() or published.isna().any())
    digests: set[Any] = set(rows["data_digest"]) if "data_digest" in rows else {""}
    if len(digests) > 1:
        raise InputError(f"{model} from {origin} has several data_digest: expected one")
    return OutsideForecast(values, levels, str(digests.pop()), late)


def _day(given: Any) -> date:
    """pandas would read "2" and "-01" as days, too, and the number 20250601 as one of 1970."""
    text = given.isoformat() if isinstance(given, date) else str(given)
    try:
        day, clock = text[:10], text[10:]
        if clock:
            time.fromisoformat(clock[1:])
        return date.fromisoformat(day)
    except ValueError as error:
        raise InputError(f"origin '{given}': expected a date such as 2025-06-01") from error


def _check_name(name: str, file: Path) -> None:
    if name in MODELS:
        raise InputError(f"{file}: {name} is the name of a model that runs here: call it otherwise")
    if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME or "," in name:
        raise InputError(
            f"{file}: model '{name[:LONGEST_NAME]}': expected a name of 1 to {LONGEST_NAME} characters, no comma"
        )
