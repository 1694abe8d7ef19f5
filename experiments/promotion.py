"""Which recipe shall be champion: a challenger has to earn it on the same held-out origins. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from experiments.comparison import p_value_of_groups

NOMINAL = 0.8
"""What the intervals whose coverage is compared promise."""
CHANCE = 1.96
"""Standard errors that chance may explain."""


@dataclass(frozen=True)
class RecipeScores:
    """How one recipe did.

    scores: (n_origins,) mean score at each origin, in the order of the origins, lower is better. coverage: kind of
    target (days, totals) -> share of the outcomes that its 80 % interval held.
    """

    model: str
    scores: NDArray[np.float64]
    coverage: Mapping[str, float]

    @property
    def means(self) -> dict[str, float]:
        """The mean score, and the coverage of each kind of target, by the names that a version is registered with."""
        return {"score": float(self.scores.mean())} | {
            f"coverage_80_{kind}": share for kind, share in self.coverage.items()
        }


@dataclass(frozen=True, slots=True)
class Rules:
    """What it takes: see experiments.settings.RetrainSettings, whose names these are. p_value: of one comparison."""

    margin: float
    p_value: float
    coverage_tolerance: float
    fewest_origins: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one challenger.

    ratio: its mean score over the champion's. p_value: one-sided, that it is no better. p_holm: the same, corrected
    for the number of challengers. refusals: every rule that it breaks, in words; none: it may be promoted.
    """

    model: str
    ratio: float
    p_value: float
    p_holm: float
    refusals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """promote: the new champion's name, or None where the champion stays. reason: why, with the numbers."""

    promote: str | None
    reason: str
    verdicts: tuple[Verdict, ...] = ()


def decide(
    champion: RecipeScores,
    challengers: Sequence[RecipeScores],
    rules: Rules,
    *,
    overlap: int,
    independent: Mapping[str, float],
) -> Decision:
    """The best challenger that is better by the paired test and by the margin, and whose coverage is not worse.

    All are scored at the same origins. overlap: how many later origins share outcomes with one. independent: kind of
    target -> how many outcomes that do not overlap its coverage rests on.

    Better: test of the paired scores by groups of origins (`experiments.comparison`), one-sided; with several
    challengers Holm's step-down procedure (1979) bounds the chance that any of them passes for better without being it.
    Coverage is worse where it is further from 80 % than the champion's by more than the tolerance and by more than
    CHANCE binomial standard errors. The p-value asked for is that of one comparison; `experiments.settings` divides
    that of a year among the comparisons of a year.
    """
    if not challengers:
        return Decision(None, "the settings name no other model as challenger")
    n_origins = champion.scores.size
    if n_origins < rules.fewest_origins:
        return Decision(
            None, f"{n_origins} held-out origins are too few to tell: expected at least {rules.fewest_origins}"
        )
    p_values = [p_value_of_groups(each.scores - champion.scores, overlap) for each in challengers]
    corrected = multipletests(p_values, method="holm")[1].tolist()
    verdicts = tuple(
        _verdict(champion, challenger, p_value, p_holm, rules, independent)
        for challenger, p_value, p_holm in zip(challengers, p_values, corrected, strict=True)
    )
    passed = [verdict for verdict in verdicts if not verdict.refusals]
    if not passed:
        refused = "; ".join(f"{verdict.model}: {' and '.join(verdict.refusals)}" for verdict in verdicts)
        return Decision(None, f"no challenger earned it at {n_origins} origins ({refused})", verdicts)
    best = min(passed, key=lambda verdict: (verdict.ratio, verdict.model))
    return Decision(
        best.model,
        f"{best.model} scored {best.ratio:.3f} of {champion.model} at {n_origins} origins, p = {best.p_holm:.2g} after "
        f"Holm for {len(verdicts)}, coverage no worse",
        verdicts,
    )


def _verdict(
    champion: RecipeScores,
    challenger: RecipeScores,
    p_value: float,
    p_holm: float,
    rules: Rules,
    independent: Mapping[str, float],
) -> Verdict:
    ratio = _ratio(float(challenger.scores.mean()), float(champion.scores.mean()))
    refusals = []
    if not ratio <= 1.0 - rules.margin:
        refusals.append(f"scored {ratio:.3f} of the champion, at most {1 - rules.margin:.3f} asked for")
    if not p_holm <= rules.p_value:
        refusals.append(f"p = {p_holm:.2g}, at most {rules.p_value:.2g} asked for")
    for kind, share in challenger.coverage.items():
        reference = champion.coverage[kind]
        chance = CHANCE * float(np.sqrt(NOMINAL * (1 - NOMINAL) / independent[kind]))
        worse = abs(share - NOMINAL) - abs(reference - NOMINAL)
        if worse > max(rules.coverage_tolerance, chance):
            refusals.append(f"its 80 % ranges of {kind} held {share:.0%} of the time, the champion's {reference:.0%}")
    return Verdict(challenger.model, ratio, p_value, p_holm, tuple(refusals))


def _ratio(score: float, reference: float) -> float:
    """score / reference, also where nothing was launched and the reference knew."""
    return score / reference if reference else 1.0 if score == reference else float("inf")
