"""Which registered model serves a series: asked of the registry, or known on this machine without loading MLflow."""

import json
import time
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from features.errors import SalvocastError
from forecasting.registry.champions import RegisteredModel, Registry, registered_name
from forecasting.registry.copies import note_registry_state, noted_registry_state
from forecasting.registry.store import tracking_uri

SETTLED_SECONDS = 1.0
"""A store that was written to this lately may be written to again under the same time stamp."""


@dataclass(frozen=True)
class Champion:
    """The registered model that serves a series, as far as answers tell of it.

    digest: of its saved files. version: in the registry. origin: the last attack day that it has learnt from. scores:
    as given when it was registered.
    """

    digest: str
    version: int
    model_id: str
    origin: date
    registered_at: datetime
    scores: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, registered: RegisteredModel) -> "Champion":
        """The same, without what only the registry needs."""
        return cls(
            digest=registered.digest,
            version=registered.version,
            model_id=registered.model_id,
            origin=registered.origin,
            registered_at=registered.registered_at,
            scores=tuple(sorted(registered.scores.items())),
        )


def embedded_store(uri: str) -> Path | None:
    """The SQLite file of an embedded store; None for a store that is reached otherwise."""
    path = uri.removeprefix("sqlite:///")
    return None if path == uri else Path(path)


def serving_model(theatre: str, weapon_class: str) -> RegisteredModel | None:
    """The champion of a series now; None where none is registered.

    Its saved files are then kept in the home. MLflow is loaded only where the registry has to be asked: not without an
    embedded store, nor while that is as it was when this machine asked last. Where the registry is away, the champion
    that this machine loaded last serves on. Raises SalvocastError where it is away and none was ever loaded: that is
    not the same as none registered.
    """
    uri = tracking_uri()
    store = embedded_store(uri)
    if store and not store.exists():
        return None  # nothing was ever registered there, and asking would make it
    registry = Registry.open(uri)
    try:
        return current_champion(registry, theatre, weapon_class)
    except SalvocastError as error:
        known = registry.last_known_champion(theatre, weapon_class)
        if known is not None:
            return known
        raise SalvocastError(f"{error}; or name a model, such as --model salvo_ensemble") from error


def current_champion(registry: Registry, theatre: str, weapon_class: str) -> RegisteredModel | None:
    """The champion of a series by the registry, whose saved files are then kept in the home; None where none is
    registered. An embedded store that is as it was when this machine asked last is not asked again, so that MLflow is
    not loaded. Raises SalvocastError where the registry is away."""
    store, name = embedded_store(tracking_uri()), registered_name(theatre, weapon_class)
    state = _state(store) if store else None
    if state and (noted := noted_registry_state(name)) and noted["state"] == state:
        known = registry.last_known_champion(theatre, weapon_class)
        if noted["serves"] in (None, known and known.digest):
            return known if noted["serves"] else None
    found = registry.champion(theatre, weapon_class)
    if found is not None:
        registry.load(found)
    if state:
        note_registry_state(name, json.dumps({"state": state, "serves": found and found.digest}).encode())
    return found


def _state(store: Path) -> list[int] | None:
    """What changes with every change of an SQLite file; None where the next change might not show."""
    state: list[int] = []
    for file in (store, store.with_name(f"{store.name}-wal")):
        if file.exists():
            stat = file.stat()
            if time.time() - stat.st_mtime < SETTLED_SECONDS:
                return None
            state += [stat.st_ino, stat.st_size, stat.st_mtime_ns]
    return state
