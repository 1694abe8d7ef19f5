"""`--issue` on the command line: what is kept is what was given out, and the request that it answers."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from openpyxl import load_workbook

from features.home import ledger_url
from features.ledger import Ledger
from forecasting.answers.local import local_answering, local_context
from forecasting.answers.request import ForecastRequest, PlanRequest
from forecasting.record.archive import Archive, IssuedForecast
from forecasting.report.document import document_json

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
SHORT = ("--paths", "50", "--horizon", "7")


def issued() -> list[IssuedForecast]:
    with Archive.open(ledger_url()) as archive:
        return [archive.get(header.id) for header in archive.list()]


@pytest.mark.parametrize("command", ["plan", "forecast"])
def test_the_json_given_out_is_kept_and_its_id_told(command: str, salvocast: Run) -> None:
    done = salvocast(command, *SHORT, "--issue", "--format", "json")
    assert done.returncode == 0, done.stderr
    (kept,) = issued()
    assert kept.document == done.stdout
    assert done.stderr.decode() == f"issued as {hashlib.sha256(done.stdout).hexdigest()}\n"
    assert (kept.kind, kept.channel, kept.horizon, kept.model_id) == (command, "cli", 7, "salvo_ensemble")
    assert salvocast(command, *SHORT, "--issue", "--format", "json").stdout == done.stdout
    assert len(issued()) == 1


def test_whatever_is_printed_the_document_is_kept(salvocast: Run) -> None:
    table = salvocast("forecast", *SHORT, "--issue")
    assert table.stdout.startswith(b"Salvocast forecast")
    (kept,) = issued()
    assert json.loads(kept.document)["horizon"] == 7


def test_a_workbook_says_what_was_asked_and_when_it_was_issued(salvocast: Run, work: Path) -> None:
    def about() -> dict[object, object]:
        rows = load_workbook(work / "plan.xlsx")["about"].iter_rows(min_row=2, values_only=True)
        return {name: value for name, value, *_ in rows}

    written = ("plan", *SHORT, "--format", "xlsx", "--out", "plan.xlsx")
    assert salvocast(*written).returncode == 0
    assert PlanRequest.model_validate_json(str(about()["request"])).horizon == 7
    assert "issued_at" not in about()
    assert salvocast(*written, "--issue").returncode == 0
    (kept,) = issued()
    told = about()
    assert told["request"] == kept.request
    assert (told["issued_as"], told["issued_at"]) == (kept.id, kept.issued_at.isoformat(timespec="seconds"))


def test_nothing_is_kept_unless_asked_for(salvocast: Run) -> None:
    assert salvocast("forecast", *SHORT).returncode == 0
    assert issued() == []


def test_the_request_of_a_forecast(salvocast: Run) -> None:
    options = ("--origin", "2026-01-31", "--seed", "3", "--model", "local_level", "--scenario", "published")
    assert salvocast("forecast", *SHORT, *options, "--quiet-days", "all", "--issue").returncode == 0
    (kept,) = issued()
    asked = ForecastRequest.model_validate_json(kept.request)
    stated = {"origin": "2026-01-31", "horizon": 7, "paths": 50, "seed": 3, "model": "local_level"}
    assert asked == ForecastRequest.model_validate(stated | {"scenario": "published", "quiet_days": "all"})
    assert kept.request == asked.canonical
    assert kept.scenario == "published"


def test_the_request_of_a_plan_holds_the_text_of_every_file(salvocast: Run, work: Path) -> None:
    defence = resources.files("features.bundled").joinpath("defence_ukraine.toml").read_text(encoding="utf-8")
    scenario = (
        '[scenario]\nname = "mine"\ntitle = "Mine"\nas_of = 2026-02-28\nbased_on = "published"\nabout = "A test."\n'
    )
    for name, text in (
        ("mine.toml", defence),
        ("scenario.toml", scenario),
        ("stock.csv", "layer,quantity\nshort_range_missile,7\n"),
        ("due.csv", "layer,date,quantity\nshort_range_missile,2026-03-03,5\n"),
    ):
        (work / name).write_text(text, encoding="utf-8")
    files = ("--defence", "mine.toml", "--scenario", "scenario.toml", "--stock", "stock.csv", "--deliveries", "due.csv")
    options = ("--layer", "short_range_missile", "--service-level", "0.9", "--no-calibrate", "--leak-target", "900")
    done = salvocast("plan", *SHORT, *files, *options, "--budget", "1000000", "--issue")
    assert done.returncode == 0, done.stderr
    (kept,) = issued()
    asked = PlanRequest.model_validate_json(kept.request)
    assert asked.defence.toml == defence  # type: ignore[union-attr]
    assert asked.scenario.toml == scenario  # type: ignore[union-attr]
    assert asked.stock == {"short_range_missile": 7}
    assert [(due.layer, f"{due.date}", due.quantity) for due in asked.deliveries] == [
        ("short_range_missile", "2026-03-03", 5)
    ]
    assert (asked.layers, asked.service_level, asked.calibrate) == (("short_range_missile",), 0.9, False)
    assert (asked.leak_target, asked.budget) == (900, 1_000_000)
    assert kept.scenario == "mine"


def test_a_scenario_on_a_file_is_kept_whole(salvocast: Run, work: Path) -> None:
    """The request answers by itself, without the files that it was made from."""
    head = '[scenario]\nname = "{}"\ntitle = "{}"\nas_of = 2026-02-28\nbased_on = "{}"\nabout = "A test."\n'
    (work / "base.toml").write_text(head.format("base", "Base", "imports_stopped"), encoding="utf-8")
    (work / "mine.toml").write_text(head.format("mine", "Mine", "base.toml"), encoding="utf-8")
    mine = salvocast("forecast", *SHORT, "--scenario", "mine.toml", "--format", "json", "--issue")
    assert mine.returncode == 0, mine.stderr
    named = salvocast("forecast", *SHORT, "--scenario", "imports_stopped", "--format", "json")
    assert json.loads(mine.stdout)["days"] == json.loads(named.stdout)["days"]
    (kept,) = issued()
    request = ForecastRequest.model_validate_json(kept.request)
    with Ledger.open(ledger_url()) as ledger:
        again = local_answering(ledger).document(request, local_context(request))
    assert document_json(again) == mine.stdout


def test_held_assumptions_are_part_of_the_request(salvocast: Run) -> None:
    held = ("--scenario", "published", "--hold", "stock.released=0.25")
    done = salvocast("forecast", *SHORT, *held, "--issue")
    assert done.returncode == 0, done.stderr
    (kept,) = issued()
    assert ForecastRequest.model_validate_json(kept.request).held == {"stock.released": 0.25}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--paths", "1000001"), "--paths: expected at most 1,000,000 (given 1000001)"),
        (("--hold", "stock.released=0.5"), "--hold is given without --scenario: add --scenario"),
        (("--scenario", "published", "--hold", "x=2"), "--hold.x: expected at most 1 (given 2.0)"),
        (("--scenario", "published", "--hold", "x=much"), '--hold.x: expected a number (given "much")'),
        (("--scenario", "published", "--hold", "x"), "'x': expected --hold NAME=LEVEL"),
        (("--scenario", "missing.toml"), "cannot read missing.toml"),
    ],
)
def test_what_no_request_may_hold_is_refused_before_the_work(
    options: tuple[str, ...], said: str, salvocast: Run
) -> None:
    done = salvocast("forecast", *options, "--issue")
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode().startswith(f"salvocast: {said}")
    assert done.stderr.count(b"\n") == 1
    assert issued() == []
