"""Telling somebody that something is wrong: by a webhook, by a command, or by both.

An alert that cannot be sent is told on stderr beside what it was about, and never takes its place.
"""

import logging
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass

NEEDS_A_PERSON = 3
"""Exit code of a command that did its work, and found something that somebody should see to."""
ATTEMPTS = 3
TIMEOUT_S = 10.0
"""For the webhook to connect, to take the message and to begin its answer, each; for the command to end."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What is wrong.

    name: of the kind of alarm, always the same. number: what was measured, such as failures in a row, None where that
    is not known, and limit: what it may be without an alarm. sentence: what failed, for a person. serves: which model
    still serves.
    """

    name: str
    number: float | None
    limit: float
    sentence: str
    serves: str

    @property
    def text(self) -> str:
        """All of it in one line."""
        number = "not counted" if self.number is None else f"{self.number:g}"
        return f"salvocast alert: {self.name} ({number}, limit {self.limit:g}). {self.sentence} {self.serves}"


def send(alert: Alert, webhook: str | None, command: Sequence[str] = (), *, first_wait_s: float = 1.0) -> list[str]:
    """Sends the alert wherever it can go; returns what went wrong with that, a line each, and raises nothing.

    webhook: http(s) address; it gets a POST of JSON with the fields of Alert and `text` (which Slack, Mattermost and
    the like show), up to ATTEMPTS times, while it cannot be reached, is busy (429) or fails (5xx). Its answer is not
    read. The address may hold a secret: no line names it. command: run without a shell, `text` on its stdin.
    """
    problems = []
    if webhook:
        problems += _post(alert, webhook, first_wait_s)
    if command:
        problems += _run(alert, command)
    return problems


class _TryAgainError(Exception):
    """The webhook may take it a moment later."""


def _post(alert: Alert, webhook: str, first_wait_s: float) -> list[str]:
    import httpx
    from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes down the address of every request

    @retry(
        retry=retry_if_exception_type((httpx.TransportError, _TryAgainError)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(first_wait_s),
        reraise=True,
    )
    def post() -> None:
        # Streamed and left unread, so that an answer without end holds nobody up.
        with httpx.stream("POST", webhook, json=asdict(alert) | {"text": alert.text}, timeout=TIMEOUT_S) as answer:
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
                raise _TryAgainError(f"it answered {answer.status_code}")
            if not answer.is_success:
                raise ValueError(f"it answered {answer.status_code}")

    try:
        post()
    except _TryAgainError as error:
        return [f"the alert's webhook failed {ATTEMPTS} times ({error}): see SALVOCAST_ALERT_URL"]
    except httpx.TransportError as error:
        return [f"the alert's webhook failed {ATTEMPTS} times ({type(error).__name__}): see SALVOCAST_ALERT_URL"]
    except ValueError as error:
        return [f"the alert's webhook refused ({error}): see SALVOCAST_ALERT_URL"]
    except httpx.InvalidURL:
        return ["the alert's webhook is no address: expected http:// or https:// in SALVOCAST_ALERT_URL"]
    return []


def _run(alert: Alert, command: Sequence[str]) -> list[str]:
    try:
        done = subprocess.run(
            command, input=alert.text + "\n", text=True, timeout=TIMEOUT_S, capture_output=True, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = type(error).__name__ if isinstance(error, subprocess.TimeoutExpired) else str(error)
        return [f"the alert's command {command[0]} failed ({reason}): see [alerts] in settings.toml"]
    if done.returncode:
        return [f"the alert's command {command[0]} ended with {done.returncode}: see [alerts] in settings.toml"]
    return []
