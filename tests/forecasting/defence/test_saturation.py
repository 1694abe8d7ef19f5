"""Fire channels: published tables, the limits that are known, and a simulation drone by drone."""

from collections.abc import Sequence
from heapq import heappop, heappush

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from forecasting.defence.saturation import engset, served

NIGHT = ((1.0, 14.0),)
TWO_WAVES = ((0.6, 2.0), (0.4, 5.0))
MASSED = ((1.0, 0.25),)


def simulated_served(
    n_drones: int,
    channels: int,
    service_hours: float,
    waves: Sequence[tuple[float, float]],
    *,
    n_nights: int,
    seed: int,
    spread: str = "exponential",
) -> tuple[float, float]:
    """Mean and standard error, over the nights, of the drones that find a free channel.

    Each drone joins a wave by its share and comes at any moment of it; a drone that finds every channel busy passes.
    Waves are (share, hours), a day apart. spread: "exponential" or "fixed" service times.
    """
    rng = np.random.default_rng(seed)
    shares = np.array([share for share, _ in waves])
    hours = np.array([length for _, length in waves])
    found = np.empty(n_nights)
    for night in range(n_nights):
        wave = rng.choice(len(waves), size=n_drones, p=shares / shares.sum())
        arrivals = np.sort(wave * 1_000.0 + rng.random(n_drones) * hours[wave])
        lengths = rng.exponential(service_hours, n_drones) if spread == "exponential" else [service_hours] * n_drones
        busy_until: list[float] = []
        served = 0
        for arrival, length in zip(arrivals, lengths, strict=True):
            while busy_until and busy_until[0] <= arrival:
                heappop(busy_until)
            if len(busy_until) < channels:
                heappush(busy_until, arrival + length)
                served += 1
        found[night] = served
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(n_nights))


def one(drones: float, channels: int, hours: float, waves: tuple[tuple[float, float], ...]) -> float:
    return float(served(np.array([[float(drones)]]), np.array(float(channels)), np.array(hours), waves)[0, 0])


@pytest.mark.parametrize(
    ("channels", "loss", "load"),
    # Traffic tables as published (ITU-D, Teletraffic Engineering Handbook; Angus 2001): load in erlangs for a loss.
    [
        *((1, 0.01, 0.0101), (2, 0.01, 0.1526), (5, 0.01, 1.3608), (10, 0.01, 4.4612), (20, 0.01, 12.031)),
        *((50, 0.01, 37.901), (100, 0.01, 84.064), (5, 0.05, 2.2185), (10, 0.05, 6.2157), (20, 0.05, 15.249)),
    ],
)
def test_of_a_long_stream_engset_loses_what_the_tables_of_erlang_say(channels: int, loss: float, load: float) -> None:
    many = 1e7
    stream = engset(np.array(float(channels)), np.array([many]), np.array([load / many]))[0]
    assert 1 - stream / load == pytest.approx(loss, rel=2e-3)


def test_engset_at_its_ends() -> None:
    drones, busy = np.full(3, 1e9), np.array([1e-9, 0.0, 0.5])
    assert engset(np.array(0.0), drones, busy).tolist() == [0.0, 0.0, 0.0]
    assert engset(np.array(3.0), drones, busy) == pytest.approx([15 / 16, 0.0, 3.0])  # by hand: load 1, 0 and no end
    # Of a load of 1 one channel carries 1/2 and two 4/5: each its own channels.
    assert engset(np.array([0.0, 1.0, 2.0]), drones, np.full(3, 1e-9)) == pytest.approx([0.0, 0.5, 0.8])


@pytest.mark.parametrize(("channels", "drones", "busy"), [(3, 5, 0.6), (1, 40, 0.2), (9, 4, 0.5), (4, 4, 0.9)])
def test_engset_is_the_mean_of_a_truncated_binomial(channels: int, drones: int, busy: float) -> None:
    numbers = np.arange(min(channels, drones) + 1)
    weights = binom.pmf(numbers, drones, busy)
    found = engset(np.array(float(channels)), np.array([float(drones)]), np.array([busy]))[0]
    assert found == pytest.approx(weights @ numbers / weights.sum())


@pytest.mark.parametrize("waves", [NIGHT, TWO_WAVES, MASSED], ids=["night", "two waves", "massed"])
@pytest.mark.parametrize("service_hours", [0.05, 0.25, 1.0])
@pytest.mark.parametrize("channels", [1, 3, 10, 40])
@pytest.mark.parametrize("drones", [1, 5, 20, 150])
def test_the_nightly_shortcut_is_within_4_in_100_drones_of_the_events(
    drones: int, channels: int, service_hours: float, waves: tuple[tuple[float, float], ...]
) -> None:
    found, error = simulated_served(drones, channels, service_hours, waves, n_nights=80, seed=drones)
    expected = one(drones, channels, service_hours, waves)
    assert abs(expected - found) < 0.04 * drones + 3 * error


@pytest.mark.parametrize(("drones", "channels"), [(40, 3), (150, 10)])
def test_how_service_times_vary_does_not_matter_in_a_long_night(drones: int, channels: int) -> None:
    """The insensitivity of the loss formula, which is why a mean service time is all that is asked for."""
    fixed, error = simulated_served(drones, channels, 0.75, NIGHT, n_nights=150, seed=2, spread="fixed")
    assert abs(one(drones, channels, 0.75, NIGHT) - fixed) < 0.04 * drones + 3 * error


@pytest.mark.parametrize("drones", [1, 4, 10, 11, 30, 500])
def test_of_drones_that_come_all_at_once_each_channel_takes_one(drones: int) -> None:
    assert one(drones, 10, 0.5, ((1.0, 1e-7),)) == pytest.approx(min(drones, 10), rel=1e-4)


def test_a_massed_strike_takes_every_channel_all_the_time() -> None:
    """10 channels for 4 hours at half an hour each: 10 at once, and 20 an hour from then on."""
    assert one(1e6, 10, 0.5, ((1.0, 4.0),)) == pytest.approx(10 + 20 * 4, rel=1e-3)


def test_few_drones_find_a_channel_and_without_channels_none_does() -> None:
    assert one(3, 50, 0.1, NIGHT) == pytest.approx(3.0)
    assert one(3, 0, 0.1, NIGHT) == 0.0
    assert one(0, 5, 0.1, NIGHT) == 0.0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    channels=st.integers(0, 60).map(float),
    service_hours=st.floats(0.01, 6.0),
    waves=st.sampled_from([NIGHT, TWO_WAVES, MASSED]),
)
def test_more_drones_are_more_served_and_more_that_pass(
    channels: float, service_hours: float, waves: tuple[tuple[float, float], ...]
) -> None:
    drones = np.arange(1_000.0)[np.newaxis]
    some, more = (
        served(drones, np.array(number), np.array(service_hours), waves)[0] for number in (channels, channels + 1.0)
    )
    steps = np.diff(some)
    assert some[0] == 0
    assert steps.min() > -1e-9
    assert steps.max() < 1 + 1e-9
    assert (more >= some - 1e-9).all()
    share = some[1:] / drones[0, 1:]
    assert np.diff(share).max() < 1e-9
