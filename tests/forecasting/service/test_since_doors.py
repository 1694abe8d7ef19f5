"""A `--since` that cannot be is one clear line, the same at command, API and page; so is what has changed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from features.errors import InputError
from forecasting.record.archive import Archive, Channel
from forecasting.report.language import translator
from tests.forecasting.conftest import Run
from tests.forecasting.service.in_process import in_process
from tests.forecasting.service.page.pages import page

ASKED = {"horizon": 7, "paths": 50, "model": "empirical_window"}
OPTIONS = ("plan", "--horizon", "7", "--paths", "50", "--model", "empirical_window")
QUERY = "?days=7&paths=50&model=empirical_window"
NOW = datetime(2026, 2, 28, 6, 30, tzinfo=UTC)


@pytest.fixture
def client(work: Path) -> Iterator[httpx.Client]:
    with in_process() as client:
        yield client


def test_a_since_that_cannot_be_is_one_line_at_every_door(client: httpx.Client, salvocast: Run, home: Path) -> None:
    def told_of(since: str) -> str:
        """The line, which every door tells; the page keeps its plan beside it, and tells it in Ukrainian too."""
        by_command = salvocast(*OPTIONS, "--since", since)
        assert (by_command.returncode, by_command.stdout) == (2, b"")
        line = by_command.stderr.decode()
        assert line.count("\n") == 1
        by_api = client.post("/api/v1/plan/changes", params={"since": since}, json=ASKED)
        assert by_api.status_code == 422
        assert line == f"salvocast: {by_api.json()['detail']}\n"
        for language in ("en", "uk"):
            shown = page(client, f"{QUERY}&since={since}&lang={language}")
            assert (shown.status, shown.all("ul", id="changes")) == (200, [])
            assert shown.cell("interceptor_drone")
            assert (by_api.json()["detail"] in shown.text) == (language == "en")
        with Archive.open(f"sqlite:///{home / 'ledger.db'}") as archive, pytest.raises(InputError) as error:
            archive.plan_of(since, "ukraine", "shahed")
        assert " ".join(translator("uk").error(error.value).split()) in shown.text
        return line

    assert "no plan of shahed against ukraine was issued yet: issue one first" in told_of("last")
    kept = client.post("/api/v1/plan", json=ASKED).content
    document = json.loads(kept)
    elsewhere = document | {"forecast": document["forecast"] | {"theatre": "south_korea"}}
    with Archive.open(f"sqlite:///{home / 'ledger.db'}") as archive:
        other, older = (
            archive.issue(
                json.dumps(each).encode(), request="{}", channel=Channel.CLI, model_version=None, issued_at=NOW
            )
            for each in (elsewhere, document | {"format": "salvocast/plan/1"})
        )
    assert "no issued plan has the id '0123456789ab': expected last, the id" in told_of("0123456789ab")
    assert "was issued until 2026-02-27" in told_of("2026-02-27")
    assert "'2026-02-31' is no date" in told_of("2026-02-31")
    assert "'yesterday': expected last" in told_of("yesterday")
    assert f"plan {other[:12]} is of shahed against theatre south_korea: expected one of" in told_of(other)
    assert f"plan {older[:12]} is of an older format: expected one of salvocast/plan/2" in told_of(older)


def test_what_has_changed_is_the_same_by_command_and_api(client: httpx.Client, salvocast: Run) -> None:
    then = client.post("/api/v1/plan", json=ASKED | {"origin": "2026-02-26"}).headers
    printed = json.loads(salvocast(*OPTIONS, "--since", "last", "--format", "json").stdout)["since"]
    answered = client.post("/api/v1/plan/changes", json=ASKED).raise_for_status()
    assert answered.json() == printed
    assert [each["attack_day"] for each in printed["new_reports"]] == ["2026-02-27", "2026-02-28"]
    by_id = client.post("/api/v1/plan/changes", params={"since": printed["id"][:8]}, json=ASKED)
    assert by_id.content == answered.content
    assert printed["id"] in then["Content-Location"]
