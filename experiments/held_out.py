"""Recipes compared at held-out origins: the most recent ones whose outcomes are known by now.

At each of them every recipe is fitted to what the ledger shows as published by then, and forecasts days that it had not
seen; nothing of a recipe is learned from the scores.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Self

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
from forecasting.salvos.gap import LONGEST_GAP
from forecasting.salvos.model import (
    BUNDLED_MODELS,
    REFERENCE_MODEL,
    Model,
    SimulationRequest,
    load_model,
)
from forecasting.salvos.recipe import Recipe

FEWEST_PAST = 60
"""Days of record before a held-out origin, so that every recipe can be fitted there."""


@dataclass(frozen=True)
class Comparison:
    """Recipes at held-out origins, and what was decided.

    evidence: digest of all that the scores depend on. result, recipes: None and empty where there was nothing to score.
    failed: recipes that could not be loaded, or failed at an origin; the reason of the decision says why.
    """

    evidence: str
    origins: tuple[date, ...]
    result: Backtest | None
    recipes: tuple[RecipeScores, ...]
    decision: Decision
    failed: tuple[str, ...] = ()

    def refused(self, model: str, reason: str) -> Self:
        """The same, with nobody promoted, since `model`, which had earned it, cannot be put in service."""
        told = f"{model} had earned it and cannot be put in service: {reason}"
        decision = replace(self.decision, promote=None, reason=f"{told}; {self.decision.reason}")
        return replace(self, decision=decision, failed=(*self.failed, model))

    @property
    def table(self) -> pd.DataFrame:
        """One row per recipe: score (1: as the reference), coverage of the 80 % ranges, ratio and p against the
        champion."""
        verdicts = {verdict.model: verdict for verdict in self.decision.verdicts}
        columns = ["model", "score", "ratio", "p_holm"]
        return pd.DataFrame(
            columns=columns if not self.recipes else None,
            data=[
                {
                    "model": recipe.model,
                    **recipe.means,
                    "ratio": verdicts[recipe.model].ratio if recipe.model in verdicts else np.nan,
                    "p_holm": verdicts[recipe.model].p_holm if recipe.model in verdicts else np.nan,
                }
                for recipe in self.recipes
            ],
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

    Returns None where the same comparison was `judged` before. Origins inside a gap of the record are left out. A
    challenger that fails at an origin is out; where the champion's recipe fails, nobody takes over from it. The reason
    of the decision tells of each. Score of an origin: the mean over the bands (days ahead 1, 2-7, 8-14, 15-28, totals
    of 7 and 28 days) of the WIS over the mean WIS of the reference model in that band, so that a total weighs as much
    as a day; 1 is as good as the reference.
    """
    every = held_out_origins(history, settings)
    past = {origin: ledger.history(history.theatre, history.weapon_class, origin=origin) for origin in every}
    origins = tuple(origin for origin in every if _can_be_scored(past[origin], history, settings.horizon))
    in_gap = f"{len(every) - len(origins)} of {len(every)} held-out origins lie in a gap of the record"
    told = [in_gap] if len(origins) < len(every) else []
    outcomes = history.since(origins[0]).until(origins[-1] + timedelta(days=settings.horizon)) if origins else history
    known_then = (f"{origin} {past[origin].digest}" for origin in origins)
    own = digest_of_own_models((champion, *settings.challengers))
    evidence = digest_of_all(code_version(), settings.digest, outcomes.digest, *known_then, *own)
    if judged(evidence):
        return None
    names = [champion, *(name for name in dict.fromkeys(settings.challengers) if name != champion)]
    if len(origins) < settings.fewest_origins or len(names) == 1:
        nobody = RecipeScores(champion, np.empty(len(origins)), {})
        decision = decide(nobody, [nobody] * (len(names) - 1), rules_of(settings), overlap=0, independent={})
        return Comparison(evidence, origins, None, (), _with_notes(decision, told))
    replay = Replay(SimulationRequest(settings.horizon, settings.paths), settings.seed)
    models, failed = _load_models(dict.fromkeys([REFERENCE_MODEL, *names]))
    result = run_backtest(past.__getitem__, history, models, origins, replay, others=ledger.others, engine=engine)
    for row in result.failures.itertuples():
        failed[str(row.model)] = f"{row.model} failed at origin {row.origin}: {row.reason}"
    told += [reason for name, reason in failed.items() if name != champion]
    if champion in failed:
        kept = Decision(None, f"not compared, since the champion's recipe could not be: {failed[champion]}")
        return Comparison(evidence, origins, result, (), _with_notes(kept, told), tuple(failed))
    recipes = _recipe_scores(result.scores, [name for name in names if name not in failed])
    days = settings.horizon + (origins[-1] - origins[0]).days  # that any outcome looks at, once each
    decision = decide(
        recipes[0],
        recipes[1:],
        rules_of(settings),
        overlap=settings.overlap,
        independent={kind: days / length for kind, length in _KINDS.items()},
    )
    return Comparison(evidence, origins, result, tuple(recipes), _with_notes(decision, told), tuple(failed))


def _load_models(names: Iterable[str]) -> tuple[list[Model], dict[str, str]]:
    """The models of these names, and of those whose package is broken or not installed why."""
    models, failed = [], {}
    for name in names:
        try:
            models.append(load_model(name))
        except SalvocastError as error:
            failed[name] = str(error)
    return models, failed


def _can_be_scored(past: LaunchHistory, history: LaunchHistory, horizon: int) -> bool:
    """Whether models can forecast from an origin, whose `past` it is, and something is known of what came."""
    unknown_days = (past.last_day - past.last_known_day).days
    return unknown_days <= LONGEST_GAP and bool(np.isfinite(history.after(past.last_day, horizon)).any())


def _with_notes(decision: Decision, told: Iterable[str]) -> Decision:
    return replace(decision, reason="; ".join([decision.reason, *told]))


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


def digest_of_own_models(names: Iterable[str]) -> tuple[str, ...]:
    """Of each of these models that is not bundled its digest: one that was edited is news. Of one that cannot be loaded
    why."""
    told = []
    for name in sorted(set(names) - set(BUNDLED_MODELS)):
        try:
            told.append(f"{name} {Recipe.of(load_model(name)).digest}")
        except SalvocastError as error:
            told.append(str(error))
    return tuple(told)


def digest_of_all(*parts: str) -> str:
    """SHA-256 of texts in their order."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
