"""`salvocast retrain` and `salvocast champion` as an operator runs them, on a real MLflow store."""

import json
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from experiments import retrain_cli
from experiments.follow_up import issue_plan
from experiments.retrain_cli import settings_text
from experiments.settings import Settings, load_settings, parse_settings
from features.errors import SalvocastError
from features.home import ledger_url
from features.ledger import Ledger
from features.quarantine import release
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.commands.main import run
from forecasting.record.archive import Archive
from forecasting.registry.promotions import who

SETTINGS = """
[[source]]
kind = "table"
path = "counts.csv"
map = {launched = "UAVs"}
[retrain]
first_champion = "empirical_window"
challengers = ["seasonal_naive"]
origins = 8
fewest_origins = 4
horizon = 7
paths = 50
p_value = 0.9
coverage_tolerance = 1.0
"""
Answer = tuple[int, list[str], list[str]]
Salvocast = Callable[..., Answer]


@pytest.fixture
def salvocast(capsys: pytest.CaptureFixture[str]) -> Salvocast:
    """Runs a command line; returns its exit code and the lines that it printed on stdout and on stderr."""
    app = typer.Typer()
    app.command("retrain")(retrain_cli.retrain)
    app.add_typer(retrain_cli.champion, name="champion")

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = run(app, list(arguments))
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return call


@pytest.fixture
def machine(home: Path, store: str, weekly_ledger: Path) -> Path:
    """A home with settings, a ledger and an MLflow store."""
    assert store
    shutil.copy(weekly_ledger, home / "ledger.db")
    (home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    report(home)
    return home


def report(home: Path, *days: str) -> None:
    """What the operator's table holds, beside its header."""
    (home / "counts.csv").write_text("\n".join(["date,UAVs", *days, ""]), encoding="utf-8")


def test_two_mornings_and_a_way_back(machine: Path, salvocast: Salvocast, store: str) -> None:
    code, out, err = salvocast("retrain")
    assert (code, len(out)) == (0, 1)
    assert out[0].startswith(
        "first champion: empirical_window serves as salvocast-ukraine-shahed version 1, fitted to "
    )
    assert err == ["salvocast: no report since 2026-02-28: reports are overdue"]
    code, out, _ = salvocast("retrain")
    assert (code, len(out)) == (0, 1)
    assert out[0].startswith("nothing new: data ")
    code, _, err = salvocast("champion", "rollback", "--reason", "unsure")
    assert (code, err) == (2, ["salvocast: no version served before version 1 that is still there: name one with --to"])

    report(machine, "2026-03-01,210")
    code, out, _ = salvocast("retrain")
    assert code == 0
    assert out[0].startswith("promoted: seasonal_naive serves as salvocast-ukraine-shahed version 2, ")
    run_id = out[0].partition("run ")[2].partition(")")[0]
    code, out, _ = salvocast("champion", "show")
    assert code == 0
    assert out[0] == "champion     salvocast-ukraine-shahed version 2: seasonal_naive"
    assert " through 2026-03-01, by salvocast " in out[1]
    assert out[2].endswith(f"UTC by run {run_id}")
    assert "score 0." in out[3]
    assert "seasonal_naive scored 0." in out[4]
    assert out[5].startswith(f"compared     last in run {run_id}: seasonal_naive scored 0.")

    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=store)
    logged = client.get_run(run_id)
    assert logged.info.status == "FINISHED"
    with Ledger.open(f"sqlite:///{machine / 'ledger.db'}") as ledger:
        assert logged.data.params["data_digest"] == ledger.history().digest
    assert logged.data.params["settings_digest"] == load_settings().retrain.digest
    assert logged.data.params["champion_before"] == "empirical_window version 1"
    assert {"seed", "n_paths", "code_version", "first_origin", "last_origin", "version_numpy"} <= {*logged.data.params}
    assert logged.data.metrics["ratio.seasonal_naive"] < 0.98
    files = {each.path: each for each in client.list_artifacts(run_id)}
    tables = {f"{name}.csv" for name in ("recipes", "leaderboard", "scores", "failures")}
    assert {"decision.json", "settings.json", "model", *tables} == {*files}
    decision = json.loads(Path(client.download_artifacts(run_id, "decision.json")).read_text(encoding="utf-8"))
    assert (decision["model"], decision["kind"]) == ("seasonal_naive", "promoted")
    assert decision["verdicts"][0]["refusals"] == []
    stated = json.loads(Path(client.download_artifacts(run_id, "settings.json")).read_text(encoding="utf-8"))
    assert stated == load_settings().retrain.model_dump(mode="json")

    code, _, err = salvocast("champion", "rollback", "--reason", " ")
    assert (code, err) == (2, ["salvocast: --reason is empty: say why the champion shall not serve"])
    for wrong, told in ((7, "has the versions 1 to 2"), (2, "it serves already")):
        code, _, err = salvocast("champion", "rollback", "--reason", "unsure", "--to", str(wrong))
        assert code == 2
        assert told in err[0]
    code, out, _ = salvocast("champion", "rollback", "--reason", "too wide on Sundays")
    assert (code, out) == (
        0,
        ["salvocast-ukraine-shahed version 1 serves: empirical_window, fitted through 2026-02-28"],
    )
    code, out, _ = salvocast("champion", "show")  # rolled back to, it was compared all the same
    assert (code, out[0]) == (0, "champion     salvocast-ukraine-shahed version 1: empirical_window")
    assert out[3].startswith("scores       score 1, coverage_80_days 0.")
    assert out[5].startswith(f"compared     last in run {run_id}: ")
    code, out, _ = salvocast("champion", "history")
    assert code == 0
    assert [line.partition("UTC  ")[2].partition(",")[0] for line in out] == [
        "version 1: empirical_window",
        "version 2: seasonal_naive",
        "version 1: empirical_window",
    ]
    assert out[0].endswith(f": rolled back from version 2: too wide on Sundays (by {who()})")
    code, out, _ = salvocast("retrain")
    assert code == 0
    assert "its version 2 was rolled back, empirical_window version 1" in out[0]

    client.set_registered_model_alias("salvocast-ukraine-shahed", "champion", "2")
    code, out, _ = salvocast("champion", "show")
    assert out[4].startswith("serves since an unknown time: the alias was moved by hand, found on ")
    code, _, err = salvocast("retrain")
    assert code == 3
    assert any("the alias was moved by hand, found on" in line for line in err)
    client.delete_registered_model_alias("salvocast-ukraine-shahed", "champion")
    code, _, err = salvocast("champion", "show")
    assert (code, "the alias was taken away by hand, found on" in err[0]) == (2, True)
    assert salvocast("champion", "rollback", "--reason", "it was taken away")[1][0].startswith(
        "salvocast-ukraine-shahed version 2 serves: seasonal_naive"
    )
    _, out, _ = salvocast("champion", "history")
    assert [line.partition("UTC  ")[2].partition(":")[0] for line in out] == [
        *("version 2", "no version", "version 2"),
        *("version 1", "version 2", "version 1"),
    ]


def test_a_source_that_fails_needs_a_person_and_the_rest_is_done(machine: Path, salvocast: Salvocast) -> None:
    (machine / "counts.csv").unlink()
    code, out, err = salvocast("retrain")
    assert code == 3
    assert out[0].startswith("first champion: ")
    assert err[0].startswith("salvocast: source table counts.csv failed: counts.csv: no such file")


def test_a_dry_run_makes_no_version_and_reads_no_source(machine: Path, salvocast: Salvocast) -> None:
    report(machine, "2026-03-01,210")
    code, out, _ = salvocast("retrain", "--dry-run")
    assert code == 0
    assert out[0].startswith("dry run, nothing was changed: first champion: empirical_window would serve: ")
    code, _, err = salvocast("champion", "show")
    assert code == 2
    assert err == ["salvocast: no champion is registered for shahed in theatre ukraine: salvocast retrain makes one"]
    with Ledger.open(f"sqlite:///{machine / 'ledger.db'}") as ledger:
        assert len(ledger.batches()) == 1


def test_a_count_that_waits_for_a_person_is_not_learned_from_and_one_that_is_confirmed_is(
    machine: Path, salvocast: Salvocast
) -> None:
    assert salvocast("retrain")[0] == 0
    report(machine, "2026-03-01,9000")
    code, out, err = salvocast("retrain")
    assert (code, "nothing new" in out[0]) == (3, True)  # the last sound record goes on; a person is to see to it
    assert "row waits in quarantine" in " ".join(err)
    with Ledger.open(f"sqlite:///{machine / 'ledger.db'}") as ledger:
        (held,) = ledger.quarantine()
        release(ledger, held["id"], "so the Air Force said", datetime.now(UTC))
    code, out, _ = salvocast("retrain")
    assert (code, "through 2026-03-01" in out[0]) == (0, True)


def test_data_that_do_not_pass_are_not_learned_from_and_no_plan_is_issued_from_them(
    machine: Path, salvocast: Salvocast, weekly_ledger: Path
) -> None:
    report(machine, "2026-03-01,210")
    assert salvocast("retrain")[0] == 0
    report(machine)
    shutil.copy(weekly_ledger, machine / "ledger.db")  # restored from before
    code, out, err = salvocast("retrain")
    assert (code, out) == (1, [])
    told = "the record ends on 2026-02-28, the champion was trained through 2026-03-01: reports are missing"
    assert told in err[-1]
    assert "empirical_window version 1, fitted through 2026-03-01, still serves" in err[-1]
    with Ledger.open(ledger_url()) as ledger, Archive.open(ledger_url()) as archive:
        with pytest.raises(SalvocastError, match=f"no plan is issued: {told}"):
            issue_plan(ledger, archive, "ukraine", "shahed", datetime.now(UTC))
        assert archive.list() == []


def test_a_tracking_server_that_is_away_is_told_in_one_line_and_the_reports_are_in(
    machine: Path, salvocast: Salvocast, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(machine, "2026-03-01,210")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://somebody:secret@127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # in full, tests of the registry wait for it
    code, out, err = salvocast("retrain")
    assert (code, out) == (1, [])
    assert len(err) == 1
    assert err[0].startswith("salvocast: the tracking store http://somebody:***@127.0.0.1:")
    assert "secret" not in err[0]
    with Ledger.open(f"sqlite:///{machine / 'ledger.db'}") as ledger:
        assert str(ledger.history().last_day) == "2026-03-01"


@pytest.mark.parametrize(
    ("settings", "arguments", "told"),
    [
        ("[retrain]\nseed = -1\n", (), "settings.toml: retrain.seed: expected a value greater than or equal to 0"),
        ("", ("--engine", "spark"), "--engine spark: expected local or dask://HOST:PORT"),
        ("", ("--theatre", "nowhere"), "unknown theatre 'nowhere': known are ukraine"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    machine: Path, salvocast: Salvocast, settings: str, arguments: tuple[str, ...], told: str
) -> None:
    (machine / "settings.toml").write_text(settings, encoding="utf-8")
    code, out, err = salvocast("retrain", *arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert told in err[0]


def test_the_settings_are_shown_as_a_file_that_says_the_same(machine: Path, salvocast: Salvocast) -> None:
    code, out, _ = salvocast("retrain", "--show-settings")
    assert code == 0
    assert out[0] == f"# {machine / 'settings.toml'}"
    assert parse_settings("\n".join(out), "shown") == load_settings()
    assert parse_settings(settings_text(Settings()), "defaults") == Settings()


def test_of_all_series_one_that_fails_stops_no_other(machine: Path, salvocast: Salvocast) -> None:
    """Three nights are too few for any model."""
    nights = [datetime(2026, 2, day, 8) for day in (26, 27, 28)]
    reports = [
        SalvoReport(
            window_start=end - timedelta(hours=14), window_end=end, launched=5, source="table", theatre="south_korea"
        )
        for end in nights
    ]
    with Ledger.open(f"sqlite:///{machine / 'ledger.db'}") as ledger:
        ledger.ingest(Reading("table", "elsewhere", iter(reports)), datetime(2026, 3, 1, tzinfo=UTC))
    code, out, err = salvocast("retrain", "--theatre", "all")
    assert code == 1
    (told,) = out
    assert told.startswith("ukraine shahed: first champion: empirical_window serves as salvocast-ukraine-shahed ")
    assert any(
        line.startswith("salvocast: south_korea shahed: model empirical_window needs at least 7") for line in err
    )
    assert err[-1] == "salvocast: 1 of 2 series failed, see above; what served them serves on"
    assert salvocast("retrain", "--theatre", "ukraine,south_korea")[0] == 1
    assert salvocast("retrain", "--theatre", ",")[2] == [
        "salvocast: --theatre is empty: expected names with commas between them, or all"
    ]
