"""The promotion log of a series: which version serves since when, by whom, why, and what the registry said.

Tags of the registered model, numbered one by one, which outlive every alias and version: what is going to be done
before the alias moves, and a confirmation once the registry says that it stands there. Nothing is written over. A kill
in between leaves an entry without a confirmation: it counts only where the alias stands on its version. An alias that
stands where no entry has put it was moved by hand, and is told as that.
"""

import getpass
import json
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from features.errors import SalvocastError

_PREFIX = "salvocast.promotion."
_CONFIRMED = ".confirmed"
_ON_VERSIONS = "salvocast.promotions"
"""Where releases up to 0.1 recorded promotions: on the versions themselves."""


@dataclass(frozen=True)
class Promotion:
    """How a version became champion.

    Parameters
    ----------
    version : int, optional
        That serves from then on; None: somebody took the alias away, and no version serves.
    promoted_at : datetime
        In UTC, by the clock of who did it; of a move by hand, when it was found.
    reason : str
        In words.
    predecessor : int, optional
        The version that the registry said served until then; None: there was none.
    by : str
        Who did it: an MLflow login, or user@host; empty where that is not known.
    by_hand : bool
        Whether the alias was moved past Salvocast, such as in MLflow's pages.
    model_id : str
        Of the version, which may be deleted since; empty where that is not known.
    origin : date, optional
        The last day that the version was fitted to; None where that is not known.
    """

    version: int | None
    promoted_at: datetime
    reason: str
    predecessor: int | None
    by: str = ""
    by_hand: bool = False
    model_id: str = ""
    origin: date | None = None


@dataclass(frozen=True)
class Entry:
    """One entry of the log. confirmed: the registry has said that the alias stands there."""

    number: int
    promotion: Promotion
    confirmed: bool


def log_entries(tags: Mapping[str, str]) -> list[Entry]:
    """The log among the tags of a registered model, in its order, which no clock can turn round.

    Raises SalvocastError for an entry that was edited into something else.
    """
    entries = []
    for key in sorted(key for key in tags if key.startswith(_PREFIX) and not key.endswith(_CONFIRMED)):
        try:
            number, stated = int(key.removeprefix(_PREFIX)), json.loads(tags[key])
            stated["promoted_at"] = datetime.fromisoformat(stated["promoted_at"])
            stated["origin"] = date.fromisoformat(stated["origin"]) if stated["origin"] else None
            promotion = Promotion(**stated)
        except (ValueError, TypeError, KeyError) as error:
            raise SalvocastError(
                f"the promotion log cannot be read at the tag {key} ({type(error).__name__}): somebody has changed it; "
                "put back what it said, from a backup, or delete the tag"
            ) from error
        entries.append(Entry(number, promotion, promotion.by_hand or key + _CONFIRMED in tags))
    return sorted(entries, key=lambda entry: entry.number)


def entry_tag(number: int, promotion: Promotion) -> tuple[str, str]:
    """Name and value of the tag of an entry."""
    stated = vars(promotion) | {
        "promoted_at": promotion.promoted_at.isoformat(),
        "origin": promotion.origin and promotion.origin.isoformat(),
    }
    return f"{_PREFIX}{number:06d}", json.dumps(stated, ensure_ascii=False, sort_keys=True)


def confirmation_tag(number: int, version: int) -> tuple[str, str]:
    """Name and value of the tag that confirms an entry: what the registry says serves."""
    return f"{_PREFIX}{number:06d}{_CONFIRMED}", json.dumps({"registry_says": version})


def is_unconfirmed(entries: Sequence[Entry], serving: int | None) -> bool:
    """Whether the newest entry moved the alias and was killed before it could say so."""
    return bool(entries) and not entries[-1].confirmed and entries[-1].promotion.version == serving


def served_versions(
    entries: Sequence[Entry], serving: int | None, versions: Iterable[Any], now: Callable[[], datetime]
) -> list[Promotion]:
    """What served, the newest first.

    entries: of the log. serving: the version that the alias stands on. versions: MLflow's, which hold what was recorded
    before there was a log. now: the clock, with zone; a move by hand that no entry tells of is found now.
    """
    told = [
        entry.promotion
        for place, entry in enumerate(entries)
        if entry.confirmed or (place == len(entries) - 1 and is_unconfirmed(entries, serving))
    ][::-1]
    of_versions = {int(version.version): version for version in versions}
    oldest = told[-1].predecessor if told else serving
    told += _recorded_on_versions(of_versions, oldest)
    last = told[0].version if told else None
    if last != serving:
        told.insert(0, _move_by_hand(of_versions.get(serving or 0), serving, last, now()))
    return told


def earlier_versions(history: Sequence[Promotion], serving: int | None) -> list[int]:
    """The versions to go back to from the one that serves, the first choice first: those that served before it first
    did, so that a second rollback goes further back, and not to what the first one came from."""
    places = [place for place, each in enumerate(history) if serving is not None and each.version == serving]
    first = max(places, default=-1)
    earlier = (each.version for each in history[first + 1 :])
    return list(dict.fromkeys(version for version in earlier if version not in (None, serving)))


def who() -> str:
    """Who is at work here, as the log tells it: the MLflow login, or user@host."""
    host = socket.gethostname()[:60]
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        user = f"uid {os.getuid()}" if hasattr(os, "getuid") else "somebody"
    return os.environ.get("MLFLOW_TRACKING_USERNAME") or f"{user[:60]}@{host}"


def _move_by_hand(version: Any, serving: int | None, last: int | None, now: datetime) -> Promotion:
    what = "taken away" if serving is None else "moved"
    reason = f"the alias was {what} by hand, found on {now:%Y-%m-%d %H:%M} UTC"
    return Promotion(serving, now, reason, last, by_hand=True, **learned(version))


def learned(version: Any) -> dict[str, Any]:
    """What the log says of an MLflow version, so that it can be told when the version is deleted."""
    tags = {} if version is None else version.tags
    origin = None
    with suppress(ValueError):  # somebody else's version may say anything
        origin = date.fromisoformat(tags.get("salvocast.origin", ""))
    return {"model_id": tags.get("salvocast.model_id", ""), "origin": origin}


def _recorded_on_versions(of_versions: Mapping[int, Any], version: int | None) -> list[Promotion]:
    """What releases without a log recorded, from a version back from predecessor to predecessor."""
    history: list[Promotion] = []
    while version is not None and version in of_versions:
        tags = of_versions[version].tags
        recorded = [
            Promotion(**each | {"promoted_at": datetime.fromisoformat(each["promoted_at"])})
            for each in json.loads(tags.get(_ON_VERSIONS, "[]"))
        ]
        earlier = [each for each in recorded if not history or each.promoted_at < history[-1].promoted_at]
        if not earlier:
            break
        history.append(earlier[-1])
        version = earlier[-1].predecessor
    return history
