"""The MLflow store of runs and models: where it is, how long it is waited for, and how its failures are told."""

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import urlsplit

from filelock import FileLock

from features.errors import SalvocastError
from features.home import salvocast_home
from forecasting.registry.places import refuse_copied_store

ATTEMPTS = 3
SECONDS = 20.0
"""No further attempt begins after this time."""
FIRST_WAIT = 0.5
"""Seconds before the second attempt, at most; doubled before each further one."""
REQUEST_SECONDS = 10
"""How long one request to a tracking server may take, unless MLFLOW_HTTP_REQUEST_TIMEOUT says otherwise. With MLflow's
own retries, a server that says nothing is given up after some forty seconds."""


class _StoreUser(Protocol):
    """What asks a store. uri: of the store."""

    uri: str


P = ParamSpec("P")
Result = TypeVar("Result")
AskerT = TypeVar("AskerT", bound=_StoreUser)

# MLflow reads these when it is first loaded, which every function here leaves to the last moment.
for _name, _value in (
    ("MLFLOW_DISABLE_TELEMETRY", "true"),  # a planning tool tells nobody that it is used
    ("MLFLOW_LOGGING_LEVEL", "ERROR"),
    ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
    ("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true"),  # what a command says is its own
    ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2"),  # by itself it goes on for minutes
    ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1"),
    ("MLFLOW_HTTP_REQUEST_TIMEOUT", str(REQUEST_SECONDS)),
):
    os.environ.setdefault(_name, _value)


def tracking_uri() -> str:
    """Where the MLflow store is, which is the model registry as well.

    Returns
    -------
    str
        `MLFLOW_TRACKING_URI`, or the embedded SQLite store in the home.
    """
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{salvocast_home() / 'mlflow.db'}"


def with_retries(
    method: "Callable[Concatenate[AskerT, P], Result]",
) -> "Callable[Concatenate[AskerT, P], Result]":
    """The method, tried again where the store is away or fails; each attempt finds what the one before it has done."""

    @wraps(method)
    def call(self: AskerT, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

        with store_failures(self.uri):
            retrying = Retrying(
                stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(SECONDS),
                wait=wait_random_exponential(multiplier=FIRST_WAIT),
                retry=retry_if_exception(_may_pass),
                reraise=True,
            )
            return retrying(method, self, *args, **kwargs)

    return call


def ready_client(uri: str) -> Any:
    """An MLflow client of the store and registry at `uri`, whose database is made when it is missing."""
    logging.getLogger("alembic").setLevel(logging.ERROR)
    from mlflow.tracking import MlflowClient

    server = uri.startswith(("http:", "https:"))
    if uri.startswith("postgres"):
        postgresql_engine(uri).connect().close()  # MLflow would try for minutes
    with one_process_at_a_time():
        refuse_copied_store(uri)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        if not server:
            client.search_registered_models(max_results=1)  # makes the tables
    return client


def one_process_at_a_time() -> FileLock:
    """Two processes that make the same MLflow database at once break it: the second waits until it is made."""
    return FileLock(salvocast_home() / "mlflow.lock")


@contextmanager
def store_failures(uri: str, what: str = "tracking store", setting: str = "MLFLOW_TRACKING_URI") -> Iterator[None]:
    """Tells what goes wrong with the store at `uri` as one SalvocastError, without its password or a token."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:  # a driver may be missing
        told = _short(next(iter(str(error).strip().splitlines()), type(error).__name__))
        told = told.replace(uri.rstrip("/"), without_password(uri).rstrip("/"))  # MLflow names the whole URI
        for secret in (_password(uri), *map(os.environ.get, _SECRETS)):
            told = told.replace(secret, "***") if secret else told
        full = any(sign in str(error) for sign in _FULL)
        advice = (
            "make room on its disk; nothing was left half done"
            if full
            else "this login may not: see MLFLOW_TRACKING_USERNAME, its password, and experiments/deploy"
            if getattr(error, "error_code", None) in _NOT_LET_IN
            else f"see that it can be reached and written, or set {setting}"
        )
        raise SalvocastError(f"the {what} {without_password(uri)} failed ({told[:300]}): {advice}") from error


_FULL = ("No space left on device", "database or disk is full", "Disk quota exceeded")


def _short(line: str) -> str:
    """The reason alone of what urllib3 tells with every address and object on the way; any other line as it is."""
    if "HTTPConnectionPool" not in line and "HTTPSConnectionPool" not in line:
        return line
    if found := re.search(r"too many (\d{3}) error responses", line):
        return f"it answered {found[1]} each time: its own log says why, a full disk perhaps"
    if found := re.search(r"\[(?:Errno|SSL)[^\]]*\] ([^\"')]+)", line):
        return found[1].strip()
    return "no answer in time" if "timed out" in line else "it cannot be reached"


_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def without_password(uri: str) -> str:
    """The URI as it may be told."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(uri).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):  # a path; a port that is no number
        return re.sub("//[^/]*@", "//***@", uri)


def _password(uri: str) -> str | None:
    with suppress(ValueError):
        return urlsplit(uri).password
    return None


def _may_pass(error: BaseException) -> bool:
    """Whether a failure may be gone at the next attempt: not what the store has understood and refused."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    refused = {"BAD_REQUEST", "INVALID_PARAMETER_VALUE", *_NOT_LET_IN, *_ABSENT}
    return isinstance(error, SQLAlchemyError | OSError) or (
        isinstance(error, MlflowException) and error.error_code not in refused
    )


def is_refusal(error: SalvocastError) -> bool:
    """Whether the store has understood and refused, so that it will answer for other things."""
    return error.__cause__ is not None and not _may_pass(error.__cause__)


def is_lack_of_rights(error: SalvocastError) -> bool:
    """Whether the store does not know this login, or does not let it in (401 and 403 of a server)."""
    return getattr(error.__cause__, "error_code", None) in _NOT_LET_IN


_NOT_LET_IN = ("UNAUTHENTICATED", "PERMISSION_DENIED")
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")


def or_none(call: Callable[..., Result], *arguments: Any) -> Result | None:
    """The result; None where what is asked for is not there, or what is to be made is there already."""
    from mlflow.exceptions import MlflowException

    try:
        return call(*arguments)
    except MlflowException as error:
        # An alias without a version is told as a bad parameter.
        missing_alias = error.error_code == "INVALID_PARAMETER_VALUE" and "alias" in str(error)
        if error.error_code in _ABSENT or missing_alias:
            return None
        raise


def postgresql_engine(url: str) -> Any:
    """Connections that commit at once, and name who holds them to others."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    arguments = {"connect_timeout": REQUEST_SECONDS, "application_name": holder()}
    return create_engine(url, connect_args=arguments, isolation_level="AUTOCOMMIT", poolclass=NullPool)


def holder() -> str:
    """Who holds the lock, as it is told to those who wait."""
    return f"salvocast {socket.gethostname()[:30]} process {os.getpid()}"
