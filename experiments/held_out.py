"""Recipes compared at held-out origins: the most recent ones whose outcomes are known by now.

At each of them every recipe is fitted to what the ledger shows as published by then, and forecasts days that it had not
seen; nothing of a recipe is learned from the scores.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from experiments.backtest import HERE, Backtest, Replay, run_backtest
from experiments.engine import Engine
from experiments.promotion import Decision, RecipeScores, Rules, decide
from experiments.settings import RetrainSettings
from features.errors import SalvocastError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.release import code_version
from forecasting.salvos.model import REFERENCE_MODEL, SimulationRequest, load_model

FEWEST_PAST = 60
"""Days of record before a held-out origin, so that every recipe can be fitted there."""


@dataclass(frozen=True)
class Comparison:
    """Recipes at held-out origins, and what was decided.

    evidence: digest of all that the scores depend on. result, recipes: None and empty where there was nothing to score.
    """

    evidence: str
    origins: tuple[date, ...]
    result: Backtest | None
    recipes: tuple[RecipeScores, ...]
    decision: Decision

    @property
    def table(self) -> pd.DataFrame:
        """One row per recipe: score (1: as the reference), coverage of the 80 % ranges, ratio and p against the
        champion."""
        verdicts = {verdict.model: verdict for verdict in self.decision.verdicts}
        return pd.DataFrame(
            [
                {
                    "model": recipe.model,
                    "score": float(recipe.scores.mean()),
                    **{f"coverage_80_{kind}": share for kind, share in recipe.coverage.items()},
                    "ratio": verdicts[recipe.model].ratio if recipe.model in verdicts else np.nan,
                    "p_holm": verdicts[recipe.model].p_holm if recipe.model in verdicts else np.nan,
                }
                for recipe in self.recipes
            ]
        )


def held_out_origins(history: LaunchHistory, settings: RetrainSettings) -> tuple[date, ...]:
    """The most recent origins whose outcomes are all known by now, oldest first.

    They stand on a grid of days that does not move with the record, and change only when all outcomes of a new origin
    are new: then recipes are compared again. To test the same outcomes every morning would sooner or later find a
    winner by chance. The last known day is no outcome: in the morning, what will be launched by daylight is still to
    come.
    """
    last = (history.last_known_day - timedelta(days=settings.horizon + 1)).toordinal()
    last -= last % settings.days_between_comparisons
    first = history.first_day.toordinal() + FEWEST_PAST
    all_of_them = range(last - (settings.origins - 1) * settings.every_days, last + 1, settings.every_days)
    return tuple(date.fromordinal(day) for day in all_of_them if day >= first)


def compare(
    ledger: Ledger,
    history: LaunchHistory,
    champion: str,
    settings: RetrainSettings,
    engine: Engine = HERE,
    judged: Callable[[str], bool] = lambda _: False,
) -> Comparison | None:
    """Scores the champion's recipe and its challengers at the held-out origins, and decides.

    Returns None where the same comparison was `judged` before. A challenger that fails at an origin is out. Raises
    SalvocastError where the champion's recipe fails. Score of an origin: the mean over the bands (days ahead 1, 2-7,
    8-14, 15-28, totals of 7 and 28 days) of the WIS over the mean WIS of the reference model in that band, so that a
    total weighs as much as a day; 1 is as good as the reference.
    """
    origins = held_out_origins(history, settings)
    past = {origin: ledger.history(history.theatre, history.weapon_class, origin=origin) for origin in origins}
    outcomes = history.since(origins[0]).until(origins[-1] + timedelta(days=settings.horizon)) if origins else history
    known_then = (f"{origin} {past[origin].digest}" for origin in origins)
    evidence = digest_of_all(code_version(), settings.digest, outcomes.digest, *known_then)
    if judged(evidence):
        return None
    names = [champion, *(name for name in dict.fromkeys(settings.challengers) if name != champion)]
    if len(origins) < settings.fewest_origins or len(names) == 1:
        nobody = RecipeScores(champion, np.empty(len(origins)), {})
        decision = decide(nobody, [nobody] * (len(names) - 1), rules_of(settings), overlap=0, independent={})
        return Comparison(evidence, origins, None, (), decision)
    replay = Replay(SimulationRequest(settings.horizon, settings.paths), settings.seed)
    models = [load_model(name) for name in dict.fromkeys([REFERENCE_MODEL, *names])]
    result = run_backtest(past.__getitem__, history, models, origins, replay, engine=engine)
    failed = {str(row.model): str(row.reason) for row in result.failures.itertuples()}
    if champion in failed:
        raise SalvocastError(f"the champion's recipe {champion} failed at a held-out origin: {failed[champion]}")
    recipes = _recipe_scores(result.scores, [name for name in names if name not in failed])
    days = settings.horizon + (origins[-1] - origins[0]).days  # that any outcome looks at, once each
    decision = decide(
        recipes[0],
        recipes[1:],
        rules_of(settings),
        overlap=settings.overlap,
        independent={kind: days / length for kind, length in _KINDS.items()},
    )
    return Comparison(evidence, origins, result, tuple(recipes), decision)


_KINDS = {"days": 1, "total_7": 7, "total_28": 28}
"""Kinds of target whose coverage is compared -> how many days one of them takes."""


def _recipe_scores(scores: pd.DataFrame, names: Iterable[str]) -> list[RecipeScores]:
    means = scores.groupby(["model", "origin", "band"], observed=True)["wis"].mean()
    scale = means.loc[REFERENCE_MODEL].groupby("band").mean()
    relative = means.div(scale.where(scale > 0, 1.0), level="band").groupby(["model", "origin"]).mean()
    kind = scores["band"].where(scores["band"].isin(list(_KINDS)), "days")
    coverage = scores.groupby(["model", kind])["coverage_80"].mean()
    return [
        RecipeScores(
            name,
            relative.loc[name].sort_index().to_numpy(dtype=float),
            {str(each): float(share) for each, share in coverage.loc[name].items()},
        )
        for name in names
    ]


def rules_of(settings: RetrainSettings) -> Rules:
    """The rules of one comparison."""
    return Rules(settings.margin, settings.p_value_of_one, settings.coverage_tolerance, settings.fewest_origins)


def digest_of_all(*parts: str) -> str:
    """SHA-256 of texts in their order."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
