"""How often a year of comparisons replaces a champion by one that is no better, and by one that is: by simulation.

    python -m experiments.benchmarks.promotions [--years N]

The rule is the real one with the default settings; the scores are made up: four challengers, differences with a
standard deviation of .15 of the reference's score from origin to origin and heavy tails, neighbours alike because their
outcomes overlap. As between our own models at the weekly origins before 2025-02, which no year of mornings looks at.
"""

import gc
from datetime import timedelta
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.held_out import rules_of
from experiments.promotion import RecipeScores, decide
from experiments.settings import RetrainSettings

CHALLENGERS = 4
SPREAD = 0.15
"""Standard deviation of a difference of scores at one origin."""
OVERLAPPING = 0.55
"""Share of its variance that comes from outcomes which neighbours share."""
YEAR = timedelta(days=365)


def main(years: Annotated[int, typer.Option(help="How many of each kind.")] = 1_000) -> None:
    """Prints the shares of years with a promotion."""
    gc.freeze()  # statsmodels collects garbage at each of some thousand corrections
    rng = np.random.default_rng(1)
    print("one of four challengers better by   a promotion within the year   of the better one, months until then")
    for better_by in (0.0, 0.025, 0.05, 0.1, 0.2):
        ends = [promoted_in_a_year(rng, better_by) for _ in range(years)]
        right = [months for name, months in filter(None, ends) if name == "better"]
        told = f"{len(right) / years:.0%}, median {np.median(right):.0f}" if better_by and right else "-"
        print(f"{better_by:32.1%}   {sum(end is not None for end in ends) / years:27.1%}   {told:>37}")


def promoted_in_a_year(
    rng: np.random.Generator, better_by: float, settings: RetrainSettings | None = None
) -> tuple[str, float] | None:
    """The first promotion in a year of comparisons: whose, and after how many months; None where there was none.

    better_by: how much lower the mean score of the challenger "better" is than those of all others, the champion's
    among them, as share of it.
    """
    rules = settings or RetrainSettings()
    stride = rules.days_between_comparisons // rules.every_days
    comparisons = YEAR.days // rules.days_between_comparisons + 1
    scores = 1.0 + _noise(rng, rules.origins + stride * (comparisons - 1))
    scores[1] -= better_by
    independent = {"days": 1.0, "total_7": 1.0, "total_28": 1.0}
    for number in range(comparisons):
        seen = scores[:, number * stride : number * stride + rules.origins]
        champion, *challengers = (
            RecipeScores(name, own, dict.fromkeys(independent, 0.8))
            for name, own in zip(("champion", "better", *map(str, range(CHALLENGERS - 1))), seen, strict=True)
        )
        made = decide(champion, challengers, rules_of(rules), overlap=rules.overlap, independent=independent)
        if made.promote:
            return made.promote, number * rules.days_between_comparisons / (YEAR.days / 12)
    return None


def _noise(rng: np.random.Generator, n_origins: int) -> NDArray[np.float64]:
    """(1 + CHALLENGERS, n_origins) deviations of each recipe's scores: a moving average of four and its own part."""
    shape = (1 + CHALLENGERS, n_origins)
    shared = rng.standard_t(5, (shape[0], n_origins + 3))
    average = np.lib.stride_tricks.sliding_window_view(shared, 4, axis=1).sum(axis=2) / 2
    both = np.sqrt(OVERLAPPING) * average + np.sqrt(1 - OVERLAPPING) * rng.standard_t(5, shape)
    deviation: NDArray[np.float64] = both / np.sqrt(5 / 3) * SPREAD / np.sqrt(2)
    return deviation


if __name__ == "__main__":
    typer.run(main)
