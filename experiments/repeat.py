"""A logged backtest made again from its run: the same bytes, or what is missing for them."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from experiments.backtest import Replay, Series
from experiments.compare.runs import download_artifact, table_of
from experiments.engine import Engine
from experiments.replays import ReplayRequest, SeriesReplay, Tell, replay_models
from experiments.tracking import COVARIATE_TABLE, REQUEST_FILE, REQUEST_FORMAT
from features.covariates import Covariate
from features.errors import InputError, SalvocastError
from features.records import QuietDayRule
from features.release import code_version
from forecasting.salvos.model import Model, SimulationRequest
from forecasting.salvos.recipe import Recipe, library_versions
from forecasting.salvos.saved import recipe_from


def repeat_backtest(run_id: str, engine: Engine, out: Path | None, tell: Tell) -> list[SeriesReplay]:
    """The backtest of a run, made again.

    Raises InputError, naming all that is missing, where code, libraries, models or data are not those of the run; and
    SalvocastError where the scores are not the same to the byte for all that.
    """
    with tempfile.TemporaryDirectory() as folder:
        request = json.loads(download_artifact(run_id, REQUEST_FILE, Path(folder)).read_text(encoding="utf-8"))
        before = download_artifact(run_id, "scores.csv", Path(folder)).read_bytes()
    covariates, missing = _covariates(run_id, request.get("covariates", {}))
    if request["format"] != REQUEST_FORMAT:
        raise InputError(f"run {run_id} has format {request['format']}: expected {REQUEST_FORMAT}; use its release")
    told = request["parameters"]
    models, lacking = _models(request["models"])
    missing = [*_other_versions(request), *lacking, *missing]
    first, last = (date.fromisoformat(told[name]) for name in ("first_origin", "last_origin"))
    window, _, window_days = told["window"].partition(" ")
    replay = Replay(
        SimulationRequest(int(told["horizon"]), int(told["n_paths"])),
        int(told["seed"]),
        int(told["refit_every"]),
        int(window_days) if window == "rolling" else None,
    )
    asked = ReplayRequest(
        models=None,
        theatres=(told["theatre"],),
        weapon_classes=(told["weapon_class"],),
        quiet_days=QuietDayRule(told["quiet_day_rule"]),
        first=first,
        last=last,
        every=int(told["every"]),
        horizon=replay.request.horizon,
        paths=replay.request.n_paths,
        seed=replay.seed,
        engine=engine,
        out=out,
        covariates=covariates,
    )
    with asked.open_series(asked.origins, tell) as (series,):
        series = _as_known_then(series, request)
        if series.truth.digest != told["data_digest"]:
            missing.append(f"the data of digest {told['data_digest'][:12]} (the ledger has {series.truth.digest[:12]})")
        now = {f"{each.theatre} {each.weapon_class}": each.digest for each in series.others(series.truth)}
        for name, digest in request.get("other_series", {}).items():
            if now.get(name) != digest:
                missing.append(f"the series {name} of digest {digest[:12]}, which a global model learns from")
        if missing:
            raise InputError(f"run {run_id} cannot be made again here, it lacks {'; '.join(missing)}")
        done = replay_models(asked, [series], models, replay, told.get("reference_run"))
    assert done[0].scores is not None
    if done[0].scores.to_csv(index=False).encode() != before:
        raise SalvocastError(
            f"made again, run {run_id} has other scores: the ledger now shows other reports as published by its "
            "origins, or this machine computes otherwise; nothing was logged"
        )
    return done


def _other_versions(request: Mapping[str, Any]) -> Iterator[str]:
    """What was installed then and is not now."""
    then = {"salvocast": request["code_version"]} | request["libraries"]
    now = {"salvocast": code_version()} | library_versions()
    for name, version in then.items():
        if now.get(name) != version:
            yield f"{name} {version} (here {now.get(name, 'is none')})"


def _covariates(run_id: str, digests: Mapping[str, str]) -> tuple[list[Covariate], list[str]]:
    """The covariates that a run was shown, and what is missing of them."""
    found = [Covariate.from_frame(name, table_of(run_id, COVARIATE_TABLE.format(name))) for name in digests]
    return found, [f"covariate {each.name} as it was" for each in found if each.digest != digests[each.name]]


def _models(recipes: list[dict[str, Any]]) -> tuple[list[Model], list[str]]:
    """The models of a run, and what is missing of them."""
    models, missing = [], []
    for told in recipes:
        name = told["model_id"]
        if told["document"] is None:
            missing.append(f"model {name}, whose recipe could not be told when it ran: add_model, or a package")
            continue
        if files := told["document"].get("source_digest"):
            missing.append(f"the forecasts of {name}, made elsewhere (files of SHA-256 {files[:12]}): use --from-files")
            continue
        try:
            model = recipe_from(told["document"])
        except SalvocastError as error:
            missing.append(f"model {name} ({error})")
            continue
        if not told["code"] or Recipe.of(model).code != told["code"]:
            missing.append(f"the code of model {name} as it was ({told['code'][:12] or 'of a notebook'})")
        models.append(model)
    return models, missing


def _as_known_then(series: Series, request: Mapping[str, Any]) -> Series:
    """Without the days that came after the run."""
    last = date.fromisoformat(request["last_attack_day"])
    return replace(series, truth=series.truth.until(last)) if series.truth.last_day > last else series
