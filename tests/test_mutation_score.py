"""What `make mutants` counts as noticed."""

import json
from pathlib import Path

import pytest

from tests.mutation_score import main


def written(folder: Path, codes: list[int | None]) -> None:
    folder.joinpath("scores.py.meta").write_text(json.dumps({"exit_code_by_key": dict(enumerate(codes))}))


def test_failures_and_time_limits_are_noticed_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, timed_out, survived, without_tests, not_run = 1, 36, 0, 33, None
    written(tmp_path, [*[failed] * 7, timed_out, survived, without_tests])
    assert main(tmp_path) == 0
    assert capsys.readouterr().out.splitlines() == [
        "scores.py                         80.0% of   10 mutants noticed; 2 survived",
        "each at or above 80%",
    ]
    written(tmp_path, [*[failed] * 7, survived, without_tests, not_run])
    assert main(tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "scores.py                         70.0% of   10 mutants noticed; 2 survived, 1 not run",
        "BELOW 80%",
    ]


def test_a_run_that_made_no_mutant_is_no_success(tmp_path: Path) -> None:
    assert main(tmp_path) == 1
