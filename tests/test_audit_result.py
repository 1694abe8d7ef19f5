"""What `make audit` takes for an answer, and for a vulnerability."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit_result import main

CLEAN = {"name": "numpy", "version": "2.4.0", "vulns": []}
SKIPPED = {"name": "salvocast", "skip_reason": "not on the index"}
BAD = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.4", "3.2"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "told"),
    [
        ([CLEAN, SKIPPED], 0, ["audited: 1 of 2 packages, 0 known vulnerabilities"]),
        ([CLEAN, BAD], 1, ["jinja2 3.1.0 PYSEC-1 3.1.4 3.2", "audited: 2 of 2 packages, 1 known vulnerabilities"]),
        ([SKIPPED], 0, ["NOT AUDITED: the advisory service cannot be reached from here, or knows none of our "]),
    ],
)
def test_only_answers_count(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    packages: list[dict[str, Any]],
    code: int,
    told: list[str],
) -> None:
    report = tmp_path / "audit.json"
    report.write_text(json.dumps({"dependencies": packages}), encoding="utf-8")
    assert main(report) == code
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(told)
    assert all(line.startswith(beginning) for line, beginning in zip(lines, told, strict=True))


def test_no_report_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path / "audit.json") == 0
    assert capsys.readouterr().out.startswith("NOT AUDITED: ")
