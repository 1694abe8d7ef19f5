"""How a server is to run: what the command line and the environment say, checked before anything starts."""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from features.errors import InputError

SCOPES = ("read", "plan", "report")
SHORTEST_SECRET = 24
TOKENS_VARIABLE = "SALVOCAST_TOKENS"
_FORM = f"{TOKENS_VARIABLE}: expected NAME:SCOPE[+SCOPE]:SECRET[,...] with scopes of {', '.join(SCOPES)}"


@dataclass(frozen=True)
class Token:
    """What one holder may do. secret: never shown, not even by `repr`."""

    name: str
    scopes: frozenset[str]
    secret: bytes = field(repr=False)


def parse_tokens(text: str) -> tuple[Token, ...]:
    """The tokens of "name:scope[+scope]:secret,...". Raises InputError, which shows no secret."""
    tokens = []
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        name, _, rest = part.partition(":")
        scopes, _, secret = rest.partition(":")
        if not name or not secret:
            raise InputError(f"{_FORM}; the one in place {number} is not of that form")
        if not set(scopes.split("+")) <= set(SCOPES):  # not quoted: who swaps the parts has a secret there
            raise InputError(f"{_FORM}; the one in place {number} has a scope that is none of these")
        if len(secret) < SHORTEST_SECRET:
            raise InputError(f"{TOKENS_VARIABLE}: the secret of {name} has fewer than {SHORTEST_SECRET} characters")
        tokens.append(Token(name, frozenset(scopes.split("+")), secret.encode()))
    if len({token.secret for token in tokens}) < len(tokens):
        raise InputError(f"{TOKENS_VARIABLE}: two tokens have the same secret: expected one for each")
    return tuple(tokens)


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

    names: the hosts that a request may be addressed to, beside the loopback ones. n_processes: that compute, for each
    of the workers. longest: seconds that a request may take; slowest_body: seconds that a body may take to come in.
    poll_seconds: how often the registry is asked for the champion.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    names: tuple[str, ...] = ()
    tokens: tuple[Token, ...] = ()
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
                f"--host {self.host} can be reached from elsewhere: set {TOKENS_VARIABLE} to who may do what "
                "(NAME:SCOPE[+SCOPE]:SECRET,...), or use --host 127.0.0.1"
            )
