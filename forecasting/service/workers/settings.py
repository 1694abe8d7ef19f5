"""How a server is to run: what the command line and the environment say, checked before anything starts."""

import hashlib
import hmac
import ipaddress
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from features.errors import InputError

log = structlog.get_logger()

SCOPES = ("read", "plan", "report")
SHORTEST_SECRET = 24
TOKENS_VARIABLE = "SALVOCAST_TOKENS"
TOKENS_FILE_VARIABLE = "SALVOCAST_TOKENS_FILE"
LONGEST_TOKENS_FILE = 100_000
"""Bytes."""
LOOK_SECONDS = 1.0
"""After which a changed file of tokens holds, at the next request."""


@dataclass(frozen=True)
class Token:
    """What one holder may do. secret: never shown, not even by `repr`."""

    name: str
    scopes: frozenset[str]
    secret: bytes = field(repr=False)


def parse_tokens(text: str, where: str = TOKENS_VARIABLE) -> tuple[Token, ...]:
    """The tokens of "name:scope[+scope]:secret,...". Raises InputError, which names `where` and shows no secret."""
    form = f"{where}: expected NAME:SCOPE[+SCOPE]:SECRET[,...] with scopes of {', '.join(SCOPES)}"
    tokens = []
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        name, _, rest = part.partition(":")
        scopes, _, secret = rest.partition(":")
        if not name or not secret:
            raise InputError(f"{form}; the one in place {number} is not of that form")
        if not set(scopes.split("+")) <= set(SCOPES):  # not quoted: who swaps the parts has a secret there
            raise InputError(f"{form}; the one in place {number} has a scope that is none of these")
        if len(secret) < SHORTEST_SECRET:
            raise InputError(f"{where}: the secret of {name} has fewer than {SHORTEST_SECRET} characters")
        tokens.append(Token(name, frozenset(scopes.split("+")), secret.encode()))
    if len({token.secret for token in tokens}) < len(tokens):
        raise InputError(f"{where}: two tokens have the same secret: expected one for each")
    return tuple(tokens)


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens of a file: as in the variable, or one a line; a line that starts with # is a comment.

    Raises InputError for a file that cannot be read or holds none: with it, a server would let everybody in.
    """
    where = f"{TOKENS_FILE_VARIABLE} {path}"
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST_TOKENS_FILE + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise InputError(f"{where} cannot be read ({reason}): expected a file with a token on each line") from error
    if len(text) > LONGEST_TOKENS_FILE:
        raise InputError(f"{where}: expected at most {LONGEST_TOKENS_FILE:,} bytes")
    tokens = parse_tokens(re.sub(r"\r?\n", ",", re.sub(r"(?m)^[ \t]*#.*$", "", text)), where)
    if not tokens:
        raise InputError(f"{where} holds no token: expected NAME:SCOPE[+SCOPE]:SECRET on a line")
    return tokens


class TokenBook:
    """The tokens that hold now: of the settings, or of their file as it is, looked at again when it changes.

    A file that cannot be read, or is not of the form, changes nothing; it is told once, and those of before hold.
    """

    def __init__(self, settings: "Settings", clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens, self._file, self._clock = settings.tokens, settings.tokens_file, clock
        self._looked = float("-inf")
        self._state: tuple[int, ...] | None = None

    def current(self) -> tuple[Token, ...]:
        """Those that hold."""
        if self._file is not None and self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            self._look(self._file)
        return self._tokens

    def _look(self, file: Path) -> None:
        try:
            stat = file.stat()
            state: tuple[int, ...] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        except OSError:
            state = ()
        if state == self._state:
            return
        self._state = state
        try:
            tokens = read_tokens(file)
        except InputError as error:
            log.error("the tokens of before still hold", problem=str(error))
            return
        if tokens != self._tokens:
            log.info("tokens changed", names=[token.name for token in tokens])
        self._tokens = tokens


def holder(tokens: Sequence[Token], given: bytes) -> Token | None:
    """The token of that secret; in a time that tells nothing of any of them."""
    found, digest = None, hashlib.sha256(given).digest()  # of one length: not even that of a secret shows
    for token in tokens:
        if hmac.compare_digest(hashlib.sha256(token.secret).digest(), digest):
            found = token
    return found


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Settings:
    """How one server runs.

    names: the hosts that a request may be addressed to, beside the loopback ones. tokens_file: where the tokens stand,
    if not in the environment: a change of it holds without a restart. n_processes: that compute, for each
    of the workers. longest: seconds that a request may take; slowest_body: seconds that a body may take to come in.
    poll_seconds: how often the registry is asked for the champion.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    names: tuple[str, ...] = ()
    tokens: tuple[Token, ...] = ()
    tokens_file: Path | None = None
    accept_reports: bool = False
    n_processes: int = 1
    most_waiting: int = 16
    longest: float = 30.0
    largest_body: int = 1_000_000
    slowest_body: float = 10.0
    cache_bytes: int = 64_000_000
    poll_seconds: float = 5.0

    def __post_init__(self) -> None:
        if not is_loopback(self.host) and not self.tokens:
            raise InputError(
                f"--host {self.host} can be reached from elsewhere: set {TOKENS_VARIABLE} to who may do what, or "
                f"{TOKENS_FILE_VARIABLE} to a file of them (NAME:SCOPE[+SCOPE]:SECRET,...), or use --host 127.0.0.1"
            )
