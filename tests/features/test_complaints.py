"""What is told on stderr: one line, whatever was given."""

import pytest

from features.complaints import complain


def test_what_was_given_steers_no_terminal_and_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("unknown theatre '\x1b[2Jnorth\nsalvocast: all is well\u202e'")
    assert capsys.readouterr().err == "salvocast: unknown theatre '\ufffd[2Jnorth salvocast: all is well\ufffd'\n"
