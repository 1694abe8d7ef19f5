"""Small histories, and an MLflow store that is made once: making one takes seconds."""

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from numpy.typing import ArrayLike

from experiments import held_out
from experiments.backtest import Backtest, Replay, run_backtest
from experiments.pictures import when_asked
from experiments.slots import JobSlots
from features.history import LaunchHistory
from features.ledger import Ledger
from features.logs import set_up_log
from features.records import QuietDayRule, SalvoReport
from features.sources.reading import Reading
from forecasting.commands.main import run
from forecasting.salvos.model import Model
from tests.experiments.cluster import scheduler, start  # noqa: F401 - fixtures
from tests.experiments.stand_ins import Operator
from tests.experiments.team import mlflow_server, team  # noqa: F401 - fixtures
from tests.forecasting.conftest import defence_of  # noqa: F401 - a fixture

FIRST_DAY = date(2025, 1, 1)


@pytest.fixture(scope="session")
def history_from() -> Callable[[ArrayLike], LaunchHistory]:
    """A history of these daily counts (NaN: unknown) that starts on 2025-01-01."""

    def make(counts: ArrayLike) -> LaunchHistory:
        launched = np.array(counts, dtype=float)
        unknown = np.full(launched.shape, np.nan)
        return LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, FIRST_DAY, launched, unknown, ("table",))

    return make


@pytest.fixture(autouse=True)
def rough_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of a logged backtest are composed, not drawn, which takes longer than most backtests here do; and
    that is done here, as it takes less than the start of a process."""
    monkeypatch.setattr("experiments.pictures.render", lambda *_: b"a picture")
    monkeypatch.setattr("experiments.replays.beside", lambda: nullcontext(when_asked))
    monkeypatch.setattr("experiments.engine.Engine.begin", lambda *_, **__: None)


@pytest.fixture(scope="session", autouse=True)
def _learned_once(learned_once: None) -> None:
    """All tests here."""


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def runner(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[typer.Typer], Run]]:
    """Of an app, what runs a command line of it in this process: exit code, stdout and stderr."""

    def of(app: typer.Typer) -> Run:
        def call(*arguments: str) -> tuple[int, str, str]:
            capfd.readouterr()
            code = run(app, list(arguments))
            told = capfd.readouterr()
            return code, told.out, told.err

        return call

    yield of
    set_up_log(None)  # a log that a command began is not that of the next test


@pytest.fixture
def store(home: Path, empty_store: Path) -> str:
    """The embedded store of the home, ready for use; its URI."""
    home.mkdir(exist_ok=True)
    shutil.copy(empty_store, home / "mlflow.db")
    return f"sqlite:///{home / 'mlflow.db'}"


@pytest.fixture(scope="session")
def series_without_gaps(filled_ledger: Path) -> LaunchHistory:
    """The bundled series, every silent day counted as quiet."""
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        return ledger.history(rule=QuietDayRule.ALL)


@pytest.fixture(scope="session")
def night() -> Callable[[date, int], SalvoReport]:
    """The report of the usual night window that ends on a day."""

    def make(day: date, launched: int) -> SalvoReport:
        end = datetime(day.year, day.month, day.day, 8)
        return SalvoReport(window_start=end - timedelta(hours=14), window_end=end, launched=launched, source="table")

    return make


@pytest.fixture(scope="session")
def weekly_ledger(tmp_path_factory: pytest.TempPathFactory, night: Callable[[date, int], SalvoReport]) -> Path:
    """A ledger file with 150 nights until 2026-02-28: ten times as many drones at the end of a week as at its begin."""
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("weekly") / "ledger.db"
    days = [date(2026, 2, 28) - timedelta(days=back) for back in reversed(range(150))]
    with Ledger.open(f"sqlite:///{path}") as ledger:
        reports = [night(day, 20 + 30 * day.weekday() + int(rng.integers(0, 20))) for day in days]
        ledger.ingest(Reading("table", "all", iter(reports)), datetime(2026, 3, 1, 12, tzinfo=UTC))
    return path


@pytest.fixture(scope="session")
def replayed() -> Callable[..., Backtest]:
    """`run_backtest` as a comparison calls it, but the same replay of the same past is run once: a test that kills a
    retraining at each of its calls makes it dozens of times."""
    made: dict[Any, Backtest] = {}

    def replay(
        shown: Callable[[date], LaunchHistory],
        truth: LaunchHistory,
        models: Sequence[Model],
        origins: Sequence[date],
        asked: Replay,
        **rest: Any,
    ) -> Backtest:
        known_then = [shown(origin).digest for origin in origins]
        key = (truth.digest, *known_then, *((type(model), repr(model)) for model in models), *origins, repr(asked))
        if key not in made:
            made[key] = run_backtest(shown, truth, models, origins, asked, **rest)
        return copy.deepcopy(made[key])

    return replay


@pytest.fixture
def operator(
    home: Path, weekly_ledger: Path, tmp_path: Path, replayed: Callable[..., Backtest], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operator]:
    """With the weeks in the ledger and no report that is new."""
    monkeypatch.setattr(held_out, "run_backtest", replayed)
    home.mkdir()
    shutil.copy(weekly_ledger, home / "ledger.db")
    (tmp_path / "counts.csv").write_text("date,launched\n", encoding="utf-8")
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        yield Operator(ledger, tmp_path)


@pytest.fixture(scope="session")
def empty_slots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger file with its tables and nothing in them."""
    path = tmp_path_factory.mktemp("slots") / "ledger.db"
    with JobSlots.open(f"sqlite:///{path}"):
        return path


@pytest.fixture
def slots_file(empty_slots: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copy(empty_slots, tmp_path / "ledger.db")
