"""The log: one line for one event, in both formats, with nothing in it that is nobody's business."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from features.logs import HIDDEN, LogFormat, hider, log_timed, notify, pass_on, set_up_log, without_secrets

TOKEN = "tok-0123456789abcdefghijklmnop"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The log as it was before the test."""
    handlers = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers = handlers
    structlog.reset_defaults()


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of somebody with secrets in the environment."""
    home = tmp_path / "Оля ann"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SALVOCAST_TOKENS", f"ann:read+plan:{TOKEN}, bot:read:another:with:colons-{TOKEN}")
    monkeypatch.setenv("SALVOCAST_ALERT_URL", "https://hooks.example/T0/secret-path")
    monkeypatch.setenv("SALVOCAST_LEDGER_URL", "postgresql://ops:p%40ss-word@db/ledger")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "mlflow-password")
    return home


SECRETS = [TOKEN, f"another:with:colons-{TOKEN}", "https://hooks.example/T0/secret-path", "p%40ss-word", "p@ss-word"]


@pytest.mark.parametrize("log_format", LogFormat)
def test_no_secret_and_no_home_is_in_any_line_of_the_log(
    person: Path, log_format: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_log(log_format)
    told = [*SECRETS, "mlflow-password", str(person), person.as_uri()]
    log = structlog.get_logger()
    for each in told:
        log.info(f"event {each}", text=each, path=Path(each), nested={each: [each, (each,)]}, raw=each.encode())
        logging.getLogger("library").warning("a library says %s", each)
    try:
        raise ValueError(f"in {person} with {TOKEN}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("failed")
    written = capsys.readouterr().err
    for each in (*told, "Оля", person.name, "another:with"):
        assert each not in written
    assert written.count(HIDDEN) > 40
    assert "~" in written
    assert "ValueError" in written


def test_json_is_one_object_a_line_with_level_time_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(LogFormat.JSON)
    set_up_log(LogFormat.JSON)  # twice is once
    structlog.get_logger().info("kept", run="abc", n=3, share=0.5, none=None, late=True)
    logging.getLogger("library").warning("told\nin two lines")
    logging.getLogger("library").info("chatter")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first.pop("timestamp").endswith("Z")
    assert first == {"event": "kept", "level": "info", "run": "abc", "n": 3, "share": 0.5, "none": None, "late": True}
    assert (second["event"], second["level"]) == ("told\nin two lines", "warning")


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(LogFormat.TEXT)
    structlog.get_logger().info("kept", run="abc")
    (line,) = capsys.readouterr().err.splitlines()
    assert "[info     ] kept" in line
    assert line.endswith("run=abc")


def test_a_block_is_logged_with_its_duration_and_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(LogFormat.JSON)
    with log_timed("retrain", theatre="ukraine") as fields:
        fields["digest"] = "d1"
    with pytest.raises(OSError, match="gone"), log_timed("retrain", theatre="ukraine"):
        raise OSError("gone")
    done, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert (done["event"], done["level"], done["theatre"], done["digest"]) == ("retrain", "info", "ukraine", "d1")
    assert 0 <= done["seconds"] < 60
    assert (failed["event"], failed["level"], failed["error"]) == ("retrain", "error", "gone")
    assert 0 <= failed["seconds"] < 60


@given(before=st.text(), user=st.from_regex(r"[a-z]*", fullmatch=True), after=st.text())
def test_passwords_in_any_address_are_hidden(before: str, user: str, after: str) -> None:
    hide = hider({}, None)
    assert f"://{user}:{HIDDEN}@" in hide(f"{before} https://{user}:s3cret-word@host/{after}")
    assert "s3cret-word" not in hide(f"{before} https://{user}:s3cret-word@host/{after}")


@given(st.text(alphabet="abc:/@ ~"))
def test_what_is_no_secret_is_left(text: str) -> None:
    assert hider({"SALVOCAST_TOKENS": "", "SALVOCAST_ALERT_URL": ""}, Path("/"))(text.replace("@", "")) == text.replace(
        "@", ""
    )


def test_an_address_that_is_none_and_a_user_without_a_home_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://[broken")
    assert without_secrets("http://[broken /tmp") == "http://[broken /tmp"


@pytest.mark.parametrize("log_format", [None, LogFormat.TEXT])
def test_a_person_is_told_lines_as_they_are(
    person: Path, log_format: LogFormat | None, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_log(log_format)
    notify("alert", f"it failed with {TOKEN}", number=2)
    pass_on("first\n\n{}\n")
    assert capsys.readouterr().err == f"it failed with {HIDDEN}\nfirst\n\n{{}}\n"


def test_in_a_log_of_json_lines_are_events_and_those_of_another_log_stay(
    person: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_log(LogFormat.JSON)
    notify("alert", f"it failed with {TOKEN}", number=2)
    pass_on('first\n\n{"event": "retrain"}\n')
    alert, first, retrain = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (alert["event"], alert["level"], alert["number"]) == ("alert", "warning", 2)
    assert alert["text"] == f"it failed with {HIDDEN}"
    assert (first["event"], first["text"]) == ("output", "first")
    assert retrain == {"event": "retrain"}
