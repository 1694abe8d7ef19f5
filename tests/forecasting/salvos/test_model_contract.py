"""The contract that every model keeps, whatever it does inside."""

import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from features.errors import InputError, SalvocastError
from features.history import LaunchHistory
from features.ledger import Ledger, end_of_day
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.salvos import model as model_module
from forecasting.salvos.contract import LAWS, ContractError, check_contract, salvos
from forecasting.salvos.gap import MOST_GAP
from forecasting.salvos.model import (
    MODELS,
    REFERENCE_MODEL,
    ModelError,
    SimulationRequest,
    add_model,
    forecast,
    load_model,
    require_days,
)
from forecasting.salvos.models.empirical_window import EmpiricalWindow
from forecasting.salvos.recipe import Recipe, parameters_of
from forecasting.salvos.saved import SavedModel, load_saved, recipe_from, save_model

HistoryOf = Callable[[ArrayLike], LaunchHistory]
FIRST_DAY = date(2025, 6, 1)
ORIGIN = date(2025, 12, 31)
AT_THE_TIME = end_of_day(ORIGIN) - timedelta(hours=2)
LATER = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = SimulationRequest(horizon=14, n_paths=200)


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


@pytest.fixture(scope="module", autouse=True)
def _boosted_once() -> Iterator[None]:
    """scikit-learn's boosting gives the same trees for the same rows: they are grown once in this module."""
    grown: dict[bytes, HistGradientBoostingRegressor] = {}

    class Remembered(HistGradientBoostingRegressor):  # type: ignore[misc]
        def fit(self, *given: Any, **weights: Any) -> HistGradientBoostingRegressor:
            recipe = self.get_params()
            key = pickle.dumps((recipe.pop("loss").closs.quantile, recipe, given, weights))
            if key not in grown:
                grown[key] = super().fit(*given, **weights)
            return grown[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sklearn.ensemble.HistGradientBoostingRegressor", Remembered)
        yield


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_model_carries_the_name_that_it_is_asked_for_by(name: str) -> None:
    assert load_model(name).model_id == name


@pytest.mark.parametrize("law", LAWS)
def test_every_bundled_model_keeps_every_law(name: str, law: str) -> None:
    LAWS[law](load_model(name))


def test_a_future_planted_in_the_ledger_moves_no_forecast(name: str, ledger: Ledger) -> None:
    """Reports of later days, and revisions of old days that came out later, are in the ledger: nothing may show."""
    counts = salvos((ORIGIN - FIRST_DAY).days + 1).astype(int)
    past = [report(FIRST_DAY + timedelta(days=index), int(count)) for index, count in enumerate(counts)]
    after_origin = end_of_day(ORIGIN) + timedelta(seconds=1)
    massed, revised = round(1.4 * counts.max()), round(1.2 * counts.max())  # as large as the ledger takes unconfirmed
    with ledger:
        ledger.ingest(reading("past", past), AT_THE_TIME)
        known_then = forecast(load_model(name), ledger.history(origin=ORIGIN), REQUEST, 1)
        known_now_before = forecast(load_model(name), ledger.history(), REQUEST, 1)

        spikes = [report(ORIGIN + timedelta(days=step), massed) for step in range(1, 20)]
        revisions = [report(ORIGIN - timedelta(days=step), revised, after_origin) for step in range(30)]
        counted = ledger.ingest(reading("future", spikes + revisions), LATER)
        assert (counted.added, counted.revised) == (19, 30)

        replayed = forecast(load_model(name), ledger.history(origin=ORIGIN), REQUEST, 1)
        # Not vacuous: whoever may look at the planted reports does see them.
        known_now = ledger.history()
        assert known_now.launched.max() == massed
        assert np.nanmax(known_now.until(ORIGIN).launched) == revised
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
        revisions = [report(ORIGIN - timedelta(days=step), round(1.2 * counts.max()), in_time) for step in range(28)]
        ledger.ingest(reading("revisions", revisions), LATER)
        after = forecast(load_model(name), ledger.history(origin=ORIGIN), REQUEST, 1)
    assert after.paths.mean() > 1.5 * before.paths.mean()


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
        (28, 0, "paths is 0: expected 1 to 1,000,000 simulated futures"),
        (28, 1_000_001, "paths is 1000001"),
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


def test_an_origin_may_be_two_years_after_the_last_report_and_no_more(history_of: HistoryOf) -> None:
    limit = MOST_GAP
    made = forecast(load_model(REFERENCE_MODEL), history_of(np.r_[salvos(100), np.full(limit, np.nan)]), REQUEST, 1)
    assert made.unknown_days is not None  # it says so first
    with pytest.raises(InputError, match=f"{limit + 1} days after the last attack day known"):
        forecast(load_model(REFERENCE_MODEL), history_of(np.r_[salvos(100), np.full(limit + 1, np.nan)]), REQUEST, 1)


@dataclass(frozen=True)
class FittedLastWeek:
    counts: NDArray[np.float64]

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        by_day = rng.choice(self.counts, (request.horizon, request.n_paths))  # a longer horizon adds days at the end
        return by_day.T.astype(np.int64)


@dataclass(frozen=True)
class LastWeek:
    """A sound model of somebody's own."""

    model_id: str = "last_week"

    def fit(self, history: LaunchHistory) -> FittedLastWeek:
        require_days(self.model_id, history, 7)
        return FittedLastWeek(history.known[-7:].copy())


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are added are taken away after the test; this module is one that can be imported by its name."""
    monkeypatch.setattr(model_module, "MODELS", dict(MODELS))
    for module in (sys.modules["forecasting.salvos.saved"], sys.modules["forecasting.salvos.contract"]):
        if hasattr(module, "MODELS"):
            monkeypatch.setattr(module, "MODELS", model_module.MODELS)
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or import_module(__name__))


def test_an_added_model_is_named_loaded_and_saved_like_a_bundled_one(added: None) -> None:
    with pytest.raises(ContractError, match=r"what is saved answers as before: .*a saved model cannot hold it"):
        check_contract(LastWeek())
    add_model(LastWeek)
    assert load_model("last_week") == LastWeek()
    assert str(check_contract(load_model("last_week"))).startswith(f"last_week keeps the {len(LAWS)} laws")


def test_a_model_that_is_not_installed_is_not_loaded_from_its_files(added: None, history_of: HistoryOf) -> None:
    add_model(LastWeek)
    history = history_of(salvos(60))
    files = save_model(SavedModel.of(LastWeek(), LastWeek().fit(history), history))
    del model_module.MODELS["last_week"]
    with pytest.raises(SalvocastError, match=r"unknown type LastWeek: of a model of somebody's own. install"):
        load_saved(files)


@dataclass(frozen=True)
class LastDays(LastWeek):
    """The same of so many days."""

    n: int = 7
    shrunk: float = 0.0
    model_id: str = "last_days"


def test_an_instance_is_named_by_its_parameters(added: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "_INSTANCES", {})
    assert add_model(LastDays()).model_id == "last_days"
    made = add_model(LastDays(n=14, shrunk=0.5))
    assert made == LastDays(n=14, shrunk=0.5, model_id="last_days_n_14_shrunk_0_5")
    assert load_model("last_days_n_14_shrunk_0_5") is made
    assert load_model("last_days") == LastDays()
    assert add_model(LastDays(n=14, model_id="fortnight")).model_id == "fortnight"
    assert parameters_of(made) == {"n": "14", "shrunk": "0.5"}
    assert Recipe.of(made).digest != Recipe.of(LastDays(n=14, shrunk=0.25, model_id=made.model_id)).digest != ""
    assert recipe_from(Recipe.of(made).document) == made

    class Nameless:
        model_id = "nameless"

        def __init__(self, n: int) -> None:
            self.n = n

    assert Recipe.of(Nameless(3)).digest == ""  # what cannot be told is never the same


def test_an_instance_whose_class_has_one_name_for_all_is_refused(added: None) -> None:
    @dataclass(frozen=True)
    class OneName:
        n: int = 7
        model_id = "one_name"

        def fit(self, history: LaunchHistory) -> FittedLastWeek:
            return FittedLastWeek(history.known[-self.n :])

    with pytest.raises(
        InputError, match="OneName has one model_id for all of its parameters: expected model_id to be a"
    ):
        add_model(OneName(n=14))  # type: ignore[arg-type]


def test_a_class_name_that_is_taken_is_told_as_such(added: None) -> None:
    @dataclass(frozen=True)
    class LocalLevel(LastWeek):
        model_id: str = "my_level"

    with pytest.raises(ContractError, match=r"a name that forecasting.salvos.models.local_level has taken"):
        check_contract(LocalLevel())


def test_a_bundled_name_is_not_taken(added: None) -> None:
    class Impostor(EmpiricalWindow):
        pass

    with pytest.raises(InputError, match="empirical_window is a bundled model"):
        add_model(Impostor)


class Breaks(LastWeek):
    """Sound, but for what `how` says."""

    def __init__(self, how: str) -> None:
        object.__setattr__(self, "model_id", "breaks")
        object.__setattr__(self, "how", how)
        object.__setattr__(self, "first", [])
        object.__setattr__(self, "covariates", ("weather",) if "covariate" in how else ())

    def fit(self, history: LaunchHistory) -> Any:
        if self.how == "takes anything":
            return _Broken(np.ones(1), self.how)
        if self.how == "raises":
            raise ZeroDivisionError("in two\nlines")
        fitted = _Broken(LastWeek().fit(history).counts, self.how)
        if self.how == "writes":
            history.launched.setflags(write=True)
            history.launched[:] = 1.0
        if self.how == "remembers":
            self.first.append(fitted.counts)
            return _Broken(np.concatenate(self.first), self.how)
        if self.how == "keeps a frame":
            return _Broken(np.random.default_rng(3).poisson(100, 28).astype(float), self.how)
        if self.how == "looks ahead in a covariate":
            told = history.covariates["weather"]
            scale = 1.0 + np.abs(np.nan_to_num((told if told.base is None else told.base)[-1]))
            return _Broken(fitted.counts * scale, self.how)
        if self.how == "looks ahead":
            whole = history.launched.base if history.launched.base is not None else history.launched
            return _Broken(np.nan_to_num(whole[-7:]), self.how)
        return fitted


@dataclass
class _Broken:
    counts: NDArray[np.float64]
    how: str
    calls: int = 0

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        self.calls += 1
        if self.how == "no seed":
            rng = np.random.default_rng()
        elif self.how == "own seed":
            rng = np.random.default_rng(1)
        elif self.how == "global":
            np.random.rand()  # noqa: NPY002
        paths = rng.choice(self.counts, (request.n_paths, request.horizon))
        factor = {"level": 3, "counts its requests": self.calls}.get(self.how, 1)
        made = np.minimum(paths * factor, 5_000_000 if self.how == "explodes" else 10**8).astype(np.int64)
        if self.how == "explodes":
            made = made + (np.arange(request.horizon) > 100) * 2_000_000
        return made.astype(np.int32) if self.how == "int32" else made


@pytest.mark.parametrize(
    ("how", "law"),
    {
        "int32": "paths are whole counts of the shape asked for",
        "level": "paths are of the level of the history",
        "no seed": "the same seed gives the same bytes and another seed other paths",
        "own seed": "the same seed gives the same bytes and another seed other paths",
        "remembers": "nothing is kept between fits",
        "counts its requests": "two requests of one fit do not touch each other",
        "global": "the global generator is left alone",
        "writes": "the history is not changed",
        "looks ahead": "a planted future moves no forecast",
        "looks ahead in a covariate": "a planted future moves no forecast",
        "keeps a frame": "paths are of the level of the history",
        "takes anything": "hard histories give sound paths or an error in one line",
        "raises": "hard histories give sound paths or an error in one line",
        "explodes": "two years ahead stays a number of drones",
        "": "what is saved answers as before",
    }.items(),
)
def test_each_law_is_broken_by_a_model_that_breaks_it(how: str, law: str) -> None:
    with pytest.raises(ContractError, match=law) as told:
        check_contract(Breaks(how))
    assert len(str(told.value).splitlines()) == 1


def test_a_model_without_a_name_that_can_be_typed_is_refused() -> None:
    nameless = Breaks("")
    object.__setattr__(nameless, "model_id", "my model")
    with pytest.raises(ContractError, match="model_id is 'my model': expected a name such as"):
        check_contract(nameless)
