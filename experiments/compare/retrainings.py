"""How the champion came to be, and what each retraining found of the recipes, as tidy frames."""

import json
import tempfile
from pathlib import Path

import pandas as pd

from experiments.compare.runs import download_artifact, table_of
from features.records import SHAHED, UKRAINE
from forecasting.registry import Registry


def champion_history(*, theatre: str = UKRAINE, weapon_class: str = SHAHED, uri: str | None = None) -> pd.DataFrame:
    """What served of a series, by the promotion log.

    Parameters
    ----------
    theatre, weapon_class : str
        Of the series.
    uri : str, optional
        As of `backtests`.

    Returns
    -------
    pandas.DataFrame
        One row per promotion, the newest first; empty where none was registered. Columns: version (Int64, missing where
        somebody took the alias away), model_id (str), promoted_at (datetime, UTC), origin (datetime: the last attack
        day that the version was fitted to), predecessor (Int64: version, or missing), new_recipe (bool: whether its
        model is another than the predecessor's; false for one that was only fitted to newer data), reason (str), score
        (float: mean over the held-out origins, 1 is the reference model; NaN where nothing was compared), run_id (str:
        of its retraining; empty for a version that is deleted since).

    Raises
    ------
    SalvocastError
        Where the store cannot be read.
    """
    with Registry.open(uri) as registry:
        promotions = registry.champion_history(theatre, weapon_class)
        versions = {version.version: version for version in registry.versions(theatre, weapon_class)}
    models = {each.version: each.model_id for each in promotions}  # of deleted versions too
    models |= {number: version.model_id for number, version in versions.items()}
    rows = []
    for promotion in promotions:
        made = versions.get(promotion.version or 0)
        rows.append(
            {
                "version": promotion.version,
                "model_id": models[promotion.version],
                "promoted_at": promotion.promoted_at,
                "origin": made.origin if made else promotion.origin,
                "predecessor": promotion.predecessor,
                "new_recipe": models[promotion.version] != models.get(promotion.predecessor),
                "reason": promotion.reason,
                "score": made.scores.get("score", float("nan")) if made else float("nan"),
                "run_id": made.run_id if made else "",
            }
        )
    columns = ["version", "model_id", "promoted_at", "origin", "predecessor", "new_recipe", "reason", "score", "run_id"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["promoted_at"] = pd.to_datetime(frame["promoted_at"], utc=True)
    frame["origin"] = pd.to_datetime(frame["origin"]).astype("datetime64[s]")
    return frame.astype({"predecessor": "Int64", "version": "Int64", "new_recipe": "bool", "score": "float64"})


def verdicts(run_id: str, *, uri: str | None = None) -> pd.DataFrame:
    """What a retraining found of each recipe at the same held-out origins.

    Parameters
    ----------
    run_id : str
        Of the retraining.
    uri : str, optional
        As of `backtests`.

    Returns
    -------
    pandas.DataFrame
        The champion's row first, then its challengers'. Columns: model (str), score (float: 1 is the reference model),
        coverage_80_days, _total_7, _total_28 (float, share), ratio (float, score over the champion's), p_holm (float:
        one-sided, corrected for the number of challengers), refusals (str: the rules that it broke, in words; empty
        where it could be promoted). Of the champion's own row the last three are empty.

    Raises
    ------
    SalvocastError
        Where the run compared nothing.
    """
    recipes = table_of(run_id, "recipes", uri=uri)
    with tempfile.TemporaryDirectory() as folder:
        decision = json.loads(download_artifact(run_id, "decision.json", Path(folder), uri).read_text(encoding="utf-8"))
    found = {verdict["model"]: verdict for verdict in decision["verdicts"]}
    refusals = {model: " and ".join(verdict["refusals"]) for model, verdict in found.items()}
    recipes["refusals"] = recipes["model"].map(refusals).fillna("")
    return recipes
