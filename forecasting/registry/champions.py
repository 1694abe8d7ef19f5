"""The champion and its rivals in the MLflow model registry.

One registered model per theatre and weapon class, one version per fitted model, the alias `champion` on the one that
serves. A version comes into being with all its tags in one step of the store, after its files are there: a kill at any
moment leaves a whole version or none. Salvocast itself reads the saved files of a version and checks their digest; the
code that lies beside them in the registry is for `mlflow.pyfunc.load_model` and `mlflow models serve` elsewhere.
"""

import json
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from features.errors import SalvocastError
from features.home import ledger_url, salvocast_home
from features.release import code_version
from forecasting.registry.copies import cached_files, keep, note_champion, noted_champion
from forecasting.registry.lock import StillHeld, file_lock, server_lock
from forecasting.registry.promotions import (
    Entry,
    Promotion,
    confirmation_tag,
    earlier_versions,
    entry_tag,
    is_unconfirmed,
    learned,
    log_entries,
    served_versions,
    who,
)
from forecasting.registry.pyfunc import ARTIFACT, FOLDER, write_pyfunc
from forecasting.registry.store import or_none, ready_client, tracking_uri, with_retries
from forecasting.salvos.saved import LARGEST_BYTES, SavedModel, digest_of, load_saved, save_model

CHAMPION = "champion"
"""The alias of the version that serves."""
CHALLENGER = "challenger"
"""The alias of a version whose model competes at every retraining, beside those that the settings name."""
LOCK_SECONDS = 60.0

_TAG = "salvocast."
_STATED = ("digest", "model_id", "data_digest", "code_version", "origin", "scores")


def registered_name(theatre: str, weapon_class: str) -> str:
    """The name of a series in the registry.

    Parameters
    ----------
    theatre, weapon_class : str
        Of the series.

    Returns
    -------
    str

    Examples
    --------
    >>> registered_name("ukraine", "shahed")
    'salvocast-ukraine-shahed'
    """
    return f"salvocast-{theatre}-{weapon_class}"


@dataclass(frozen=True)
class RegisteredModel:
    """A version in the registry.

    Parameters
    ----------
    name : str
        See `registered_name`.
    version : int
        Counted from 1 under that name.
    model_id : str
        Of its model.
    digest : str
        SHA-256 of its saved files.
    data_digest : str
        Of the history that it is fitted to.
    code_version : str
        Of the release that fitted it.
    origin : date
        The last day of that history.
    registered_at : datetime
        In UTC.
    run_id : str
        Of the MLflow run that made it.
    source : str
        Where its files are.
    scores : dict of str to float
        As given when it was registered.
    aliases : tuple of str
        Such as CHAMPION.
    tags : dict of str to str
        All of them.
    """

    name: str
    version: int
    model_id: str
    digest: str
    data_digest: str
    code_version: str
    origin: date
    registered_at: datetime
    run_id: str
    source: str
    scores: dict[str, float]
    aliases: tuple[str, ...]
    tags: dict[str, str]


class Registry:
    """The model registry at an MLflow tracking URI. Nothing is asked of it before a method needs it.

    Parameters
    ----------
    uri : str
        Of the MLflow tracking server or database.
    now : callable
        The clock that promotions are recorded by; it gives a datetime with zone.

    Raises
    ------
    SalvocastError
        By every method that asks it, after a few tries, in one line without a password.
    """

    def __init__(self, uri: str, now: Callable[[], datetime]) -> None:
        self.uri = uri
        self._now = now
        self._still_held: StillHeld | None = None

    @classmethod
    def open(cls, uri: str | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Self:
        """The registry at an address.

        Parameters
        ----------
        uri : str, optional
            None for where `tracking_uri` says.
        now : callable
            The clock that promotions are recorded by.

        Returns
        -------
        Registry
        """
        return cls(uri or tracking_uri(), now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open between calls."""

    @with_retries
    def champion(self, theatre: str, weapon_class: str) -> RegisteredModel | None:
        """The version that serves.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series, here and below.

        Returns
        -------
        RegisteredModel or None
            None where none does yet.

        Raises
        ------
        SalvocastError
            For a version that Salvocast did not register.
        """
        name = registered_name(theatre, weapon_class)
        found = or_none(self._client.get_model_version_by_alias, name, CHAMPION)
        return None if found is None else _require_registered(found, (CHAMPION,))

    @with_retries
    def challenger(self, theatre: str, weapon_class: str) -> RegisteredModel | None:
        """The version that was registered as challenger.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        RegisteredModel or None

        Raises
        ------
        SalvocastError
            For a version that Salvocast did not register.
        """
        found = or_none(self._client.get_model_version_by_alias, registered_name(theatre, weapon_class), CHALLENGER)
        return None if found is None else _require_registered(found, (CHALLENGER,))

    @with_retries
    def set_challenger(self, name: str, version: int) -> None:
        """Moves the alias of the challenger. `gc` keeps the version as long as it has it.

        Parameters
        ----------
        name : str
            See `registered_name`.
        version : int
            Under that name.
        """
        self._client.set_registered_model_alias(name, CHALLENGER, str(version))

    @with_retries
    def versions(self, theatre: str, weapon_class: str) -> list[RegisteredModel]:
        """Every version of a series that Salvocast registered.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        list of RegisteredModel
            The newest first.
        """
        return self._versions(registered_name(theatre, weapon_class))

    def register(
        self, saved: SavedModel, *, run_id: str, scores: Mapping[str, float], tags: Mapping[str, str] | None = None
    ) -> RegisteredModel:
        """Puts a fitted model into the registry.

        Registering twice, or again after a kill, leaves one version: that with the same digest, data digest and code
        version.

        Parameters
        ----------
        saved : SavedModel
            The model.
        run_id : str
            Of the MLflow run that its files go into.
        scores : mapping of str to float
            Written beside it.
        tags : mapping of str to str, optional
            What else is to be said of it, such as a reason.

        Returns
        -------
        RegisteredModel
        """
        files = save_model(saved)
        stated = {
            "digest": digest_of(files),
            "model_id": saved.model.model_id,
            "data_digest": saved.data_digest,
            "code_version": code_version(),
            "origin": saved.origin.isoformat(),
            "scores": json.dumps(dict(scores), sort_keys=True),
        }
        all_tags = dict(tags or {}) | {f"{_TAG}{key}": value for key, value in stated.items()}
        return self._register_version(registered_name(saved.theatre, saved.weapon_class), files, all_tags, run_id)

    @with_retries
    def _register_version(
        self, name: str, files: Mapping[str, bytes], tags: Mapping[str, str], run_id: str
    ) -> RegisteredModel:
        if found := self._existing_version(name, tags):
            return found
        self._check_lock()
        if or_none(self._client.get_registered_model, name) is None:
            or_none(self._client.create_registered_model, name)
        with tempfile.TemporaryDirectory() as folder:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # MLflow's, of its own type hints
                write_pyfunc(Path(folder), files)
            self._client.log_artifacts(run_id, str(Path(folder) / FOLDER), FOLDER)
        source = f"{self._client.get_run(run_id).info.artifact_uri}/{FOLDER}"
        made = self._client.create_model_version(name, source, run_id, dict(tags), await_creation_for=0)
        return self._existing_version(name, tags) or _require_registered(made, ())

    @with_retries
    def set_champion(self, name: str, version: int, *, reason: str = "") -> None:
        """Moves the alias of the champion, in one step; does nothing where it is there already.

        What is going to be done (when, why, by whom and after which version) is written into the promotion log first,
        and confirmed once the registry says that the alias stands there: see `champion_history`.

        Parameters
        ----------
        name : str
            See `registered_name`.
        version : int
            Under that name.
        reason : str
            In words; without it, the tag "reason" of the version.
        """
        chosen = self._client.get_model_version(name, str(version))
        self._bring_log_up_to_date(name)
        entries, serving = self._promotion_log(name)
        if serving == version:
            return
        why = reason or chosen.tags.get("reason", "")
        promotion = Promotion(version, self._now(), why, serving, who(), **learned(chosen))
        self._check_lock()
        number = self._write_entry(name, entries, promotion)
        self._check_lock()
        self._client.set_registered_model_alias(name, CHAMPION, str(version))
        if self._promotion_log(name)[1] == version:
            self._client.set_registered_model_tag(name, *confirmation_tag(number, version))

    @with_retries
    def record_move_by_hand(self, theatre: str, weapon_class: str) -> Promotion | None:
        """Writes into the promotion log that somebody moved the alias past Salvocast, where somebody did.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        Promotion or None
            What was found; None where the alias stands as the log says, or that was found before.
        """
        return self._bring_log_up_to_date(registered_name(theatre, weapon_class))

    @with_retries
    def champion_history(self, theatre: str, weapon_class: str) -> list[Promotion]:
        """What served, by the promotion log; it outlives deleted versions and a deleted alias.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        list of Promotion
            The newest first. A promotion that broke off before the alias moved is not in it; an alias that stands where
            no entry has put it is, as moved by hand and found now.
        """
        return self._history(registered_name(theatre, weapon_class))

    @with_retries
    def all_versions(self) -> list[tuple[str, int, str]]:
        """Every version in the registry, whoever made it.

        Returns
        -------
        list of (str, int, str)
            Name, version and run id.
        """
        return [(raw.name, int(raw.version), raw.run_id) for raw in self._raw_versions()]

    @with_retries
    def versions_of(self, name: str) -> tuple[list[RegisteredModel], list[RegisteredModel]]:
        """The versions that Salvocast registered under a name, in two parts.

        Parameters
        ----------
        name : str
            See `registered_name`.

        Returns
        -------
        (list of RegisteredModel, list of RegisteredModel)
            The newest first: those that serve or may at once serve again (an alias is on them, or the champion took
            over from them, or a rollback without further words goes to them), and the others.
        """
        history, versions = self._history(name), self._versions(name)
        there = {version.version for version in versions}
        earlier = earlier_versions(history, history[0].version if history else None)
        back = next((version for version in earlier if version in there), None)
        near = {history[0].predecessor if history else None, back}
        parts: tuple[list[RegisteredModel], list[RegisteredModel]] = ([], [])
        for version in versions if name.startswith("salvocast-") else ():  # not of copies
            parts[not (version.aliases or version.version in near)].append(version)
        return parts

    @with_retries
    def delete(self, version: RegisteredModel) -> None:
        """Takes a version out of the registry, unless it is gone already; its files stay with its run.

        Parameters
        ----------
        version : RegisteredModel
            To take out.
        """
        or_none(self._client.delete_model_version, version.name, str(version.version))

    def _promotion_log(self, name: str) -> tuple[list[Entry], int | None]:
        """The entries of the log, and the version that the alias stands on."""
        model = or_none(self._client.get_registered_model, name)
        if model is None:
            return [], None
        serving = model.aliases.get(CHAMPION)
        return log_entries(model.tags), None if serving is None else int(serving)

    def _history(self, name: str) -> list[Promotion]:
        entries, serving = self._promotion_log(name)
        return served_versions(entries, serving, self._raw_versions(name), self._now)

    def _bring_log_up_to_date(self, name: str) -> Promotion | None:
        """Confirms what a kill left unconfirmed; writes down a move by hand, and returns it."""
        entries, serving = self._promotion_log(name)
        if serving is not None and is_unconfirmed(entries, serving):
            self._client.set_registered_model_tag(name, *confirmation_tag(entries[-1].number, serving))
            return None
        told = served_versions(entries, serving, self._raw_versions(name), self._now)
        if not told or not told[0].by_hand or told[0] in (entry.promotion for entry in entries):
            return None
        self._write_entry(name, entries, told[0])
        return told[0]

    def _write_entry(self, name: str, entries: Sequence[Entry], promotion: Promotion) -> int:
        number = entries[-1].number + 1 if entries else 1
        self._client.set_registered_model_tag(name, *entry_tag(number, promotion))
        return number

    @with_retries
    def load(self, registered: RegisteredModel) -> SavedModel:
        """The fitted model of a version.

        Its files are kept in the home: read again, and the last champion's found by `last_known_champion`, without the
        registry.

        Parameters
        ----------
        registered : RegisteredModel
            As `champion` gives it.

        Returns
        -------
        SavedModel

        Raises
        ------
        SalvocastError
            For files that were changed.
        """
        files = cached_files(registered.digest)
        if files is None:
            files = self._download(registered)
            if digest_of(files) != registered.digest:
                raise SalvocastError(
                    f"{registered.name} version {registered.version} does not have the digest that it was registered "
                    "with: its files were changed; roll back to another version, or retrain with --force"
                )
            keep(registered.digest, files)
        saved = load_saved(files)
        if CHAMPION in registered.aliases:
            from pydantic import TypeAdapter

            note_champion(registered.name, TypeAdapter(RegisteredModel).dump_json(registered, indent=1))
        return saved

    def last_known_champion(self, theatre: str, weapon_class: str) -> RegisteredModel | None:
        """The champion that this machine loaded last, without asking the registry; `load` reads it from the home.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        RegisteredModel or None
            None where this machine has loaded none, or no longer has its files.
        """
        from pydantic import TypeAdapter, ValidationError

        name = registered_name(theatre, weapon_class)
        with suppress(ValidationError):
            known = TypeAdapter(RegisteredModel).validate_json(noted_champion(name) or b"")
            if cached_files(known.digest) is not None:
                return known
        return None

    @contextmanager
    def lock(self, wait_seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Held by one at a time. Who holds it must not ask for it again.

        Across machines where the store or the ledger is on PostgreSQL (an advisory lock, given up when its connection
        dies), else across the processes that share the store's SQLite file, or the home.

        Parameters
        ----------
        wait_seconds : float
            Until it gives up.

        Yields
        ------
        None

        Raises
        ------
        SalvocastError
            Naming the holder, where it is not free by then. Under the lock, by `register` and `set_champion`, where it
            was lost meanwhile.
        """
        shared = next((url for url in (self.uri, str(ledger_url())) if url.startswith("postgres")), None)
        with server_lock(shared, wait_seconds) if shared else file_lock(self._lock_folder, wait_seconds) as still_held:
            self._still_held = still_held
            try:
                yield
            finally:
                self._still_held = None

    def _check_lock(self) -> None:
        """Raises SalvocastError where the lock that is held was lost: somebody else may be at work by now."""
        if self._still_held is not None and not self._still_held():
            raise SalvocastError(
                "the lock of the registry was lost in mid-run (its database was restarted, or its file removed), so "
                "nothing more was changed and what served before still serves: run it again"
            )

    @property
    def _lock_folder(self) -> Path:
        folder = Path(self.uri.removeprefix("sqlite:///")).parent
        return folder if self.uri.startswith("sqlite:///") and folder.is_dir() else salvocast_home()

    @cached_property
    def _client(self) -> Any:
        return ready_client(self.uri)

    def _raw_versions(self, name: str | None = None) -> list[Any]:
        """MLflow's own versions, of a name or of all, the newest first."""
        wanted = None if name is None else f"name = '{name}'"
        found: list[Any] = []
        token = None
        while True:
            page = self._client.search_model_versions(wanted, max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                return sorted(found, key=lambda version: -int(version.version))

    def _existing_version(self, name: str, tags: Mapping[str, str]) -> RegisteredModel | None:
        """The version of the same model, data and code. A request that timed out and was sent again may have made it
        twice: one stays, the champion or else the older one."""
        keys = [f"{_TAG}{key}" for key in ("digest", "data_digest", "code_version")]
        twins = [each for each in self._versions(name) if all(each.tags[key] == tags[key] for key in keys)]
        if not twins:
            return None
        kept = next((twin for twin in twins if twin.aliases), twins[-1])
        for twin in twins:
            if twin is not kept and not twin.aliases:
                self._client.delete_model_version(name, str(twin.version))
        return kept

    def _versions(self, name: str) -> list[RegisteredModel]:
        model = or_none(self._client.get_registered_model, name)
        aliases = {} if model is None else model.aliases
        made = [
            _registered_model(raw, tuple(alias for alias, on in aliases.items() if int(on) == int(raw.version)))
            for raw in self._raw_versions(name)
        ]
        return [version for version in made if version is not None]

    def _download(self, registered: RegisteredModel) -> dict[str, bytes]:
        from mlflow.artifacts import download_artifacts, list_artifacts

        where = f"{registered.source}/artifacts/{ARTIFACT}"
        listed = list_artifacts(artifact_uri=where, tracking_uri=self.uri)
        size = sum(each.file_size or 0 for each in listed)
        if size > LARGEST_BYTES:
            raise SalvocastError(f"{where} has {size} bytes: expected a saved model of at most {LARGEST_BYTES}")
        with tempfile.TemporaryDirectory() as folder:
            found = Path(download_artifacts(artifact_uri=where, dst_path=folder, tracking_uri=self.uri))
            return {path.name: path.read_bytes() for path in found.iterdir() if path.is_file()}


def _registered_model(version: Any, aliases: tuple[str, ...]) -> RegisteredModel | None:
    """The version, unless it lacks a tag of ours or is not ready: then somebody else made it."""
    stated = {key: version.tags.get(f"{_TAG}{key}") for key in _STATED}
    if None in stated.values() or version.status != "READY" or not re.fullmatch("[0-9a-f]{64}", stated["digest"]):
        return None
    return RegisteredModel(
        name=version.name,
        version=int(version.version),
        model_id=stated["model_id"],
        digest=stated["digest"],
        data_digest=stated["data_digest"],
        code_version=stated["code_version"],
        origin=date.fromisoformat(stated["origin"]),
        registered_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
        run_id=version.run_id,
        source=version.source,
        scores=json.loads(stated["scores"]),
        aliases=aliases,
        tags=dict(version.tags),
    )


def _require_registered(version: Any, aliases: tuple[str, ...]) -> RegisteredModel:
    made = _registered_model(version, aliases)
    if made is None:
        raise SalvocastError(
            f"{version.name} version {version.version} was not registered by salvocast: move the alias {CHAMPION} "
            "to a version that was, or delete it and retrain"
        )
    return made
