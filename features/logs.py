"""The log of a command: one event a line on stderr, as text or as JSON, without secrets and the person's home."""

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from urllib.parse import quote, unquote, urlsplit

import typer

if TYPE_CHECKING:
    from structlog.types import EventDict, Processor

HIDDEN = "***"
_SECRETS = ("SALVOCAST_ALERT_URL", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
"""Variables that hold nothing but a secret; the addresses below may hold one, and SALVOCAST_TOKENS holds several."""
_ADDRESSES = ("SALVOCAST_LEDGER_URL", "MLFLOW_TRACKING_URI")


class LogFormat(StrEnum):
    """How the log is written."""

    TEXT = "text"
    JSON = "json"


LOG_FORMAT_VARIABLE = "SALVOCAST_LOG_FORMAT"
LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option("--log-format", envvar=LOG_FORMAT_VARIABLE, help="Write a log to stderr, in this form."),
]


def set_up_log(log_format: LogFormat | None) -> None:
    """Sends what Salvocast logs, and warnings of the libraries, to stderr. May be called again.

    None: nothing is logged; a person at a terminal is told by what the command prints.
    """
    import structlog

    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, _StderrHandler)]
    if log_format is None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        return
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    hide = hider(os.environ, _user_home())
    head: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    tail: list[Processor] = [structlog.processors.format_exc_info, _redaction_step(hide), renderer]
    structlog.configure(
        processors=[*head, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
    handler = _StderrHandler(logging.WARNING)
    handler.as_json = log_format is LogFormat.JSON
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[remove_meta, *tail], foreign_pre_chain=head))
    root.addHandler(handler)


@contextmanager
def log_timed(event: str, **fields: object) -> Iterator[dict[str, object]]:
    """Logs the event when the block ends, with `seconds` and the fields, to which the block may add.

    Where the block raises, the event is logged as an error, with the error in a line, and it is raised on.
    """
    import structlog

    log = structlog.get_logger()
    began = time.perf_counter()

    def elapsed_seconds() -> float:
        return round(time.perf_counter() - began, 3)

    try:
        yield fields
    except Exception as error:
        log.error(event, **fields | {"error": str(error) or type(error).__name__, "seconds": elapsed_seconds()})
        raise
    log.info(event, **fields | {"seconds": elapsed_seconds()})


def notify(event: str, text: str, **fields: object) -> None:
    """Tells a person a line on stderr; where a log is written as JSON, the line is an event of it, with the fields.

    A warning, without secrets either way.
    """
    if _as_json():
        import structlog

        structlog.get_logger().warning(event, text=text, **fields)
    else:
        sys.stderr.write(without_secrets(text) + "\n")


def pass_on(output: str) -> None:
    """Writes what another command wrote to stderr; into a log of JSON, lines that are none as events of their own."""
    for line in output.splitlines():
        if _as_json() and not line.startswith("{"):
            if line.strip():
                import structlog

                structlog.get_logger().info("output", text=line)
        else:
            sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _as_json() -> bool:
    return any(isinstance(each, _StderrHandler) and each.as_json for each in logging.getLogger().handlers)


def without_secrets(text: str) -> str:
    """The text as it may be told to others: see `hider`."""
    return hider(os.environ, _user_home())(text)


def hider(environment: Mapping[str, str], home: Path | None) -> Callable[[str], str]:
    """What takes every secret that the environment holds, passwords in addresses, and `home` out of a text."""
    secrets = {environment.get(name, "") for name in _SECRETS}
    secrets |= {token.strip().split(":", 2)[-1] for token in environment.get("SALVOCAST_TOKENS", "").split(",")}
    for name in _ADDRESSES:
        password = _password(environment.get(name, ""))
        secrets |= {password, unquote(password)}
    replaced = dict.fromkeys(sorted(secrets - {""}, key=len, reverse=True), HIDDEN)
    if home is not None and home != Path(home.anchor):  # of a user without a home it is the whole disk
        replaced |= dict.fromkeys((str(home), quote(str(home))), "~")

    def hide(text: str) -> str:
        for secret, instead in replaced.items():
            text = text.replace(secret, instead)
        return re.sub(r"(://[^/\s:@]*):[^/\s@]+@", rf"\1:{HIDDEN}@", text)

    return hide


def _redaction_step(hide: Callable[[str], str]) -> "Processor":
    """The step of the log that does so with everything in an event."""

    def redact(value: Any) -> Any:
        if isinstance(value, bool | int | float | None):
            return value
        if isinstance(value, Mapping):
            return {hide(str(key)): redact(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [redact(each) for each in value]
        return hide(value.decode(errors="replace") if isinstance(value, bytes) else str(value))

    def step(_logger: Any, _method: str, event: "EventDict") -> "EventDict":
        made: EventDict = redact(event)
        return made

    return step


def _user_home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user of a container that nobody has entered
        return None


def _password(address: str) -> str:
    try:
        return urlsplit(address).password or ""
    except ValueError:  # no address: the command that needs it will say so
        return ""


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment."""

    as_json = False

    def __init__(self, level: int) -> None:
        logging.Handler.__init__(self, level)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr
