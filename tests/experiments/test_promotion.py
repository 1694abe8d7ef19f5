"""Who becomes champion: worked examples of each rule, and laws that hold whatever the scores."""

import gc
import importlib
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from experiments.benchmarks.promotions import promoted_in_a_year
from experiments.promotion import Decision, RecipeScores, Rules, decide
from experiments.settings import RetrainSettings

RULES = Rules(margin=0.02, p_value=0.05, coverage_tolerance=0.05, fewest_origins=8)
INDEPENDENT = {"days": 200.0, "total_7": 28.0}
EXACT = {"days": 0.80, "total_7": 0.80}
CHAMPION = np.array([1.0, 1.2, 0.8, 1.1, 0.9, 1.3, 0.7, 1.0])


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """statsmodels collects garbage at each correction: what it loads need not be searched a thousand times."""
    importlib.import_module("statsmodels.stats.multitest")
    gc.freeze()


def recipe(model: str, scores: object, coverage: Mapping[str, float] = EXACT) -> RecipeScores:
    return RecipeScores(model, np.asarray(scores, dtype=float), coverage)


def judge(*challengers: RecipeScores, champion: object = CHAMPION, rules: Rules = RULES, overlap: int = 0) -> Decision:
    return decide(recipe("champion", champion), challengers, rules, overlap=overlap, independent=INDEPENDENT)


def test_a_challenger_that_is_better_by_test_and_margin_is_promoted() -> None:
    """Worked by hand: differences of -0.2, -0.1, ... have mean -0.125 and variance 0.001875 (divisor n).

    t = 0.125 / sqrt(0.001875 / (n - 1)) = 7.64 with 7 degrees of freedom: one-sided p = 6.1e-5.
    """
    differences = np.array([-0.2, -0.1, -0.1, -0.1, -0.1, -0.2, -0.1, -0.1])
    decision = judge(recipe("better", CHAMPION + differences))
    (verdict,) = decision.verdicts
    assert verdict.ratio == pytest.approx((8.0 - 1.0) / 8.0)
    assert verdict.p_value == verdict.p_holm == pytest.approx(6.1e-5, rel=0.01)
    assert decision.promote == "better"
    assert (
        decision.reason
        == "better scored 0.875 of champion at 8 origins, p = 6.1e-05 after Holm for 1, coverage no worse"
    )


def test_a_difference_below_the_margin_is_not_enough_however_sure_it_is() -> None:
    differences = np.array([-0.011, -0.009] * 4)
    decision = judge(recipe("hair", CHAMPION + differences))
    assert decision.promote is None
    assert decision.verdicts[0].p_holm < 1e-6
    assert decision.verdicts[0].refusals == ("scored 0.990 of the champion, at most 0.980 asked for",)


def test_a_large_difference_that_chance_explains_is_not_enough() -> None:
    differences = np.array([-0.9, 0.5, -0.7, 0.6, -0.5, 0.4, -0.3, 0.1])
    decision = judge(recipe("lucky", CHAMPION + differences))
    assert decision.promote is None
    assert decision.verdicts[0].ratio == pytest.approx(0.9)
    assert [refusal[:4] for refusal in decision.verdicts[0].refusals] == ["p = "]


BETTER = CHAMPION * 0.8 + np.array([0.01, -0.01] * 4)


@pytest.mark.parametrize(
    ("kind", "share", "tolerance", "promoted"),
    [
        ("days", 0.75, 0.0, True),  # of 200 outcomes, chance explains 1.96 sqrt(.8 x .2 / 200) = 5.5 points
        ("days", 0.74, 0.0, False),
        ("days", 0.85, 0.0, True),
        ("days", 0.86, 0.0, False),
        ("days", 0.74, 0.07, True),
        ("total_7", 0.66, 0.0, True),  # of 28, 14.8 points
        ("total_7", 0.65, 0.0, False),
    ],
)
def test_coverage_further_from_nominal_than_tolerance_and_chance_is_refused(
    kind: str, share: float, tolerance: float, promoted: bool
) -> None:
    rules = Rules(0.02, 0.05, tolerance, 8)
    decision = judge(recipe("better", BETTER, {**EXACT, kind: share}), rules=rules)
    assert (decision.promote == "better") is promoted
    if not promoted:
        told = f"its 80 % ranges of {kind} held {share:.0%} of the time, the champion's 80%"
        assert decision.verdicts[0].refusals == (told,)


def test_coverage_is_measured_against_the_champions_own() -> None:
    """A champion that is off itself may be replaced by one that is as far off, and by no one that is further."""
    off = recipe("champion", CHAMPION, {"days": 0.62, "total_7": 0.8})

    def promoted(share: float) -> bool:
        challenger = recipe("better", BETTER, {"days": share, "total_7": 0.8})
        return decide(off, [challenger], RULES, overlap=0, independent=INDEPENDENT).promote is not None

    assert promoted(0.98)
    assert promoted(0.60)
    assert not promoted(0.55)


def test_without_challengers_the_champion_stays() -> None:
    assert judge() == Decision(None, "the settings name no other model as challenger")


def test_why_nobody_is_promoted_is_told_of_each() -> None:
    worse = judge(recipe("worse", CHAMPION * 1.1), recipe("worst", CHAMPION * 2, {**EXACT, "days": 0.2}))
    assert worse.reason == (
        "no challenger earned it at 8 origins (worse: scored 1.100 of the champion, at most 0.980 asked for and p = 1, "
        "at most 0.05 asked for; worst: scored 2.000 of the champion, at most 0.980 asked for and p = 1, at most 0.05 "
        "asked for and its 80 % ranges of days held 20% of the time, the champion's 80%)"
    )


def test_a_limit_that_is_just_met_is_met() -> None:
    p_value = judge(recipe("better", BETTER)).verdicts[0].p_value
    at_it, below = (judge(recipe("better", BETTER), rules=Rules(0.02, p, 0.05, 8)) for p in (p_value, p_value / 2))
    assert (at_it.promote, below.promote) == ("better", None)
    challenger = recipe("better", BETTER, {**EXACT, "days": 0.75})
    tolerance = abs(0.75 - 0.8) - abs(0.8 - 0.8)  # more than chance explains of a million outcomes
    decided = [
        decide(recipe("champion", CHAMPION), [challenger], Rules(0.02, 0.05, each, 8), overlap=0, independent=many)
        for each in (tolerance, tolerance - 1e-6)
        for many in [{"days": 1e6, "total_7": 1e6}]
    ]
    assert [decision.promote for decision in decided] == ["better", None]


def test_with_too_few_origins_the_champion_stays() -> None:
    decision = judge(recipe("better", BETTER[:7]), champion=CHAMPION[:7])
    assert decision == Decision(None, "7 held-out origins are too few to tell: expected at least 8")


def test_scores_lower_by_the_same_everywhere_tell_nothing() -> None:
    """The test has no variance to measure by: such scores are made, not observed."""
    assert judge(recipe("same", np.full(8, 0.5)), champion=np.full(8, 1.0)).promote is None


def test_where_nothing_was_launched_no_score_is_divided_by_zero() -> None:
    decision = judge(recipe("same", np.zeros(8)), recipe("worse", np.ones(8)), champion=np.zeros(8))
    assert [verdict.ratio for verdict in decision.verdicts] == [1.0, float("inf")]
    assert decision.promote is None


def test_many_challengers_make_chance_likelier() -> None:
    """p = 0.03 alone is enough, and is not where three others were tried."""
    differences = np.array([-0.4, 0.1, -0.3, -0.35, 0.05, -0.3, 0.12, -0.15])
    close = recipe("close", CHAMPION + differences)
    alone = judge(close)
    assert 0.02 < alone.verdicts[0].p_value < 0.05
    assert alone.promote == "close"
    others = [recipe(f"other {number}", CHAMPION[::-1] + 0.1 * number) for number in range(3)]
    crowded = judge(close, *others)
    assert crowded.verdicts[0].p_holm == pytest.approx(4 * alone.verdicts[0].p_value)
    next_best = min(verdict.p_value for verdict in crowded.verdicts[1:])  # Holm's step down, not Bonferroni
    assert min(verdict.p_holm for verdict in crowded.verdicts[1:]) == pytest.approx(min(1.0, 3 * next_best))
    assert crowded.promote is None


def test_one_that_is_surely_worse_has_no_small_p_value() -> None:
    """One-sided: two-sided, being worse would count as being different."""
    (verdict,) = judge(recipe("worse", 1.2 * CHAMPION)).verdicts
    assert verdict.p_value == verdict.p_holm > 0.999


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.float64], list[RecipeScores], int]:
    """Scores of a champion and of challengers around it, and how far origins overlap."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(8, 40))
    champion = rng.gamma(4.0, 0.25, n)
    challengers = [
        recipe(
            f"challenger {number}",
            champion * draw(st.floats(0.5, 1.3)) + rng.normal(0, draw(st.floats(0.01, 0.5)), n),
            {"days": draw(st.floats(0.5, 1)), "total_7": draw(st.floats(0.3, 1))},
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    return champion, challengers, draw(st.integers(0, 4))


@settings(deadline=None)
@given(tables(), st.randoms())
def test_the_order_of_the_challengers_does_not_matter(
    table: tuple[NDArray[np.float64], list[RecipeScores], int], random: object
) -> None:
    champion, challengers, overlap = table
    shuffled = list(challengers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (judge(*each, champion=champion, overlap=overlap) for each in (challengers, shuffled))
    assert first.promote == second.promote
    assert {verdict.model: verdict for verdict in first.verdicts} == {
        verdict.model: verdict for verdict in second.verdicts
    }


@settings(deadline=None)
@given(tables(), st.floats(0.001, 1000))
def test_the_unit_of_the_scores_does_not_matter(
    table: tuple[NDArray[np.float64], list[RecipeScores], int], unit: float
) -> None:
    champion, challengers, overlap = table
    scaled = [recipe(each.model, each.scores * unit, each.coverage) for each in challengers]
    first = judge(*challengers, champion=champion, overlap=overlap)
    second = judge(*scaled, champion=champion * unit, overlap=overlap)
    p_values = [verdict.p_holm for verdict in first.verdicts]
    ratios = [verdict.ratio for verdict in first.verdicts]
    assert [verdict.p_holm for verdict in second.verdicts] == pytest.approx(p_values)
    assert [verdict.ratio for verdict in second.verdicts] == pytest.approx(ratios)


@settings(deadline=None)
@given(tables())
def test_who_is_promoted_has_passed_every_rule_and_nobody_who_passed_is_better(
    table: tuple[NDArray[np.float64], list[RecipeScores], int],
) -> None:
    champion, challengers, overlap = table
    decision = judge(*challengers, champion=champion, overlap=overlap)
    kept = [verdict for verdict in decision.verdicts if not verdict.refusals]
    if decision.promote is None:
        assert not kept
        return
    (chosen,) = [verdict for verdict in decision.verdicts if verdict.model == decision.promote]
    assert chosen.ratio <= 1 - RULES.margin
    assert chosen.p_holm <= RULES.p_value
    assert chosen.ratio == min(verdict.ratio for verdict in kept)


@settings(deadline=None)
@given(tables(), st.floats(0, 0.5), st.floats(0, 0.049), st.integers(0, 40))
def test_stricter_rules_promote_nobody_that_laxer_ones_refused(
    table: tuple[NDArray[np.float64], list[RecipeScores], int], margin: float, p_value: float, more: int
) -> None:
    champion, challengers, overlap = table
    strict = Rules(RULES.margin + margin, RULES.p_value - p_value, RULES.coverage_tolerance, 8 + more)
    lax = {
        verdict.model
        for verdict in judge(*challengers, champion=champion, overlap=overlap).verdicts
        if not verdict.refusals
    }
    decision = judge(*challengers, champion=champion, overlap=overlap, rules=strict)
    assert decision.promote is None or decision.promote in lax


@settings(deadline=None)
@given(tables())
def test_one_challenger_more_promotes_none_of_the_others(
    table: tuple[NDArray[np.float64], list[RecipeScores], int],
) -> None:
    champion, challengers, overlap = table
    *fewer, last = challengers
    if judge(*fewer, champion=champion, overlap=overlap).promote is None:
        promoted = judge(*challengers, champion=champion, overlap=overlap).promote
        assert promoted in (None, last.model)


def test_a_year_of_comparisons_promotes_equals_as_seldom_as_the_settings_say() -> None:
    """5 % of the years; 6 % of 1,000 by `experiments/benchmarks/promotions.py`: neighbouring groups share outcomes.

    Comparing weekly at 26 origins, each time at 1 % by the Diebold-Mariano test, promoted one in a third of the years.
    """
    rng = np.random.default_rng(5)
    rules = RetrainSettings()
    equal = [promoted_in_a_year(rng, 0.0) for _ in range(150)]
    assert sum(end is not None for end in equal) <= 14  # at 6 %, exceeded once in 30 seeds
    lax = rules.model_copy(update={"p_value": 0.999})  # what a comparison may spend is not divided by the year's
    assert sum(promoted_in_a_year(rng, 0.0, lax) is not None for _ in range(40)) >= 10


def test_a_challenger_that_is_much_better_is_promoted_within_the_year() -> None:
    rng = np.random.default_rng(6)
    ends = [promoted_in_a_year(rng, 0.1) for _ in range(40)]
    names = [end[0] for end in ends if end is not None]
    assert names.count("better") >= 20
    assert len(names) - names.count("better") <= 4  # the other three are no better than the champion
