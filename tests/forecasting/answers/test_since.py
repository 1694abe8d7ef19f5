"""What has changed since an issued plan: parts that add up, each by the cause that was changed, in one line each."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import InputError
from features.ledger import Ledger
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.answers.since import changes_since
from forecasting.record.archive import Archive, Channel
from forecasting.report.document import PlanDocument, document_json
from forecasting.report.since_document import CAUSES, SinceDocument
from forecasting.report.text import short_text
from tests.forecasting.conftest import Run

THEN = PlanRequest(model="empirical_window", paths=200, origin=date(2026, 2, 26), horizon=14)
NOW = THEN.model_copy(update={"origin": date(2026, 2, 28)})
CONTEXT = AnswerContext()
ISSUED_AT = datetime(2026, 2, 27, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def answerer(filled_ledger: Path) -> Iterator[Answerer]:
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        yield Answerer(ledger, lambda digest: pytest.fail(digest), lambda: date(2026, 3, 2))


@pytest.fixture
def since(answerer: Answerer, home: Path) -> Any:
    """since(request): what has changed to it, of the plan of THEN, which was issued."""
    home.mkdir(exist_ok=True)

    def changes(request: PlanRequest, before: PlanRequest = THEN, **altered: Any) -> tuple[SinceDocument, PlanDocument]:
        then = answerer.document(before, CONTEXT)
        assert isinstance(then, PlanDocument)
        if altered:
            then = then.model_copy(update={"forecast": then.forecast.model_copy(update=altered)})
        with Archive.open(f"sqlite:///{home / 'archive.db'}") as archive:
            archive.issue(
                document_json(then),
                request=before.canonical,
                channel=Channel.CLI,
                model_version=None,
                issued_at=ISSUED_AT,
            )
            issued = archive.plan_of("last", "ukraine", "shahed")
        now = answerer.document(request, CONTEXT)
        assert isinstance(now, PlanDocument)
        return changes_since(answerer, CONTEXT, request, now, issued), now

    return changes


def test_parts_add_up_and_each_cause_is_found(since: Any) -> None:
    changed = {"stock": {"short_range_missile": 5}, "without": ("helicopter",), "service_level": 0.8}
    found, now = since(NOW.model_copy(update=changed))
    causes = {cause for change in found.changes for cause in change.parts}
    assert causes == {"day_passed", "new_reports", "stock", "defence", "asked"}
    orders = {layer.layer: layer.order.quantity for layer in now.layers if layer.order}
    for change in found.changes:
        assert change.before + sum(change.parts.values()) == pytest.approx(change.after, abs=1e-9)
        assert [*change.parts] == [cause for cause in CAUSES if cause in change.parts]
        if change.layer is not None:
            assert change.after == orders[change.layer]
    [missiles] = [change for change in found.changes if change.layer == "short_range_missile"]
    assert missiles.parts["stock"] > 0  # five are fewer than stated
    [drones] = [change for change in found.changes if change.layer is None]
    assert drones.parts.keys() <= {"day_passed", "new_reports"}  # no defence changes what is launched
    assert [each.attack_day for each in found.new_reports] == [date(2026, 2, 27), date(2026, 2, 28)]


def test_the_same_again_has_not_changed(since: Any) -> None:
    found, now = since(THEN)
    assert found.changes == []
    assert found.new_reports == []
    assert "Nothing else has changed." in short_text(now.model_copy(update={"since": found}))


def test_what_only_the_request_changes_is_no_new_report(since: Any) -> None:
    found, _ = since(THEN.model_copy(update={"service_level": 0.8}))
    assert {cause for change in found.changes for cause in change.parts} == {"asked"}


def test_another_program_is_a_cause_of_its_own(since: Any, answerer: Answerer) -> None:
    then = answerer.document(THEN, CONTEXT)
    assert isinstance(then, PlanDocument)
    *others, last = then.forecast.windows
    total = last.total_drones.model_copy(update={"median": last.total_drones.median + 100})
    found, _ = since(THEN, windows=[*others, last.model_copy(update={"total_drones": total})])
    assert [(change.layer, change.parts) for change in found.changes] == [(None, {"program": -100.0})]


@pytest.mark.parametrize("language", ["en", "uk"])
def test_it_is_told_in_words(language: str, since: Any) -> None:
    found, now = since(NOW)
    text = " ".join(short_text(now.model_copy(update={"since": found}), language).split())
    assert {"en": "SINCE THE PLAN of 2026-02-26", "uk": "ВІД ПЛАНУ станом на 2026-02-26"}[language] in text
    [drones] = [change for change in found.changes if change.layer is None]
    if language == "en":
        assert f"- {drones.before:,.0f} -> {drones.after:,.0f} drones over the whole horizon: " in text
        assert "by new reports" in text
        assert "2 new reports: " in text


def test_a_waiting_history_knows_no_more(answerer: Answerer) -> None:
    waiting = answerer.history(NOW, replace(CONTEXT, reported_until=THEN.origin))
    then = answerer.history(THEN, CONTEXT)
    assert waiting.last_day == NOW.origin
    assert waiting.last_known_day == then.last_known_day
    assert waiting.known.tolist() == then.known.tolist()


def test_a_since_that_cannot_be_is_one_line(since: Any, home: Path) -> None:
    since(THEN)
    with Archive.open(f"sqlite:///{home / 'archive.db'}") as archive:
        old = archive.plan_of("last", "ukraine", "shahed")
        assert (
            archive.plan_of(old.id[:8], "ukraine", "shahed")
            == archive.plan_of("2026-02-27", "ukraine", "shahed")
            == old
        )
        for wanted, theatre, told in (
            ("last", "south_korea", "no plan of shahed against south_korea was issued yet"),
            ("2026-02-26", "ukraine", "no plan of shahed against ukraine was issued until 2026-02-26"),
            ("2026-02-31", "ukraine", "'2026-02-31' is no date"),
            ("0123456789ab", "ukraine", "no issued plan has the id '0123456789ab'"),
            ("yesterday", "ukraine", "'yesterday': expected last, the id of an issued plan, or a date"),
            (old.id, "south_korea", f"plan {old.id[:12]} is of shahed against theatre ukraine"),
        ):
            with pytest.raises(InputError, match=told):
                archive.plan_of(wanted, theatre, "shahed")
        older = document_json(PlanDocument.model_validate_json(old.document)).replace(b"plan/2", b"plan/1")
        identity = archive.issue(
            older, request=old.request, channel=Channel.CLI, model_version=None, issued_at=ISSUED_AT
        )
        with pytest.raises(InputError, match="is of an older format: expected one of salvocast/plan/2"):
            archive.plan_of(identity, "ukraine", "shahed")


def test_the_command_tells_it(salvocast: Run) -> None:
    short = ("plan", "--paths", "50", "--horizon", "7", "--model", "empirical_window")
    missing = salvocast(*short, "--since", "last")
    assert (missing.returncode, missing.stdout) == (2, b"")
    assert len(missing.stderr.decode().splitlines()) == 1
    assert salvocast(*short, "--origin", "2026-02-27", "--issue").returncode == 0
    done = salvocast(*short, "--since", "last")
    assert done.returncode == 0
    assert b"SINCE THE PLAN of 2026-02-27" in done.stdout
    assert b"--since is of plans" in salvocast("forecast", "--paths", "50", "--since", "last").stderr
