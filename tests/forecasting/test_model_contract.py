"""The contract that every model keeps, whatever it does inside."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger, end_of_day
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting import model as model_module
from forecasting.model import MODELS, REFERENCE_MODEL, ModelError, SimulationRequest, forecast, load_model

HistoryOf = Callable[[ArrayLike], LaunchHistory]
FIRST_DAY = date(2025, 6, 1)
ORIGIN = date(2025, 12, 31)
AT_THE_TIME = end_of_day(ORIGIN) - timedelta(hours=2)
LATER = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = SimulationRequest(horizon=14, n_paths=200)


def salvos(n_days: int, *, seed: int = 5, level: float = 80.0) -> NDArray[np.float64]:
    """(n_days,) overdispersed counts around a level that grows slowly."""
    rng = np.random.default_rng(seed)
    means = level * np.exp(np.linspace(0.0, 0.5, n_days))
    return rng.negative_binomial(3, 3 / (3 + means)).astype(float)


def report(day: date, launched: int, published_at: datetime | None = None) -> SalvoReport:
    end = datetime.combine(day, datetime.min.time()).replace(hour=8)
    return SalvoReport(
        window_start=end - timedelta(hours=14),
        window_end=end,
        launched=launched,
        source="table",
        published_at=published_at,
    )


def reading(name: str, reports: list[SalvoReport]) -> Reading:
    rows: Iterator[SalvoReport] = iter(reports)
    return Reading("table", name, rows)


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_model_carries_the_name_that_it_is_asked_for_by(name: str) -> None:
    assert load_model(name).model_id == name


@pytest.mark.parametrize(("horizon", "n_paths"), [(1, 1), (1, 7), (28, 1), (30, 50)])
def test_paths_are_whole_counts_of_the_shape_asked_for(
    name: str, horizon: int, n_paths: int, history_of: HistoryOf
) -> None:
    fitted = load_model(name).fit(history_of(salvos(400)))
    paths = fitted.simulate(SimulationRequest(horizon, n_paths), np.random.default_rng(1))
    assert paths.shape == (n_paths, horizon)
    assert paths.dtype == np.int64
    assert paths.min() >= 0


def test_paths_are_of_the_level_of_the_history(name: str, history_of: HistoryOf) -> None:
    """A sanity bound that any model of salvos keeps: within a factor of two of an even history."""
    history = history_of(np.random.default_rng(2).negative_binomial(5, 5 / 105, 500))
    paths = forecast(load_model(name), history, SimulationRequest(7, 2_000), 1).paths
    assert 50 < paths.mean() < 200


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_paths(name: str, history_of: HistoryOf) -> None:
    history = history_of(salvos(400))
    first, again, other = (forecast(load_model(name), history, REQUEST, seed).paths for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_model_keeps_nothing_between_fits(name: str, history_of: HistoryOf) -> None:
    model, history = load_model(name), history_of(salvos(400))
    alone = forecast(model, history, REQUEST, 1).paths
    forecast(model, history_of(salvos(300, seed=9, level=900.0)), REQUEST, 1)
    assert forecast(model, history, REQUEST, 1).paths.tobytes() == alone.tobytes()


def test_nothing_but_the_generator_that_is_passed_is_drawn_from(name: str, history_of: HistoryOf) -> None:
    history = history_of(salvos(400))
    np.random.seed(1)  # noqa: NPY002  the global state is what must not matter
    before = np.random.get_state()[1].tobytes()  # type: ignore[index,union-attr]  # noqa: NPY002
    forecast(load_model(name), history, REQUEST, 1)
    assert np.random.get_state()[1].tobytes() == before  # type: ignore[index,union-attr]  # noqa: NPY002


def test_the_history_is_not_changed(name: str, history_of: HistoryOf) -> None:
    counts = salvos(400)
    counts[50:60] = np.nan
    history = history_of(counts)
    digest = history.digest
    forecast(load_model(name), history, REQUEST, 1)
    assert history.digest == digest
    np.testing.assert_array_equal(history.launched, counts)


def test_a_planted_future_moves_no_forecast(name: str, ledger: Ledger) -> None:
    """Reports of later days, and revisions of old days that came out later, are in the ledger: nothing may show."""
    counts = salvos((ORIGIN - FIRST_DAY).days + 1).astype(int)
    past = [report(FIRST_DAY + timedelta(days=index), int(count)) for index, count in enumerate(counts)]
    after_origin = end_of_day(ORIGIN) + timedelta(seconds=1)
    with ledger:
        ledger.ingest(reading("past", past), AT_THE_TIME)
        known_then = forecast(load_model(name), ledger.history(origin=ORIGIN), REQUEST, 1)
        known_now_before = forecast(load_model(name), ledger.history(), REQUEST, 1)

        spikes = [report(ORIGIN + timedelta(days=step), 90_000) for step in range(1, 20)]
        revisions = [report(ORIGIN - timedelta(days=step), 80_000, after_origin) for step in range(30)]
        counted = ledger.ingest(reading("future", spikes + revisions), LATER)
        assert (counted.added, counted.revised) == (19, 30)

        replayed = forecast(load_model(name), ledger.history(origin=ORIGIN), REQUEST, 1)
        # Not vacuous: whoever may look at the planted reports does see them.
        known_now = ledger.history()
        assert known_now.launched.max() == 90_000
        assert np.nanmax(known_now.until(ORIGIN).launched) == 80_000
    assert replayed.origin == ORIGIN
    assert replayed.data_digest == known_then.data_digest == known_now_before.data_digest
    assert replayed.paths.tobytes() == known_then.paths.tobytes() == known_now_before.paths.tobytes()
    assert replayed.massed_threshold == known_then.massed_threshold


def test_a_revision_that_came_out_by_the_origin_is_used(name: str, ledger: Ledger) -> None:
    counts = salvos((ORIGIN - FIRST_DAY).days + 1).astype(int)
    past = [report(FIRST_DAY + timedelta(days=index), int(count)) for index, count in enumerate(counts)]
    in_time = end_of_day(ORIGIN) - timedelta(seconds=1)
    with ledger:
        ledger.ingest(reading("past", past), AT_THE_TIME)
        before = forecast(load_model(name), ledger.history(origin=ORIGIN), REQUEST, 1)
        revisions = [report(ORIGIN - timedelta(days=step), 5_000, in_time) for step in range(7)]
        ledger.ingest(reading("revisions", revisions), LATER)
        after = forecast(load_model(name), ledger.history(origin=ORIGIN), REQUEST, 1)
    assert after.paths.mean() > 2 * before.paths.mean()


def _with_one_outlier() -> NDArray[np.float64]:
    counts = salvos(400)
    counts[-40] = 100_000
    return counts


def _with_outlier_yesterday() -> NDArray[np.float64]:
    counts = salvos(400)
    counts[-1] = 100_000
    return counts


def _with_long_gaps() -> NDArray[np.float64]:
    counts = salvos(900)
    counts[100:300] = np.nan
    counts[500:800] = np.nan
    counts[-10:] = np.nan
    return counts


HARD = {
    "one day": [12.0],
    "six days": salvos(6),
    "59 days": salvos(59),
    "60 days": salvos(60),
    "an ordinary year": salvos(400),
    "nothing known": np.full(90, np.nan),
    "all zeros": np.zeros(400),
    "zeros, then one drone": np.r_[np.zeros(399), 1.0],
    "all the same": np.full(400, 50.0),
    "zeros, then a war": np.r_[np.zeros(300), salvos(60, level=500.0)],
    "one giant outlier": _with_one_outlier(),
    "the outlier was last night": _with_outlier_yesterday(),
    "long gaps": _with_long_gaps(),
    "every other day unknown": np.where(np.arange(400) % 2, salvos(400), np.nan),
    "known days are too long ago": np.r_[salvos(400), np.full(60, np.nan)],
    "exponential growth": np.round(np.exp(np.linspace(0, 11, 400))),
    "20 years": salvos(7_305),
}


@pytest.mark.parametrize("case", HARD)
def test_a_hard_history_gives_sound_paths_or_a_named_error(name: str, case: str, history_of: HistoryOf) -> None:
    refused = ""
    try:
        made = forecast(load_model(name), history_of(HARD[case]), SimulationRequest(60, 100), 1)
    except (InputError, ModelError) as error:
        refused = str(error)
    if refused:
        assert len(refused) > 20
        assert len(refused.splitlines()) == 1
        return
    assert made.paths.dtype == np.int64
    assert 0 <= made.paths.min() <= made.paths.max() < 10**9


@pytest.mark.parametrize("case", ["one day", "nothing known", "known days are too long ago"])
def test_a_history_that_says_nothing_is_refused(name: str, case: str, history_of: HistoryOf) -> None:
    with pytest.raises(InputError):
        forecast(load_model(name), history_of(HARD[case]), REQUEST, 1)


@pytest.mark.parametrize("case", ["an ordinary year", "long gaps", "20 years"])
def test_an_ordinary_history_is_not_refused(name: str, case: str, history_of: HistoryOf) -> None:
    forecast(load_model(name), history_of(HARD[case]), REQUEST, 1)


def test_two_years_ahead_stays_a_number_of_drones(name: str, bundled_history: LaunchHistory) -> None:
    paths = forecast(load_model(name), bundled_history, SimulationRequest(730, 300), 1).paths
    assert paths.dtype == np.int64
    assert paths.min() >= 0
    assert paths.max() < 10**6
    assert paths.sum(axis=1).max() < 10**8
    assert paths[:, -1].std() > 0


def test_every_model_name_can_be_loaded_and_the_reference_is_one_of_them() -> None:
    assert REFERENCE_MODEL in MODELS
    assert [load_model(name).model_id for name in MODELS] == list(MODELS)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown model 'empirical_windw': did you mean empirical_window"):
        load_model("empirical_windw")


@pytest.mark.parametrize(
    ("horizon", "n_paths", "told"),
    [
        (0, 10, "horizon is 0: expected 1 to 730"),
        (731, 10, "horizon is 731: expected 1 to 730"),
        (-5, 10, "horizon is -5"),
        (28, 0, "paths is 0: expected 1 to 100000"),
        (28, 100_001, "paths is 100001"),
    ],
)
def test_a_request_out_of_range_is_refused(horizon: int, n_paths: int, told: str) -> None:
    with pytest.raises(InputError, match=told):
        SimulationRequest(horizon, n_paths)


@pytest.mark.parametrize(
    "paths",
    [
        np.zeros((5, 4), dtype=np.int64),
        np.zeros((4, 5), dtype=np.float64),
        np.full((4, 5), -1, dtype=np.int64),
        np.zeros((4, 5), dtype=np.int32),
    ],
    ids=["transposed", "float", "negative", "int32"],
)
def test_what_breaks_the_contract_never_becomes_a_forecast(paths: NDArray[np.int64], history_of: HistoryOf) -> None:
    class Broken:
        model_id = "broken"

        def fit(self, history: LaunchHistory) -> "Broken":  # noqa: ARG002
            return self

        def simulate(self, *_: object) -> NDArray[np.int64]:
            return paths

    with pytest.raises(ModelError, match="model broken gave"):
        forecast(Broken(), history_of(salvos(100)), SimulationRequest(horizon=5, n_paths=4), 1)


def test_a_forecast_says_what_it_rests_on(history_of: HistoryOf) -> None:
    history = history_of(np.r_[salvos(100), np.full(3, np.nan)])
    made = forecast(load_model(REFERENCE_MODEL), history, REQUEST, 3)
    assert made.origin == history.last_day == date(2026, 2, 28)
    assert made.last_day_known == date(2026, 2, 25)
    assert (made.model_id, made.seed, made.data_digest) == (REFERENCE_MODEL, 3, history.digest)


def test_an_origin_may_be_four_weeks_after_the_last_report_and_no_more(history_of: HistoryOf) -> None:
    limit = model_module.MAX_UNKNOWN_DAYS
    forecast(load_model(REFERENCE_MODEL), history_of(np.r_[salvos(100), np.full(limit, np.nan)]), REQUEST, 1)
    with pytest.raises(InputError, match=f"{limit + 1} days after the last attack day known"):
        forecast(load_model(REFERENCE_MODEL), history_of(np.r_[salvos(100), np.full(limit + 1, np.nan)]), REQUEST, 1)
