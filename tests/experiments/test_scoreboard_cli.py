"""`salvocast scoreboard` and `salvocast drift`, on forecasts that were issued in the past with a clock of then."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer

from experiments.follow_up import look_for_drift
from experiments.scoreboard_cli import ALARM_EXIT_CODE, drift, scoreboard
from features.home import ledger_url
from features.ledger import Ledger
from forecasting.record.archive import Archive
from forecasting.report.document import forecast_document
from forecasting.salvos.model import SimulationRequest, forecast, load_model

Run = Callable[..., tuple[int, str, str]]
FIRST, N_ORIGINS = date(2026, 1, 5), 40


@pytest.fixture(scope="module")
def issued_ledger(filled_ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled reports, and a forecast of seven days issued each morning of forty."""
    path = tmp_path_factory.mktemp("issued") / "ledger.db"
    shutil.copy(filled_ledger, path)
    url = f"sqlite:///{path}"
    model, request = load_model("exponential_empirical"), SimulationRequest(7, 200)
    with Ledger.open(url) as ledger, Archive.open(url) as archive:
        for index in range(N_ORIGINS):
            day = FIRST + timedelta(days=index)
            made = forecast(model, ledger.history(origin=day), request, 1)
            archive.issue(
                forecast_document(made).model_dump_json().encode(),
                request="{}",
                channel="schedule",
                model_version=1,
                issued_at=datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC),
            )
    return path


@pytest.fixture
def salvocast(home: Path, issued_ledger: Path, runner: Callable[[typer.Typer], Run]) -> Run:
    """Runs a command line; returns exit code, stdout and stderr."""
    home.mkdir(exist_ok=True)
    shutil.copy(issued_ledger, home / "ledger.db")
    app = typer.Typer()
    app.command("scoreboard")(scoreboard)
    app.command("drift")(drift)
    return runner(app)


def test_the_scoreboard_by_model_and_by_month(salvocast: Run) -> None:
    code, out, _ = salvocast("scoreboard")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "40 forecasts issued, 40 of them scored by the launches known to 2026-02-28."
    overall = [line.split()[:4] for line in lines[3:6]]
    assert overall == [
        ["exponential_empirical", "h1", "40", "40"],
        ["exponential_empirical", "h2_7", "240", "45"],
        ["exponential_empirical", "total_7", "40", "6"],
    ]
    assert [line.split()[1:3] for line in lines[8:14]] == [
        [month, band] for month in ("2026-01", "2026-02") for band in ("h1", "h2_7", "total_7")
    ]
    assert max(map(len, lines)) <= 120


def test_csv_and_json_tell_the_same_numbers(salvocast: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(salvocast("scoreboard", "--format", "csv")[1])))
    told = json.loads(salvocast("scoreboard", "--format", "json")[1])
    assert told["format"] == "salvocast/scoreboard/1"
    assert (told["n_issued"], told["n_scored"], told["n_waiting"]) == (40, 40, 0)
    assert [row["month"] for row in rows] == ["all"] * 3 + ["2026-01"] * 3 + ["2026-02"] * 3
    for row, same in zip(rows, [*told["overall"], *told["by_month"]], strict=True):
        assert (row["model"], row["band"], int(row["n"])) == (same["model"], same["band"], same["n"])
        for name in ("wis", "wis_reference", "skill", "coverage_80", "coverage_80_low"):
            assert float(row[name]) == pytest.approx(same[name], abs=1e-6)


def test_the_scoreboard_can_be_narrowed(salvocast: Run) -> None:
    since = json.loads(salvocast("scoreboard", "--since", "2026-02-10", "--format", "json")[1])
    assert since["n_issued"] == 4
    other = salvocast("scoreboard", "--model", "salvo_ensemble")[1]
    assert other.startswith("0 forecasts issued")
    assert "`salvocast plan --issue`" in " ".join(other.split())
    scenario = salvocast("scoreboard", "--scenario", "published")[1]
    assert "Not scored: 40 made under another scenario" in " ".join(scenario.split())
    assert "--issue" not in scenario  # forecasts were issued


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "soon"), "--since is 'soon': expected a day"),
        (("--theatre", "mars"), "unknown theatre 'mars'"),
    ],
)
def test_bad_input_is_told_in_one_line(salvocast: Run, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = salvocast("scoreboard", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_drift_tells_an_alarm_by_its_exit_code(salvocast: Run) -> None:
    """The clock of the command is the real one: the bundled reports are long overdue."""
    code, out, _ = salvocast("drift")
    assert code == ALARM_EXIT_CODE
    lines = out.splitlines()
    assert len(lines) == 11
    assert [line.split(": ")[0] for line in lines if line.startswith("ALARM")] == ["ALARM  reports_overdue"]
    assert lines[0].startswith("ok     coverage_50: 0.")
    code, out, _ = salvocast("drift", "--format", "json")
    assert code == ALARM_EXIT_CODE
    checks = json.loads(out)
    assert [check["name"] for check in checks if check["alarm"]] == ["reports_overdue"]
    assert set(checks[0]) == {"name", "number", "limit", "alarm", "sentence"}


def test_nothing_is_wrong_on_a_morning_with_a_report(salvocast: Run) -> None:
    checks = look_for_drift("ukraine", "shahed", datetime(2026, 2, 28, 7, 30, tzinfo=UTC))
    assert not any(check.alarm for check in checks)
    unjudged = {check.name for check in checks if check.number is None}
    assert unjudged <= {"coverage_80_total_7", "coverage_80_total_28"}  # forecasts that share no day are few


def test_forecasts_of_long_ago_are_not_looked_at(salvocast: Run) -> None:
    with Archive.open(ledger_url()) as archive:
        assert len(archive.list()) == N_ORIGINS
    checks = look_for_drift("ukraine", "shahed", datetime(2027, 6, 1, tzinfo=UTC))
    assert [check.number for check in checks[:4]] == [None] * 4
