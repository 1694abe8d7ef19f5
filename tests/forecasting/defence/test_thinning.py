"""Binomial draws by inversion: the quantile exactly, and the order in which two defences can be compared."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from forecasting.defence.thinning import binomial_quantile

UNIFORMS = np.random.default_rng(1).random((40, 500))
COUNTS = st.integers(0, 3_000)
SHARES = st.floats(0.0, 1.0)


@pytest.mark.parametrize("largest", [3, 30, 300, 3_000, 10**6])
@pytest.mark.parametrize("rarest", [0.5, 1e-2, 1e-5])
def test_it_is_the_quantile_of_the_binomial_distribution(largest: int, rarest: float) -> None:
    rng = np.random.default_rng(largest)
    counts = np.floor(largest ** rng.random(UNIFORMS.shape))
    rare = rarest ** rng.random((UNIFORMS.shape[0], 1))
    shares = np.where(rng.random(rare.shape) < 0.5, rare, 1.0 - rare)
    drawn = binomial_quantile(UNIFORMS, counts, shares)
    # Not compared with binom.ppf, which is wrong by one now and then where u is near P(X <= k).
    assert (binom.cdf(drawn, counts, shares) >= UNIFORMS * (1 - 1e-12)).all()
    assert (binom.cdf(drawn - 1, counts, shares) < UNIFORMS * (1 + 1e-12)).all()


@pytest.mark.parametrize("tail", [1e-2, 1e-4, 1e-8])
def test_it_is_the_quantile_far_out_too(tail: float) -> None:
    counts = np.full(UNIFORMS.shape, 200.0)
    shares = np.linspace(0.01, 0.99, UNIFORMS.shape[0])[:, np.newaxis]
    for uniforms in (tail * UNIFORMS, 1.0 - tail * UNIFORMS):
        drawn = binomial_quantile(uniforms, counts, shares)
        assert (binom.cdf(drawn, counts, shares) >= uniforms * (1 - 1e-9)).all()
        # From above, the uniform number itself is known to 16 digits only.
        assert (binom.sf(drawn - 1, counts, shares) > (1.0 - uniforms) * (1 - 1e-9) - 1e-15).all()


def test_nothing_and_everything() -> None:
    counts = np.broadcast_to(np.arange(500.0), UNIFORMS.shape)
    assert not binomial_quantile(UNIFORMS, counts, np.zeros((1, 1))).any()
    assert (binomial_quantile(UNIFORMS, counts, np.ones((1, 1))) == counts).all()
    ends = np.array([[0.0, 1.0 - 2.0**-53]])
    lowest, highest = binomial_quantile(ends, np.full((1, 2), 50.0), np.full((1, 1), 0.4))[0]
    assert lowest == 0
    assert binom.sf(highest, 50, 0.4) < 1e-12


@settings(max_examples=200, deadline=None, derandomize=True)
@given(count=COUNTS, share=SHARES)
def test_one_drone_more_is_one_more_or_none(count: int, share: float) -> None:
    fewer, more = (
        binomial_quantile(UNIFORMS[:2], np.full((2, 500), number), np.full((1, 1), share))
        for number in (count, count + 1)
    )
    assert set(np.unique(more - fewer)) <= {0.0, 1.0}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(count=COUNTS, shares=st.tuples(SHARES, SHARES))
def test_a_higher_share_is_never_fewer(count: int, shares: tuple[float, float]) -> None:
    fewer, more = (
        binomial_quantile(UNIFORMS[:2], np.full((2, 500), float(count)), np.full((1, 1), share))
        for share in sorted(shares)
    )
    assert (more >= fewer).all()


def test_what_a_cell_gets_does_not_depend_on_the_others() -> None:
    rng = np.random.default_rng(2)
    counts, shares = np.floor(10 ** (3 * rng.random(UNIFORMS.shape))), rng.random(UNIFORMS.shape)
    whole = binomial_quantile(UNIFORMS, counts, shares)
    assert (binomial_quantile(UNIFORMS[7:9, 3:5], counts[7:9, 3:5], shares[7:9, 3:5]) == whole[7:9, 3:5]).all()
