"""Answers of a command: the same plan is computed once, and anew as soon as anything that it rests on is another."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features import release
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from features.stocks import StockCount
from forecasting.answers import local
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.local import answer_key, local_document
from forecasting.answers.request import ForecastRequest, PlanRequest
from forecasting.registry.learned import learned_folder
from forecasting.report.document import document_json
from forecasting.salvos import model as models

SHORT: dict[str, Any] = {"horizon": 5, "paths": 40, "model": "local_level"}
THEN = AnswerContext(asked_on=date(2026, 3, 1))


@pytest.fixture
def ledger_file(home: Path, filled_ledger: Path) -> str:
    home.mkdir()
    shutil.copy(filled_ledger, home / "ledger.db")
    return f"sqlite:///{home / 'ledger.db'}"


def test_the_same_plan_is_computed_once_and_has_the_bytes_of_the_computed_one(
    ledger_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []
    answered = Answerer.document

    def counted(self: Answerer, request: ForecastRequest, *rest: Any) -> Any:
        computed.append(request)
        return answered(self, request, *rest)

    monkeypatch.setattr(Answerer, "document", counted)
    with Ledger.open(ledger_file) as ledger:

        def asked(**given: Any) -> bytes:
            return document_json(local_document(ledger, PlanRequest(**SHORT | given), THEN))

        first = asked()
        assert first == document_json(local.local_answering(ledger).document(PlanRequest(**SHORT), THEN))
        computed.clear()
        assert asked() == first
        assert not computed
        assert asked(seed=2) != first
        assert len(computed) == 1
        (kept,) = (path for path in learned_folder().iterdir() if first in path.read_bytes())
        kept.write_bytes(kept.read_bytes().replace(b'"seed": 1', b'"seed": 3'))  # somebody edits it
        assert asked() == first
        assert len(computed) == 2
        shutil.rmtree(learned_folder())  # and removes it all
        assert asked() == first
        assert len(computed) == 3


def test_the_key_tells_all_that_an_answer_rests_on(ledger_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now, night = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 2, 28, 18)
    report = SalvoReport(window_start=night, window_end=night + timedelta(hours=14), launched=7, source="table")
    request = PlanRequest(**SHORT)
    with Ledger.open(ledger_file) as ledger:
        keys = [answer_key(ledger, request, THEN)]
        assert answer_key(ledger, PlanRequest(**SHORT), replace(THEN)) == keys[0]
        keys.append(answer_key(ledger, PlanRequest(**SHORT | {"service_level": 0.9}), THEN))
        keys.append(answer_key(ledger, ForecastRequest(**SHORT), THEN))
        keys.append(answer_key(ledger, request, AnswerContext(asked_on=date(2026, 3, 2))))
        ledger.ingest(Reading("table", "one", iter([report])), now)
        keys.append(answer_key(ledger, request, THEN))
        ledger.undo(max(row["id"] for row in ledger.batches()), "misread", now)
        keys.append(answer_key(ledger, request, THEN))
        ledger.count_stocks([StockCount("ukraine", "interceptor_drone", 9, date(2026, 2, 28), now, "a count")], now)
        keys.append(answer_key(ledger, request, THEN))
        for name in ("code_version", "version"):
            monkeypatch.setattr(release, name, lambda *_, told=name: told)
            keys.append(answer_key(ledger, request, THEN))
        monkeypatch.setattr(local, "bundled_digest", lambda: "others")
        keys.append(answer_key(ledger, request, THEN))
        monkeypatch.setitem(models.MODELS, "own", "json:JSONDecoder")  # a model of another package, and its code
        keys.append(answer_key(ledger, request, THEN))
        monkeypatch.setattr(local, "module_digest", lambda _: "edited")
        keys.append(answer_key(ledger, request, THEN))
    assert len(set(keys)) == len(keys)
