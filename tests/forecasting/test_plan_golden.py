"""The plan that a planner gets without any option, number by number and line by line.

A change that is meant: SALVOCAST_REWRITE_GOLDEN=1 .venv/bin/python -m pytest tests/forecasting/test_plan_golden.py
rewrites the two files in `golden/`; read their diff before committing it.
"""

import json
import os
import re
from pathlib import Path

import pytest

from forecasting.plan import Plan
from forecasting.report.document import plan_document
from forecasting.report.text import document_text

GOLDEN = Path(__file__).parent / "golden"


def _compare(path: Path, made: str) -> None:
    if os.environ.get("SALVOCAST_REWRITE_GOLDEN") == "1":
        path.write_text(made, encoding="utf-8")
        pytest.skip(f"{path.name} was rewritten: read the diff")
    # Text against text: the shortest decimal form of a float is exact.
    assert made.splitlines() == path.read_text(encoding="utf-8").splitlines()


def test_the_document(bundled_plan: Plan) -> None:
    document = plan_document(bundled_plan).model_dump(mode="json")
    versions = document["forecast"].pop("versions")
    assert set(versions) == {"python", "salvocast", "numpy", "scipy", "statsmodels"}
    _compare(GOLDEN / "plan.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def test_the_table(bundled_plan: Plan) -> None:
    text = document_text(plan_document(bundled_plan))
    text, replaced = re.subn(r"\bsalvocast \d\S*", "salvocast VERSION", text)
    assert replaced == 1
    _compare(GOLDEN / "plan.txt", text + "\n")
