"""Small histories, forecasts and defences, the bundled defence, and the command as a person runs it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from features.history import LaunchHistory
from features.records import QuietDayRule
from forecasting.answers import local
from forecasting.commands.main import app, run
from forecasting.defence.layers import Defence, parse_defence
from forecasting.losses.calibrated_defence import Calibration
from forecasting.losses.reported_losses import StatedKills, parse_kill_shares
from forecasting.plan import Plan, Prepared, make_plan
from forecasting.report.document import plan_document
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import SimulationRequest, load_model
from tests.learning import calibrated, prepared

ORIGIN = date(2026, 2, 28)
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
Told = Callable[..., str]


@pytest.fixture(scope="session")
def history_of() -> Callable[[ArrayLike], LaunchHistory]:
    """A history of these daily counts (NaN: unknown) that ends on 2026-02-28."""

    def make(counts: ArrayLike) -> LaunchHistory:
        launched = np.array(counts, dtype=float)
        first_day = ORIGIN - timedelta(days=launched.size - 1)
        unknown = np.full(launched.shape, np.nan)
        return LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, first_day, launched, unknown, ("table",))

    return make


@pytest.fixture(scope="session")
def salvos_of() -> Callable[..., SalvoForecast]:
    """A forecast that consists of the given paths."""

    def make(paths: ArrayLike, *, seed: int = 1, massed_threshold: int = 300) -> SalvoForecast:
        return SalvoForecast(
            theatre="ukraine",
            weapon_class="shahed",
            origin=ORIGIN,
            last_day_known=ORIGIN,
            paths=np.array(paths, dtype=np.int64),
            model_id="given",
            data_sources=("table",),
            data_digest="0" * 64,
            quiet_day_rule=QuietDayRule.NONE,
            massed_threshold=massed_threshold,
            seed=seed,
        )

    return make


@pytest.fixture(scope="session")
def defence_of() -> Callable[..., Defence]:
    """A defence of layers given as {quantity: value or (low, mode, high)}, plain whole numbers and words as they are;
    named a, b, c in their order. kinds: id -> share of the armed drones. More of the head by keyword."""

    def stated(value: Any) -> Any:
        if isinstance(value, int | str) or (isinstance(value, tuple) and isinstance(value[0], str)):
            return value
        if isinstance(value, dict):
            return {name: stated(each) for name, each in value.items()}
        low, mode, high = value if isinstance(value, tuple) else (value, value, value)
        rest = {"basis": "assumed", "sources": (), "date": ORIGIN, "confidence": "D", "note": ""}
        return {"low": low, "mode": mode, "high": high, **rest}

    def make(layers: Sequence[dict[str, Any]], kinds: Mapping[str, Any] | None = None, **head: Any) -> Defence:
        return Defence.model_validate(
            {
                "kinds": tuple(
                    {"id": name, "name": name, "share": (stated(share),)} for name, share in (kinds or {}).items()
                )
            }
            | {name: stated(value) if isinstance(value, float) else value for name, value in head.items()}
            | {
                "name": "test",
                "title": "Test",
                "theatre": "ukraine",
                "as_of": ORIGIN,
                "about": "",
                "sources": (),
                "layers": tuple(
                    {"id": name, "name": name.upper()}
                    | ({"interceptor": "missile"} if "stock" in layer else {})
                    | {quantity: stated(value) for quantity, value in layer.items()}
                    for name, layer in zip("abcdefgh", layers, strict=False)
                ),
            }
        )

    return make


@pytest.fixture(scope="session")
def bundled_defence() -> Defence:
    """As it meets drones alone."""
    text = resources.files("features.bundled").joinpath("defence_ukraine.toml").read_text(encoding="utf-8")
    return parse_defence(text, "defence_ukraine.toml").facing(("shahed",))


@pytest.fixture(scope="session")
def bundled_kill_shares() -> tuple[StatedKills, ...]:
    text = resources.files("features.bundled").joinpath("kill_shares.csv").read_text(encoding="utf-8")
    return parse_kill_shares(text, "kill_shares.csv")


@pytest.fixture(scope="session")
def bundled_prepared(bundled_history: LaunchHistory) -> Prepared:
    return prepared(load_model("empirical_window"), bundled_history)


@pytest.fixture(scope="session")
def bundled_calibrated(
    bundled_history: LaunchHistory, bundled_defence: Defence, bundled_kill_shares: tuple[StatedKills, ...]
) -> Calibration:
    """Of the bundled defence, to the bundled record and published shares of kills."""
    return calibrated(bundled_defence, bundled_history, bundled_kill_shares)


@pytest.fixture(scope="session")
def bundled_plan(bundled_prepared: Prepared, bundled_defence: Defence, bundled_calibrated: Calibration) -> Plan:
    """What `salvocast plan` computes without any option."""
    return make_plan(
        bundled_prepared,
        bundled_defence,
        SimulationRequest(horizon=28, n_paths=2_000),
        service_level=0.95,
        seed=1,
        calibrated=bundled_calibrated,
    )


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], home: Path, filled_ledger: Path) -> Told:
    """Runs the command with the bundled reports in the ledger; returns what it prints, or its one line on stderr where
    it should fail."""
    home.mkdir(exist_ok=True)
    shutil.copy(filled_ledger, home / "ledger.db")

    def run_command(*arguments: str, fails: int = 0) -> str:
        assert run(app, list(arguments)) == fails
        said = capsys.readouterr()
        if fails < 2:  # 1: the answer is no
            assert not said.err
            return said.out
        assert not said.out
        assert len(said.err.splitlines()) == 1
        return said.err

    return run_command


@pytest.fixture
def work(home: Path, tmp_path: Path, filled_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in, with the bundled reports in the ledger."""
    home.mkdir(exist_ok=True)
    shutil.copy(filled_ledger, home / "ledger.db")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def salvocast(work: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs the command in this process: starting one and learning anew takes seconds each time."""

    def run_command(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        capfdbinary.readouterr()
        code = run(app, list(arguments))
        return subprocess.CompletedProcess(arguments, code, *capfdbinary.readouterr())

    return run_command


@pytest.fixture
def installed(work: Path) -> Run:
    """Runs the installed command, as a person does."""

    def run_command(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        command = [str(Path(sys.executable).parent / "salvocast"), *arguments]
        return subprocess.run(command, capture_output=True, check=False, timeout=120)

    return run_command


@pytest.fixture(autouse=True)
def asked_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks in this process does so on the day after the last report: the record is fresh."""
    monkeypatch.setattr(local, "kyiv_today", lambda: date(2026, 3, 1))


@pytest.fixture(scope="session", autouse=True)
def _learned_once(learned_once: None) -> None:
    """All tests here."""


@pytest.fixture(scope="session")
def pictured(bundled_plan: Plan, bundled_history: LaunchHistory) -> dict[str, Any]:
    """What the pictures are drawn of, by the names that PICTURES gives."""
    from tests.forecasting.report.pictured import RECORD, SENSITIVITY, SUPPLY  # loads Matplotlib

    document = plan_document(bundled_plan)
    document = document.model_copy(update={"forecast": document.forecast.model_copy(update={"supply": SUPPLY})})
    other = document.model_copy(update={"forecast": document.forecast.model_copy(update={"model_id": "other"})})
    return {
        "document": document,
        "other": other,
        "past": bundled_history,
        "sensitivity": SENSITIVITY,
        "record": RECORD,
    }
