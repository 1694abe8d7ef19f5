"""The champion and its rivals in the MLflow model registry; the last champion kept at hand for when that is away.

One registered model per theatre and weapon class, one version per fitted model, the alias `champion` on the one that
serves. A version comes into being with all its tags in one step of the store, after its files are there: a kill at any
moment leaves a whole version or none. Salvocast itself reads the saved files of a version and checks their digest; the
code that lies beside them in the registry is for `mlflow.pyfunc.load_model` and `mlflow models serve` elsewhere.
"""

import ast
import fcntl
import json
import logging
import os
import re
import shutil
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, wraps
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

from features.errors import SalvocastError
from features.files import write_file
from features.home import ledger_url, salvocast_home
from features.release import code_version
from forecasting.saved import FILES, LARGEST_BYTES, SavedModel, digest_of, load_saved, save_model

CHAMPION = "champion"
"""The alias of the version that serves."""
CHALLENGER = "challenger"
"""The alias of a version whose model competes at every retraining, beside those that the settings name."""
FOLDER, ARTIFACT = "model", "saved"
"""Where a version lies in its run's artefacts, and its saved files among the artefacts of the pyfunc."""

ATTEMPTS = 3
SECONDS = 20.0
"""No further attempt begins after this time."""
FIRST_WAIT = 0.5
"""Seconds before the second attempt, at most; doubled before each further one."""
REQUEST_SECONDS = 10
"""How long one request to a tracking server may take, unless MLFLOW_HTTP_REQUEST_TIMEOUT says otherwise. With MLflow's
own retries, a server that says nothing is given up after some forty seconds."""
LOCK_SECONDS = 60.0

_ADVISORY_LOCK = 725_882_279
"""Of retrainings; the ledger's own is another one, so that reports can be ingested under it."""
_REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic")
"""What loading and asking a model needs beside the modules that lie with it."""
_TAG = "salvocast."
_STATED = ("digest", "model_id", "data_digest", "code_version", "origin", "scores")
_PROMOTIONS = f"{_TAG}promotions"

P = ParamSpec("P")
Result = TypeVar("Result")
RegistryT = TypeVar("RegistryT", bound="Registry")

# MLflow reads these when it is first loaded, which every function here leaves to the last moment.
for _name, _value in (
    ("MLFLOW_DISABLE_TELEMETRY", "true"),  # a planning tool tells nobody that it is used
    ("MLFLOW_LOGGING_LEVEL", "ERROR"),
    ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
    ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2"),  # by itself it goes on for minutes
    ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1"),
    ("MLFLOW_HTTP_REQUEST_TIMEOUT", str(REQUEST_SECONDS)),
):
    os.environ.setdefault(_name, _value)


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the embedded SQLite store in the home, which is the model registry as well."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{salvocast_home() / 'mlflow.db'}"


def registered_name(theatre: str, weapon_class: str) -> str:
    """The name of a series in the registry, such as "salvocast-ukraine-shahed"."""
    return f"salvocast-{theatre}-{weapon_class}"


@dataclass(frozen=True)
class RegisteredModel:
    """A version in the registry.

    digest: of its saved files. data_digest, origin: of the history that it is fitted to, and its last day. run_id: of
    the MLflow run that made it. scores: as given when it was registered. source: where its files are. tags: all.
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


@dataclass(frozen=True)
class Promotion:
    """When a version became champion, why, and the version that it took over from (None: there was none)."""

    version: int
    promoted_at: datetime
    reason: str
    predecessor: int | None


def _retried(
    method: "Callable[Concatenate[RegistryT, P], Result]",
) -> "Callable[Concatenate[RegistryT, P], Result]":
    """The method, tried again where the store is away or fails; each attempt finds what the one before it has done."""

    @wraps(method)
    def call(self: RegistryT, /, *args: P.args, **kwargs: P.kwargs) -> Result:
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


class Registry:
    """The model registry at an MLflow tracking URI. Nothing is asked of it before a method needs it.

    Every method that asks it tries again a few times, and then raises SalvocastError, in one line without a password.
    """

    def __init__(self, uri: str, now: Callable[[], datetime]) -> None:
        self.uri = uri
        self._now = now

    @classmethod
    def open(cls, uri: str | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Self:
        """The registry at `uri`, or where `tracking_uri` says. now: the clock that promotions are recorded by."""
        return cls(uri or tracking_uri(), now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open between calls."""

    @_retried
    def champion(self, theatre: str, weapon_class: str) -> RegisteredModel | None:
        """The version that serves, or None where none does yet. Raises SalvocastError for one that is not ours."""
        name = registered_name(theatre, weapon_class)
        found = _or_none(self._client.get_model_version_by_alias, name, CHAMPION)
        return None if found is None else _required(found, (CHAMPION,))

    @_retried
    def challenger(self, theatre: str, weapon_class: str) -> RegisteredModel | None:
        """The version that was registered as challenger, or None. Raises SalvocastError for one that is not ours."""
        found = _or_none(self._client.get_model_version_by_alias, registered_name(theatre, weapon_class), CHALLENGER)
        return None if found is None else _required(found, (CHALLENGER,))

    @_retried
    def set_challenger(self, name: str, version: int) -> None:
        """Moves the alias to a version of that name. `gc` keeps the version as long as it has it."""
        self._client.set_registered_model_alias(name, CHALLENGER, str(version))

    @_retried
    def versions(self, theatre: str, weapon_class: str) -> list[RegisteredModel]:
        """Every version that Salvocast registered, the newest first."""
        return self._versions(registered_name(theatre, weapon_class))

    def register(
        self, saved: SavedModel, *, run_id: str, scores: Mapping[str, float], tags: Mapping[str, str] | None = None
    ) -> RegisteredModel:
        """Puts a fitted model into the registry, its files into the run `run_id`, and returns its version.

        The version with the same digest, data digest and code version is returned, where there is one: registering
        twice, or again after a kill, leaves one version. tags: what else is to be said of it, such as a reason.
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
        return self._registered(registered_name(saved.theatre, saved.weapon_class), files, all_tags, run_id)

    @_retried
    def _registered(
        self, name: str, files: Mapping[str, bytes], tags: Mapping[str, str], run_id: str
    ) -> RegisteredModel:
        if found := self._same(name, tags):
            return found
        if _or_none(self._client.get_registered_model, name) is None:
            _or_none(self._client.create_registered_model, name)
        with tempfile.TemporaryDirectory() as folder:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # MLflow's, of its own type hints
                _write_pyfunc(Path(folder), files)
            self._client.log_artifacts(run_id, str(Path(folder) / FOLDER), FOLDER)
        source = f"{self._client.get_run(run_id).info.artifact_uri}/{FOLDER}"
        made = self._client.create_model_version(name, source, run_id, dict(tags), await_creation_for=0)
        return self._same(name, tags) or _required(made, ())

    @_retried
    def set_champion(self, name: str, version: int, *, reason: str = "") -> None:
        """Moves the alias, in one step, to a version of that name; does nothing where it is there already.

        What is recorded on the version first (when, why and after which one) counts from that step on: see
        `champion_history`. reason: in words; without it, the tag "reason" of the version.
        """
        chosen = self._client.get_model_version(name, str(version))
        before = _or_none(self._client.get_model_version_by_alias, name, CHAMPION)
        predecessor = None if before is None else int(before.version)
        if predecessor == version:
            return
        since = _promotions(before)[-1].promoted_at if before is not None and _promotions(before) else None
        made = [each for each in _promotions(chosen) if since is None or each.promoted_at <= since]  # others broke off
        now = self._now()
        if since is not None and now <= since:  # a clock that went back must not turn the order round
            now = since + timedelta(microseconds=1)
        made.append(Promotion(version, now, reason or chosen.tags.get("reason", ""), predecessor))
        record = json.dumps([asdict(each) | {"promoted_at": each.promoted_at.isoformat()} for each in made])
        self._client.set_model_version_tag(name, str(version), _PROMOTIONS, record)
        self._client.set_registered_model_alias(name, CHAMPION, str(version))

    @_retried
    def champion_history(self, theatre: str, weapon_class: str) -> list[Promotion]:
        """How the champion came to be, the newest promotion first: from the champion back from predecessor to
        predecessor, as far as their versions are kept. A promotion that broke off before the alias moved is not in it.
        """
        return self._history(registered_name(theatre, weapon_class))

    @_retried
    def all_versions(self) -> list[tuple[str, int, str]]:
        """Name, version and run id of every version in the registry, whoever made it."""
        return [(raw.name, int(raw.version), raw.run_id) for raw in self._raw_versions()]

    @_retried
    def versions_of(self, name: str) -> tuple[list[RegisteredModel], list[RegisteredModel]]:
        """The versions that Salvocast registered under a name, the newest first, in two parts.

        Those that serve or may at once serve again: an alias is on them, or the champion took over from them, or a
        rollback without further words goes to them. And the others.
        """
        history = self._history(name)
        earlier = [each.version for each in history if each.version < history[0].version]
        near = {history[0].predecessor if history else None, max(earlier, default=None)}
        parts: tuple[list[RegisteredModel], list[RegisteredModel]] = ([], [])
        for version in self._versions(name) if name.startswith("salvocast-") else ():  # not of copies
            parts[not (version.aliases or version.version in near)].append(version)
        return parts

    @_retried
    def delete(self, version: RegisteredModel) -> None:
        """Takes a version out of the registry, unless it is gone already; its files stay with its run."""
        _or_none(self._client.delete_model_version, version.name, str(version.version))

    def _history(self, name: str) -> list[Promotion]:
        recorded = {int(version.version): _promotions(version) for version in self._raw_versions(name)}
        champion = _or_none(self._client.get_model_version_by_alias, name, CHAMPION)
        history: list[Promotion] = []
        version = None if champion is None else int(champion.version)
        while version is not None:
            earlier = [
                each for each in recorded.get(version, []) if not history or each.promoted_at < history[-1].promoted_at
            ]
            if not earlier:
                break
            history.append(earlier[-1])
            version = earlier[-1].predecessor
        return history

    @_retried
    def load(self, registered: RegisteredModel) -> SavedModel:
        """The fitted model of a version. Its files are kept in the home: read again, and the last champion's found by
        `last_known_champion`, without the registry. Raises SalvocastError for files that were changed."""
        files = _kept_files(registered.digest)
        if files is None:
            files = self._downloaded(registered)
            if digest_of(files) != registered.digest:
                raise SalvocastError(
                    f"{registered.name} version {registered.version} does not have the digest that it was registered "
                    "with: its files were changed; roll back to another version, or retrain with --force"
                )
            _keep(registered.digest, files)
        saved = load_saved(files)
        if CHAMPION in registered.aliases:
            _keep_champion(registered)
        return saved

    def last_known_champion(self, theatre: str, weapon_class: str) -> RegisteredModel | None:
        """The champion that this machine loaded last, without asking the registry; `load` reads it from the home."""
        from pydantic import TypeAdapter, ValidationError

        name = registered_name(theatre, weapon_class)
        with suppress(OSError, ValidationError):
            known = TypeAdapter(RegisteredModel).validate_json(_champion_file(name).read_bytes())
            if _kept_files(known.digest) is not None:
                return known
        return None

    @contextmanager
    def lock(self, wait_seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Held by one at a time: across machines where the store or the ledger is on PostgreSQL (an advisory lock,
        given up when its connection dies), else across the processes that share the home.

        Raises SalvocastError that names the holder, where it is not free within `wait_seconds`. Who holds it must not
        ask for it again.
        """
        shared = next((url for url in (self.uri, str(ledger_url())) if url.startswith("postgres")), None)
        with _server_lock(shared, wait_seconds) if shared else _file_lock(wait_seconds):
            yield

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

    def _same(self, name: str, tags: Mapping[str, str]) -> RegisteredModel | None:
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
        model = _or_none(self._client.get_registered_model, name)
        aliases = {} if model is None else model.aliases
        made = [
            _registered_model(raw, tuple(alias for alias, on in aliases.items() if int(on) == int(raw.version)))
            for raw in self._raw_versions(name)
        ]
        return [version for version in made if version is not None]

    def _downloaded(self, registered: RegisteredModel) -> dict[str, bytes]:
        from mlflow.artifacts import download_artifacts, list_artifacts

        where = f"{registered.source}/artifacts/{ARTIFACT}"
        listed = list_artifacts(artifact_uri=where, tracking_uri=self.uri)
        size = sum(each.file_size or 0 for each in listed)
        if size > LARGEST_BYTES:
            raise SalvocastError(f"{where} has {size} bytes: expected a saved model of at most {LARGEST_BYTES}")
        with tempfile.TemporaryDirectory() as folder:
            found = Path(download_artifacts(artifact_uri=where, dst_path=folder, tracking_uri=self.uri))
            return {path.name: path.read_bytes() for path in found.iterdir() if path.is_file()}


def known_model(digest: str) -> SavedModel:
    """The model whose saved files have that digest, from those kept in the home. Raises SalvocastError without them."""
    files = _kept_files(digest)
    if files is None:
        raise SalvocastError(f"no model of digest {digest} is kept in {_models()}: load it from the registry first")
    return load_saved(files)


def copies_of_models() -> list[Path]:
    """What lies among the copies in the home: a folder for each digest, and what a killed process began to write.
    A copy may go at any time; it is loaded again."""
    return sorted(path for path in _models().glob("*") if path.suffix != ".json" or path.name.startswith("."))


def noted_champions() -> set[str]:
    """The digests of the models that this machine serves while the registry is away."""
    noted = set()
    for path in _models().glob("[!.]*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # a note that cannot be read names none
            noted.add(json.loads(path.read_bytes())["digest"])
    return noted


def ready_client(uri: str) -> Any:
    """An MLflow client of the store and registry at `uri`, whose database is made when it is missing."""
    logging.getLogger("alembic").setLevel(logging.ERROR)
    from mlflow.tracking import MlflowClient

    server = uri.startswith(("http:", "https:"))
    if uri.startswith("postgres"):
        _engine(uri).connect().close()  # MLflow would try for minutes
    with one_process_at_a_time():
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        if not server:
            client.search_registered_models(max_results=1)  # makes the tables
    return client


@contextmanager
def one_process_at_a_time() -> Iterator[None]:
    """Two processes that make the same MLflow database at once break it: the second waits until it is made."""
    with (salvocast_home() / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def store_failures(uri: str) -> Iterator[None]:
    """Tells what goes wrong with the store at `uri` as one SalvocastError, without its password or a token."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:  # a driver may be missing
        first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        told = first_line.replace(uri.rstrip("/"), without_password(uri).rstrip("/"))  # MLflow names the whole URI
        for secret in (urlsplit(uri).password, *map(os.environ.get, _SECRETS)):
            told = told.replace(secret, "***") if secret else told
        raise SalvocastError(
            f"the tracking store {without_password(uri)} failed ({told[:300]}): see that it can be reached and "
            "written, or set MLFLOW_TRACKING_URI"
        ) from error


_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def without_password(uri: str) -> str:
    """The URI as it may be told."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(uri).render_as_string(hide_password=True)
    except ArgumentError:
        return uri


def _may_pass(error: BaseException) -> bool:
    """Whether a failure may be gone at the next attempt: not what the store has understood and refused."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    refused = {"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "PERMISSION_DENIED", "UNAUTHENTICATED", *_ABSENT}
    return isinstance(error, SQLAlchemyError | OSError) or (
        isinstance(error, MlflowException) and error.error_code not in refused
    )


_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")


def _or_none(call: Callable[..., Result], *arguments: Any) -> Result | None:
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


def _required(version: Any, aliases: tuple[str, ...]) -> RegisteredModel:
    made = _registered_model(version, aliases)
    if made is None:
        raise SalvocastError(
            f"{version.name} version {version.version} was not registered by salvocast: move the alias {CHAMPION} "
            "to a version that was, or delete it and retrain"
        )
    return made


def _promotions(version: Any) -> list[Promotion]:
    """What is recorded of a version's promotions, oldest first."""
    return [
        Promotion(**each | {"promoted_at": datetime.fromisoformat(each["promoted_at"])})
        for each in json.loads(version.tags.get(_PROMOTIONS, "[]"))
    ]


def _write_pyfunc(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes the saved files as an MLflow pyfunc into `folder`/model, with the modules that it needs."""
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import save_model as save_pyfunc
    from mlflow.types import ColSpec, DataType, Schema

    start = "forecasting.served_model"
    modules = _own_modules(start)
    for path, content in modules.values():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    saved = folder / ARTIFACT
    saved.mkdir()
    for name, content in files.items():
        (saved / name).write_bytes(content)
    whole, number, text = DataType.long, DataType.double, DataType.string
    save_pyfunc(
        folder / FOLDER,
        python_model=str(folder / modules[start][0]),
        artifacts={ARTIFACT: str(saved)},
        code_paths=[str(folder / room) for room in sorted({path.parts[0] for path, _ in modules.values()})],
        signature=ModelSignature(
            inputs=Schema(
                [ColSpec(whole, "horizon"), *(ColSpec(whole, name, required=False) for name in ("paths", "seed"))]
            ),
            outputs=Schema(
                [
                    ColSpec(whole, "request"),
                    ColSpec(text, "attack_day"),
                    ColSpec(whole, "horizon"),
                    ColSpec(number, "level"),
                    ColSpec(number, "drones"),
                ]
            ),
        ),
        input_example=pd.DataFrame({"horizon": [28], "paths": [2_000], "seed": [1]}),
        pip_requirements=[f"{name}=={version_of(name)}" for name in _REQUIREMENTS],
    )


def _own_modules(start: str) -> dict[str, tuple[Path, bytes]]:
    """The modules of ours that a module needs, itself among them: name -> path from the root, and source."""
    found: dict[str, tuple[Path, bytes]] = {}
    pending = [start]
    while pending:
        name = pending.pop()
        spec = find_spec(name) if name.split(".")[0] in ("features", "forecasting") and name not in found else None
        if spec is None or spec.origin is None:
            continue
        content = Path(spec.origin).read_bytes()
        parts = name.split(".")
        path = Path(*parts, "__init__.py") if spec.submodule_search_locations else Path(*parts).with_suffix(".py")
        found[name] = path, content
        pending += [".".join(parts[:depth]) for depth in range(1, len(parts))]
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.ImportFrom) and node.module:
                pending += [node.module]
            elif isinstance(node, ast.Import):
                pending += [each.name for each in node.names]
    return found


def _models() -> Path:
    return salvocast_home() / "models"


def _champion_file(name: str) -> Path:
    return _models() / f"{name}.json"


def _kept_files(digest: str) -> dict[str, bytes] | None:
    """The saved files of that digest, if they are kept and whole."""
    folder = _models() / digest
    try:
        files = {name: (folder / name).read_bytes() for name in FILES}
    except OSError:
        return None
    return files if digest_of(files) == digest else None


def _keep(digest: str, files: Mapping[str, bytes]) -> None:
    """Keeps saved files in the home, all or none."""
    _models().mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_models(), prefix=".") as folder:
        whole = Path(folder) / digest
        whole.mkdir()
        for name, content in files.items():
            (whole / name).write_bytes(content)
        if _kept_files(digest) is None:
            shutil.rmtree(_models() / digest, ignore_errors=True)
            with suppress(OSError):  # another process has put the same files there
                whole.rename(_models() / digest)


def _keep_champion(registered: RegisteredModel) -> None:
    """Notes down which version is the champion, so that it is found without the registry."""
    from pydantic import TypeAdapter

    content = TypeAdapter(RegisteredModel).dump_json(registered, indent=1)
    path = _champion_file(registered.name)
    if not path.exists() or path.read_bytes() != content:
        write_file(path, content)


def _engine(url: str) -> Any:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    arguments = {"connect_timeout": REQUEST_SECONDS, "application_name": _holder()}
    return create_engine(url, connect_args=arguments, isolation_level="AUTOCOMMIT", poolclass=NullPool)


def _holder() -> str:
    """Who holds the lock, as it is told to those who wait."""
    return f"salvocast {socket.gethostname()[:30]} process {os.getpid()}"


@contextmanager
def _file_lock(wait_seconds: float) -> Iterator[None]:
    with (salvocast_home() / "registry.lock").open("a+") as lock:
        for _ in _until(wait_seconds):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                continue
        else:
            lock.seek(0)
            raise _held(lock.read(), wait_seconds)
        lock.truncate(0)
        lock.write(_holder())
        lock.flush()
        yield


@contextmanager
def _server_lock(url: str, wait_seconds: float) -> Iterator[None]:
    from sqlalchemy import text

    holder = text(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND granted AND objid = :key"
    )
    with store_failures(url):
        connection = _engine(url).connect()
    with connection:  # the lock is the connection's
        for _ in _until(wait_seconds):
            with store_failures(url):
                if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}):
                    break
                held_by = connection.scalar(holder, {"key": _ADVISORY_LOCK})
        else:
            raise _held(held_by, wait_seconds)
        yield


def _until(wait_seconds: float) -> Iterator[None]:
    """Turns, a few a second, until the time is over."""
    end = time.monotonic() + wait_seconds
    yield
    while time.monotonic() < end:
        time.sleep(min(0.2, wait_seconds))
        yield


def _held(holder: str | None, wait_seconds: float) -> SalvocastError:
    return SalvocastError(
        f"the registry is locked by {holder or 'another process'}, which did not end within {wait_seconds:g} seconds; "
        "nothing was changed, try again"
    )
