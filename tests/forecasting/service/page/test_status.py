"""The page /status says what `salvocast doctor` says."""

import asyncio
import json
import sys

import httpx
import pytest

from forecasting.service.page.status import Status, StatusCheck
from forecasting.service.page.view import status_page


def test_the_page_tells_what_the_command_finds(client: httpx.Client) -> None:
    assert 'href="/status"' in client.get("/").text
    told = client.get("/status")
    assert told.status_code == 200
    assert "<h1>Is all well?</h1>" in told.text
    assert "home disk" in told.text
    assert "last attack day known" in told.text
    assert "traceback" not in told.text.lower()
    assert "<h1>Чи все гаразд?</h1>" in client.get("/status?lang=uk").text


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("import sys; sys.exit('salvocast: no such command')", "salvocast: no such command"),
        ("print('no JSON')", "it said nothing"),
    ],
)
def test_a_command_that_fails_is_the_finding(program: str, found: str) -> None:
    (check,) = asyncio.run(Status((sys.executable, "-c", program)).checks())
    assert (check.health, check.found) == ("failure", found)


def test_who_asks_meanwhile_gets_what_was_found() -> None:
    """The second look gives the first one's process id: the command ran once."""
    check = {"name": "home", "health": "ok", "advice": ""}
    program = f"import json, os; print(json.dumps([{json.dumps(check)} | dict(found=str(os.getpid()))]))"

    async def twice() -> list[list[StatusCheck]]:
        status = Status((sys.executable, "-c", program))
        return list(await asyncio.gather(status.checks(), status.checks()))

    first, second = asyncio.run(twice())
    assert first == second


def test_the_worst_is_told_first_and_nothing_of_a_finding_is_taken_for_markup() -> None:
    checks = [StatusCheck(name="home", health="ok", found="fine"), StatusCheck(name="x", health="warning", found="<b>")]
    told = status_page(checks, "en")
    assert "Something needs a person." in told
    assert "&lt;b&gt;" in told
    assert "All is well." in status_page(checks[:1], "en")
