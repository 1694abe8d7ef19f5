"""`salvocast plan` and `salvocast forecast`: results alone on stdout, failures in one line on stderr."""

import json
import os
import subprocess
from collections.abc import Callable
from importlib.metadata import distribution
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from openpyxl import load_workbook

from forecasting.report.schema import published_schema

Completed = subprocess.CompletedProcess[bytes]
Run = Callable[..., Completed]
SHORT = ("--paths", "50", "--horizon", "7")
COMMANDS = ("plan", "forecast")


def succeeded(done: Completed) -> bytes:
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout


def failed(done: Completed, exit_code: int) -> str:
    """The one line on stderr; nothing else may have been said."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode == exit_code, lines
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    assert lines[0].startswith("salvocast: ")
    assert done.stdout == b""
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_json_alone_is_on_stdout(command: str, installed: Run) -> None:
    done = installed(command, *SHORT, "--format", "json")
    [told] = done.stderr.decode().splitlines()  # by the clock of today the record is old
    assert told.startswith("salvocast: NOT FOR ORDERS: The record used ends on 2026-02-28, ")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    Draft202012Validator(json.loads(published_schema(command))).validate(document)
    head = document.get("forecast", document)
    assert (head["horizon"], head["n_paths"], head["origin"], head["seed"]) == (7, 50, "2026-02-28", 1)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_is_the_default(command: str, salvocast: Run) -> None:
    text = succeeded(salvocast(command, *SHORT)).decode()
    assert text.startswith(f"Salvocast {command}: Shahed-type drones, theatre Ukraine, 7 attack days\n")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_csv_on_stdout(command: str, salvocast: Run) -> None:
    frame = pd.read_csv(BytesIO(succeeded(salvocast(command, *SHORT, "--format", "csv"))))
    assert list(frame.columns) == ["table", "item", "measure", "value", "basis"]
    assert set(frame["basis"]) == {"record"}
    assert (frame["table"] == "days").sum() == 7 * 20


@pytest.mark.parametrize("command", COMMANDS)
def test_a_workbook_and_a_picture_in_files(command: str, salvocast: Run, work: Path) -> None:
    options = ("--format", "xlsx", "--out", "result.xlsx", "--plot", "picture.png")
    assert succeeded(salvocast(command, *SHORT, *options)) == b""
    sheets = load_workbook(work / "result.xlsx").sheetnames
    assert sheets[:2] == ["summary", "about"]
    assert {"totals", "days"} <= set(sheets)
    assert ("orders" in sheets) == (command == "plan")
    assert (work / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in work.iterdir()) == ["picture.png", "result.xlsx"]  # nothing half done


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".html", b"<!doctype html>")])
def test_other_pictures(suffix: str, start: bytes, salvocast: Run, work: Path) -> None:
    table = succeeded(salvocast("forecast", *SHORT, "--plot", f"picture{suffix}"))
    assert table.startswith(b"Salvocast forecast")
    assert (work / f"picture{suffix}").read_bytes().startswith(start)


def test_a_file_holds_what_stdout_would_and_replaces_what_was_there(salvocast: Run, work: Path) -> None:
    on_stdout = succeeded(salvocast("plan", *SHORT, "--format", "json"))
    (work / "plan.json").write_text("old")
    assert succeeded(salvocast("plan", *SHORT, "--format", "json", "--out", "plan.json")) == b""
    assert (work / "plan.json").read_bytes() == on_stdout
    assert [path.name for path in work.iterdir()] == ["plan.json"]
    umask = os.umask(0)
    os.umask(umask)
    assert (work / "plan.json").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_failure_leaves_the_file_that_was_there(salvocast: Run, work: Path) -> None:
    (work / "plan.json").write_text("old")
    failed(salvocast("plan", *SHORT, "--format", "json", "--out", "plan.json", "--service-level", "100"), 2)
    assert (work / "plan.json").read_text() == "old"
    assert [path.name for path in work.iterdir()] == ["plan.json"]


def test_a_terminal_without_letters_beyond_ascii_and_without_colours_gets_none(
    salvocast: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "70")
    text = succeeded(salvocast("plan", *SHORT, "--full")).decode()
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 70


def test_the_seed_decides(salvocast: Run) -> None:
    first, again, other = (
        succeeded(salvocast("forecast", *SHORT, "--format", "json", "--seed", seed)) for seed in ("5", "5", "6")
    )
    assert first == again
    assert json.loads(first)["days"] != json.loads(other)["days"]


def test_an_origin_in_the_past_uses_what_was_known_then(salvocast: Run) -> None:
    done = salvocast("forecast", *SHORT, "--format", "json", "--origin", "2025-06-30")
    assert b"NOT FOR ORDERS: The record used ends on 2025-06-30, 244 days before 2026-03-01" in done.stderr
    document = json.loads(done.stdout)
    assert document["origin"] == "2025-06-30"
    assert document["last_attack_day_known"] <= "2025-06-30"
    assert document["days"][0]["attack_day"] == "2025-07-01"


@pytest.mark.slow
def test_the_model_is_that_of_the_option(salvocast: Run) -> None:
    options = ("--model", "negative_binomial", "--format", "json")
    assert json.loads(succeeded(salvocast("forecast", *SHORT, *options)))["model_id"] == "negative_binomial"


def test_layers_can_be_chosen(salvocast: Run) -> None:
    options = ("--layer", "interceptor_drone", "--layer", "fighter", "--format", "json")
    layers = json.loads(succeeded(salvocast("plan", *SHORT, *options)))["layers"]
    assert [layer["layer"] for layer in layers] == ["fighter", "interceptor_drone"]


def test_own_stocks_deliveries_and_a_target(salvocast: Run, work: Path) -> None:
    (work / "stock.csv").write_text("layer,quantity\ninterceptor_drone,250\n")
    (work / "due.csv").write_text("layer,date,quantity\ninterceptor_drone,2026-03-02,40\nfighter,2026-03-03,9\n")
    options = ("--stock", "stock.csv", "--deliveries", "due.csv", "--layer", "interceptor_drone", "--format", "json")
    plan, stated = (
        json.loads(succeeded(salvocast("plan", *SHORT, *chosen)))
        for chosen in ((*options, "--leak-target", "400", "--budget", "1000000"), options[4:])
    )
    mine, without = plan["layers"][0], stated["layers"][0]
    assert {interval["low"] for interval in mine["opening_stock"]["intervals"]} == {250}
    assert mine["supply"]["median"] == without["supply"]["median"] + 40
    assert (plan["requirement"]["leak_target"], plan["requirement"]["budget_usd"]) == (400, 1e6)
    assert stated["requirement"] is None
    assert any(source["title"] == "stock as given in the request" for source in plan["sources"])


def test_a_defence_can_be_taken_as_stated(salvocast: Run) -> None:
    held, stated = (
        json.loads(succeeded(salvocast("plan", *SHORT, "--format", "json", *chosen)))
        for chosen in ((), ("--no-calibrate",))
    )
    assert held["calibration"]["n_nights"] == 168
    assert stated["calibration"] is None
    assert stated["notes"] == [{"code": "not_calibrated", "values": {}}]


def test_a_plan_under_a_scenario(salvocast: Run) -> None:
    asked = ("plan", "--scenario", "workers_25000", "--horizon", "120", "--paths", "100")
    said = " ".join(succeeded(salvocast(*asked, "--full")).decode().split())
    assert said.startswith(
        "Salvocast plan: Shahed-type drones, theatre Ukraine, 120 attack days, scenario workers_25000 "
    )
    assert "PRODUCTION: scenario workers_25000: 2,000 a month rising to 5,000 with 25,000 foreign workers" in said
    assert "No path launches more than its stock and output." in said
    assert "Order for 95 % safety of each stock through 2026-06-28:" in said


OWN = """
[defence]
name = "own"
title = "Our own"
theatre = "ukraine"
as_of = 2026-02-28
about = "Ours."
[[layer]]
id = "jammer"
name = "Jammer"
"""
RANGE = """low = 0.5
mode = 0.5
high = 0.5
basis = "assumed"
sources = []
date = 2026-02-28
confidence = "D"
note = ""
"""
for _name, _value in {"engaged_share": 0.5, "kill_probability": 0.5, "engagements_per_night": 40}.items():
    OWN += f"[layer.{_name}]\n{RANGE.replace('0.5', str(_value))}"


def test_a_defence_of_ones_own(salvocast: Run, work: Path) -> None:
    (work / "own.toml").write_text(OWN)
    document = json.loads(succeeded(salvocast("plan", *SHORT, "--defence", "own.toml", "--format", "json")))
    assert (document["defence"], [layer["layer"] for layer in document["layers"]]) == ("Our own", ["jammer"])


def test_an_empty_ledger_is_filled_with_what_is_bundled_and_that_is_told(salvocast: Run, home: Path) -> None:
    (home / "ledger.db").unlink()
    done = salvocast("forecast", *SHORT, "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["origin"] == "2026-04-30"
    assert done.stderr.decode().splitlines() == [
        "the ledger was empty: ingested the 1,861 reports bundled with salvocast"
    ]


@pytest.mark.parametrize("document", ["plan", "forecast"])
def test_the_schema_is_printed(document: str, salvocast: Run) -> None:
    assert succeeded(salvocast("schema", document)).decode() == published_schema(document)


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "origin is no date": (
        ("forecast", "--origin", "yesterday"),
        '--origin: expected a date such as 2026-02-28 (given "yesterday")',
    ),
    "origin before the first report": (("forecast", "--origin", "2020-01-01"), "before the first report"),
    "origin too far ahead": (("plan", "--origin", "2028-06-01"), "after the last attack day known"),
    "too little history": (("forecast", "--origin", "2022-10-01", "--quiet-days", "none"), "known attack days"),
    "layer": (("plan", "--layer", "interceptor_dron"), "did you mean interceptor_drone"),
    "model": (("plan", "--model", "negative_binomal"), "did you mean negative_binomial"),
    "theatre": (("forecast", "--theatre", "ukrain"), "did you mean ukraine"),
    "theatre of a scenario": (
        ("plan", "--theatre", "south_korea"),
        "no launch against theatre south_korea is on record: expected a scenario that gives it a forecast: north_",
    ),
    "horizon": (("plan", "--horizon", "731"), "--horizon: expected at most 730 (given 731)"),
    "horizon zero": (("forecast", "--horizon", "0"), "--horizon: expected at least 1 (given 0)"),
    "horizon is no number": (("forecast", "--horizon", "week"), "--horizon: 'week': expected a number"),
    "horizon may be two": (("plan", "--horizon", "1.000"), "--horizon: '1.000' may be 1 or 1000: write 1 or 1000"),
    "paths may be two": (("plan", "--paths", "2,000"), "--paths: '2,000' may be 2 or 2000: write 2 or 2000"),
    "paths": (("forecast", "--paths", "1000001"), "--paths: expected at most 1,000,000 (given 1000001)"),
    "seed": (("plan", "--seed", "-1"), "--seed: expected at least 0 (given -1)"),
    "format": (("plan", "--format", "pdf"), "pdf"),
    "quiet days": (("forecast", "--quiet-days", "some"), "some"),
    "workbook on stdout": (("plan", "--format", "xlsx"), "--format xlsx needs a file: add --out FILE.xlsx"),
    "plot": (("plan", "--plot", "picture.pdf"), "expected a name that ends in .png, .svg, .html"),
    "no such folder": (("plan", "--out", "nowhere/plan.txt"), "the folder nowhere does not exist"),
    "out is a folder": (("plan", "--out", "."), "it is a folder"),
    "service level": (("plan", "--service-level", "100"), "--service-level: '100': expected more than 0 and less"),
    "not what its name says": (("plan", "--out", "plan.xlsx"), "--out plan.xlsx would not be what its name says: add"),
    "service level may be two": (("plan", "--service-level", "1"), "--service-level: '1' may be 1 % or 100 %"),
    "service level without stocks": (
        ("plan", "--layer", "electronic_warfare", "--service-level", "nan"),
        "--service-level: 'nan': expected a number",
    ),
    "layer of the stock": (
        ("plan", "--stock", "other.csv"),
        "other.csv: row 1: unknown layer with interceptors 'jammer'",
    ),
    "no stock file": (("plan", "--stock", "missing.csv"), "cannot read missing.csv: No such file"),
    "stock not text": (("plan", "--stock", "binary.toml"), "is not UTF-8 text (byte 0): expected a CSV file"),
    "delivery before the origin": (
        ("plan", "--deliveries", "late.csv"),
        "the delivery of 2026-02-28 to layer fighter is not after the origin, 2026-02-28",
    ),
    "deliveries without a day": (("plan", "--deliveries", "other.csv"), "expected one column 'date' in the first row"),
    "leak target": (
        ("plan", "--leak-target", "-1"),
        "--leak-target: expected at least 0 (given -1)",
    ),
    "budget": (("plan", "--leak-target", "5", "--budget", "-1"), "--budget: expected more than 0 (given -1)"),
    "no defence file": (("plan", "--defence", "missing.toml"), "cannot read missing.toml: No such file"),
    "defence is a folder": (("plan", "--defence", "."), "cannot read"),
    "defence with a typo": (("plan", "--defence", "typo.toml"), "typo.toml: layer jammer.engaged_sahre: unknown key"),
    "defence not TOML": (("plan", "--defence", "not.toml"), "not.toml is not TOML"),
    "defence not text": (("plan", "--defence", "binary.toml"), "is not UTF-8 text (byte 0)"),
    "all of what is no table": (("plan", "--full", "--format", "csv"), "--full is of the table"),
    "option": (("plan", "--horizons", "7"), "--horizons"),
    "command": (("forcast",), "forcast"),
    "schema": (("schema", "plam"), "did you mean plan"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(mistake: str, salvocast: Run, work: Path) -> None:
    (work / "typo.toml").write_text(OWN.replace("engaged_share", "engaged_sahre"))
    (work / "not.toml").write_text("so what")
    (work / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (work / "other.csv").write_text("layer,quantity\njammer,5\n")
    (work / "late.csv").write_text("layer,date,quantity\nfighter,2026-02-28,5\n")
    before = sorted(work.iterdir())
    arguments, told = MISTAKES[mistake]
    short = (
        ()
        if mistake in {"command", "schema", "paths", "paths may be two"} or "--horizon" in arguments
        else ("--paths", "20")
    )
    assert told in failed(salvocast(*arguments, *short), 2)
    assert sorted(work.iterdir()) == before


def test_a_ledger_that_is_no_database_is_exit_code_1(salvocast: Run, home: Path) -> None:
    (home / "ledger.db").write_bytes(b"this is not a database, by far " * 50)
    assert "the ledger sqlite:///" in failed(salvocast("forecast", *SHORT), 1)
    assert (home / "ledger.db").read_bytes().startswith(b"this is not")


def test_an_unexpected_failure_is_one_line_too(installed: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A module of the same name in front of openpyxl stands for any broken installation."""
    (tmp_path / "openpyxl.py").write_text("raise RuntimeError('broken\\ninstallation')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    line = failed(installed("forecast", *SHORT, "--format", "xlsx", "--out", "forecast.xlsx"), 1)
    assert "unexpected RuntimeError: broken installation (SALVOCAST_DEBUG=1 shows where)" in line


def test_without_a_command_it_shows_what_one_does(salvocast: Run, installed: Run) -> None:
    from_other_rooms = distribution("salvocast").entry_points.select(group="salvocast.commands").names
    said = succeeded(salvocast()).decode()
    steps = [line.split("  ")[1] for line in said.splitlines() if line.startswith("  ")]
    assert len(steps) == 5
    assert max(map(len, said.splitlines())) <= 80
    for step in steps:  # each is a command that there is
        words = [word for word in step.split()[1:] if word.islower() and not word.startswith("-")]
        asked = installed if words[0] in from_other_rooms else salvocast
        assert succeeded(asked(*words[: 1 + (words[0] == "ingest")], "--help"))


def test_help(salvocast: Run, installed: Run) -> None:
    text = succeeded(installed("--help")).decode()
    assert text.startswith("Usage: salvocast")
    assert all(command in text for command in ("plan", "forecast", "backtest", "ingest", "data", "schema"))
    for command in ("plan", "forecast"):
        assert succeeded(salvocast(command, "--help")).startswith(b"Usage: salvocast " + command.encode())
    assert succeeded(installed("backtest", "--help")).startswith(b"Usage: salvocast backtest")


@pytest.mark.slow
def test_the_numbers_of_the_command_are_those_of_the_library(salvocast: Run, bundled_plan: object) -> None:
    from forecasting.plan import Plan
    from forecasting.report.document import plan_document
    from forecasting.report.frames import long_frame

    assert isinstance(bundled_plan, Plan)
    text = succeeded(salvocast("plan", "--model", "empirical_window", "--format", "csv")).decode()
    expected = long_frame(plan_document(bundled_plan)).to_csv(index=False, lineterminator="\n")
    pd.testing.assert_frame_equal(pd.read_csv(StringIO(text)), pd.read_csv(StringIO(expected)))
    assert text == expected


@pytest.mark.parametrize(
    ("threats", "told"),
    [
        ("shahed,balistic", "unknown class of weapon 'balistic': did you mean ballistic"),
        ("cruise", "--threats: expected shahed among them"),
        ("shahed,cruise=lots", "--threats: 'cruise=lots': expected a class of weapon, or one with a rate"),
    ],
)
def test_a_raid_that_cannot_be_is_told(threats: str, told: str, salvocast: Run) -> None:
    assert told in failed(salvocast("plan", *SHORT, "--threats", threats), 2)


def test_a_raid_in_json_follows_the_schema_and_has_every_class(salvocast: Run) -> None:
    made = salvocast(
        "plan", *SHORT, "--model", "empirical_window", "--threats", "shahed,cruise=40/week", "--format", "json"
    )
    document = json.loads(succeeded(made))
    Draft202012Validator(json.loads(published_schema("plan"))).validate(document)
    assert [(each["weapon_class"], each["stated_per_week"]) for each in document["raid"]] == [
        ("shahed", None),
        ("cruise", 40),
    ]
