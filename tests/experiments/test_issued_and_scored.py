"""From issue to score by the clock of today: by the command, the API and the schedule, and what came the next day."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import typer

from experiments.schedule_cli import schedule
from experiments.scoreboard_cli import scoreboard
from features.home import ledger_url
from features.ledger import Ledger
from features.records import KYIV, SalvoReport
from features.sources.reading import Reading
from forecasting.commands.plan import answer_command
from forecasting.commands.request_options import request_command
from forecasting.record.archive import Archive
from tests.forecasting.service.conftest import serving

Run = Callable[..., tuple[int, str, str]]
SHORT = {"horizon": 7, "paths": 100}


@pytest.fixture
def salvocast(runner: Callable[[typer.Typer], Run]) -> Run:
    app = typer.Typer()
    app.command("forecast", cls=request_command("ForecastRequest"))(answer_command)
    app.command("scoreboard")(scoreboard)
    app.add_typer(schedule, name="schedule")
    return runner(app)


def ingest(night: Callable[[date, int], SalvoReport], first: date, n_days: int) -> None:
    nights = [night(first + timedelta(days=day), 100 + 10 * (day % 7)) for day in range(n_days)]
    with Ledger.open(ledger_url()) as ledger:
        ledger.ingest(Reading("table", f"{first}", iter(nights)), datetime.now(UTC))


@pytest.mark.slow
def test_what_each_way_gave_out_is_scored_when_the_day_is_reported(
    home: Path, store: str, tmp_path: Path, night: Callable[[date, int], SalvoReport], salvocast: Run
) -> None:
    now = datetime.now(KYIV)
    if not time(8) < now.time() < time(23, 30):
        pytest.skip("the night that ends today must have ended, and today must not end meanwhile")
    today = now.date()
    ingest(night, today - timedelta(days=120), 120)
    code, _, err = salvocast("forecast", "--model", "two_regime", "--horizon", "7", "--paths", "100", "--issue")
    assert code == 0, err
    with serving(tmp_path, home / "ledger.db") as serve:
        server = serve(home.name)
        with server.client() as client:
            answer = client.post("/api/v1/forecast", json={**SHORT, "model": "local_level"})
        assert answer.status_code == 200, answer.text
    assert salvocast("schedule", "follow-up")[0] == 0
    with Archive.open(ledger_url()) as archive:
        channels = {issued.model_id: issued.channel for issued in archive.list()}
    assert channels == {"two_regime": "cli", "local_level": "api", "salvo_ensemble": "schedule"}
    assert salvocast("scoreboard")[1].startswith("3 forecasts issued, 0 of them scored")
    ingest(night, today, 1)
    code, out, _ = salvocast("scoreboard", "--format", "csv")
    rows = [line.split(",")[:4] for line in out.splitlines()[1:]]
    month = f"{today:%Y-%m}"
    assert rows == [[model, part, "h1", "1"] for part in ("all", month) for model in sorted(channels)]
    # One that is issued today of what was over yesterday is a replay, and does not count.
    late = ("--origin", f"{today - timedelta(days=2)}", "--horizon", "1", "--paths", "100", "--issue")
    assert salvocast("forecast", "--model", "log_normal", *late)[0] == 0
    assert "1 issued when their days were over" in " ".join(salvocast("scoreboard")[1].split())
