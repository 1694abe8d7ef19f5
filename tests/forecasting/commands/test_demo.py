"""`salvocast demo`: each command it shows is run, in their order, and nothing is left behind but a brief asked for."""

import os
import re
import tempfile
from datetime import date
from pathlib import Path

import pytest

from features.sources.bulletin import parse_bulletin
from forecasting.answers import local
from forecasting.commands import demo
from forecasting.commands.main import app, run

README = Path(__file__).parents[3] / "README.md"


def _undated(text: str) -> str:
    """Without id and day of issue: they are those of the day on which the demo is run."""
    return re.sub(r"\([0-9a-f]{12}\), issued on \S+", "", text)


def test_a_morning_from_bulletin_to_brief(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(local, "kyiv_today", lambda: date(2026, 7, 1))
    monkeypatch.setenv("SALVOCAST_LEDGER_URL", f"sqlite:///{tmp_path / 'ours.db'}")
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    assert run(app, ["demo", "--out", "brief.pdf"]) == 0
    said = capsys.readouterr().out

    commands = re.findall(r"^\$ salvocast (\w+)", said, re.MULTILINE)
    assert commands == ["plan", "ingest", "plan", "brief"]
    assert [*map(said.count, ("NOT FOR ORDERS: ", "ORDERS for 95 % safety", "1 added + 0 revised"))] == [2, 1, 1]
    changes = " ".join(said.partition("SINCE THE PLAN of 2026-04-29")[2].partition("\n# ")[0].split())
    assert "1 new report: 206 on 2026-04-30." in changes  # the last row of the bundled record
    assert re.search(r"- [\d,]+ -> [\d,]+ .* (because days have passed|by new reports)", changes)
    shown = README.read_text(encoding="utf-8").partition("$ salvocast demo\n")[2].partition("```")[0]
    assert [line for line in _undated(shown).splitlines() if line != "..." and line not in _undated(said)] == []
    assert max(map(len, said.splitlines())) <= 80

    assert (tmp_path / "brief.pdf").read_bytes().startswith(b"%PDF")
    assert [path.name for path in tmp_path.iterdir() if path != home] == ["brief.pdf"]
    assert not home.exists()
    assert (dict(os.environ), Path.cwd()) == (before, tmp_path)


def test_the_bulletin_says_what_was_left_out_of_the_ledger(home: Path) -> None:
    home.mkdir()
    [read] = parse_bulletin(demo._fill_ledger_but_last_night(), received=None).reports
    assert (read.launched, read.shot_down) == (206, 172)
    assert f"{read.window_start} {read.window_end}" == "2026-04-29 18:00:00 2026-04-30 08:00:00"


@pytest.mark.parametrize(
    ("out", "told"), [("brief.doc", "expected a name that ends in .pdf"), ("no/brief.pdf", "the folder no does not")]
)
def test_a_brief_that_cannot_be_written_is_refused_before_the_work(
    out: str, told: str, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run(app, ["demo", "--out", out]) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert told in said.err


def test_what_fails_on_the_way_is_told_and_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(demo, "FEW_PATHS", ("--paths", "0"))
    assert run(app, ["demo"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.glob("salvocast-demo*"))
