"""A fitted model as files: JSON for its numbers, npz for its arrays. Pure: bytes in, bytes out.

Nothing in the files is run or imported: a type is looked up by its name among the dataclasses of the bundled models,
then of those that were installed or added here (`forecasting.salvos.model.MODELS`), and in nothing else; no array is
unpickled. A fitted model keeps nothing of scikit-learn or statsmodels, only numbers: neither do the files.

When a class of a bundled model changes its fields, FORMAT goes up, and what the older format lacks is filled in on
loading: `tests/forecasting/golden` keeps a saved model of every format.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import date
from importlib import import_module
from io import BytesIO
from math import isfinite
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from features.errors import SalvocastError
from features.history import LaunchHistory
from features.massed import WINDOW, is_mostly_quiet, massed_threshold
from features.records import QuietDayRule
from features.unknown_days import UnknownDays, mostly_unknown, nights_alone
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import BUNDLED_MODELS, FORECAST_STREAM, MODELS, Fitted, Model, SimulationRequest
from forecasting.salvos.soundness import level_doubt, scale_by_doubt

FORMAT = 2
READABLE_SINCE = "0.2.0"
"""The first release that reads files of FORMAT."""

MODEL_FILE, ARRAYS_FILE, DIGEST_FILE = "model.json", "arrays.npz", "digest.txt"
FILES = (MODEL_FILE, ARRAYS_FILE, DIGEST_FILE)
LARGEST_BYTES = 16 * 1024 * 1024
"""Of all files together; a model of ten years of days has a few hundred kilobytes."""

RECIPE, FITTED = ("fit", "fit_many"), ("simulate",)
"""What tells a recipe, and what it has learnt, from other types."""
_DTYPES = {"f": np.dtype("<f8"), "i": np.dtype("<i8")}
"""Kind of an array -> how it is written: the same bytes on every machine."""


_NOT_OF_OURS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
)
"""What reading files raises that were forged with their digest."""


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A fitted model and what its forecasts say of the history that it was fitted to.

    Parameters
    ----------
    model : Model
        The recipe.
    fitted : Fitted
        What it has learnt.
    theatre, weapon_class : str
        Of the series.
    origin : date
        The history's last attack day, from which it forecasts.
    last_day_known, data_sources, data_digest, quiet_day_rule, massed_threshold
        As of `SalvoForecast`.
    days_before, unknown_days, nights_alone, mostly_quiet
        As of `SalvoForecast`.
    nights_alone : int
        As of `SalvoForecast`.
    level_doubt : float
        By how much the level is open where many of the last days are unknown (`forecasting.salvos.soundness`).
    """

    model: Model
    fitted: Fitted
    theatre: str
    weapon_class: str
    origin: date
    last_day_known: date
    data_sources: tuple[str, ...]
    data_digest: str
    quiet_day_rule: QuietDayRule
    massed_threshold: int
    unknown_days: UnknownDays | None = None
    mostly_quiet: bool = False
    level_doubt: float = 0.0
    days_before: tuple[float, ...] = ()
    nights_alone: int = 0

    @classmethod
    def of(cls, model: Model, fitted: Fitted, history: LaunchHistory) -> Self:
        """What is to be saved of a model as fitted to a history.

        Parameters
        ----------
        model : Model
            The recipe.
        fitted : Fitted
            What `forecasting.salvos.model.fit` gives of the two.
        history : LaunchHistory
            That it was fitted to.

        Returns
        -------
        SavedModel
        """
        return cls(
            model=model,
            fitted=fitted,
            theatre=history.theatre,
            weapon_class=history.weapon_class,
            origin=history.last_day,
            last_day_known=history.last_known_day,
            data_sources=history.sources,
            data_digest=history.digest,
            quiet_day_rule=history.quiet_day_rule,
            massed_threshold=massed_threshold(history),
            unknown_days=mostly_unknown(history),
            mostly_quiet=is_mostly_quiet(history),
            level_doubt=level_doubt(history),
            days_before=tuple(history.known[-WINDOW:].tolist()),
            nights_alone=nights_alone(history),
        )

    def forecast(self, request: SimulationRequest, seed: int) -> SalvoForecast:
        """What `forecasting.salvos.model.forecast` gives of the same model, history, request and seed, to the byte.

        Parameters
        ----------
        request : SimulationRequest
            How many days and paths.
        seed : int
            0 or more.

        Returns
        -------
        SalvoForecast
        """
        return SalvoForecast(
            theatre=self.theatre,
            weapon_class=self.weapon_class,
            origin=self.origin,
            last_day_known=self.last_day_known,
            paths=scale_by_doubt(
                self.fitted.simulate(request, np.random.default_rng([seed, FORECAST_STREAM])), self.level_doubt, seed
            ),
            model_id=self.model.model_id,
            data_sources=self.data_sources,
            data_digest=self.data_digest,
            quiet_day_rule=self.quiet_day_rule,
            massed_threshold=self.massed_threshold,
            seed=seed,
            unknown_days=self.unknown_days,
            mostly_quiet=self.mostly_quiet,
            days_before=self.days_before,
            nights_alone=self.nights_alone,
        )


def save_model(saved: SavedModel) -> dict[str, bytes]:
    """A model as files. The same model gives the same bytes.

    Parameters
    ----------
    saved : SavedModel
        Of a bundled model.

    Returns
    -------
    dict of str to bytes
        File name -> content.

    Raises
    ------
    SalvocastError
        For a model that is made of anything but the listed types, arrays of floats or whole numbers, numbers that are
        finite, and words.
    """
    arrays: dict[str, NDArray[Any]] = {}
    document = {
        "format": FORMAT,
        "readable_since": READABLE_SINCE,
        "theatre": saved.theatre,
        "weapon_class": saved.weapon_class,
        "origin": saved.origin.isoformat(),
        "last_day_known": saved.last_day_known.isoformat(),
        "data_sources": list(saved.data_sources),
        "data_digest": saved.data_digest,
        "quiet_day_rule": saved.quiet_day_rule.value,
        "massed_threshold": saved.massed_threshold,
        # Told only where there is something to tell: what was saved before stays as it is.
        **({"unknown_days": asdict(saved.unknown_days)} if saved.unknown_days else {}),
        **({"mostly_quiet": True} if saved.mostly_quiet else {}),
        **({"nights_alone": saved.nights_alone} if saved.nights_alone else {}),
        "level_doubt": saved.level_doubt,
        **({"days_before": list(saved.days_before)} if saved.days_before else {}),
        "model": _plain(saved.model, "model", arrays),
        "fitted": _plain(saved.fitted, "fitted", arrays),
    }
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    files = {
        MODEL_FILE: json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n",
        ARRAYS_FILE: buffer.getvalue(),
    }
    return files | {DIGEST_FILE: digest_of(files).encode()}


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents of the files, the one that holds the digest left out."""
    state = hashlib.sha256()
    for name in sorted(set(files) - {DIGEST_FILE}):
        for part in (name.encode(), files[name]):
            state.update(len(part).to_bytes(8, "little") + part)
    return state.hexdigest()


def load_saved(files: Mapping[str, bytes]) -> SavedModel:
    """The model that `save_model` wrote. No code of the files is run.

    Parameters
    ----------
    files : mapping of str to bytes
        File name -> content.

    Returns
    -------
    SavedModel

    Raises
    ------
    SalvocastError
        In one line, for files that were changed or are missing, of a format that this release does not know, or that
        hold anything but a model of ours.
    """
    if set(files) != set(FILES):
        raise SalvocastError(
            f"a saved model is the files {', '.join(FILES)}, not {', '.join(sorted(files)) or 'none'}: register it anew"
        )
    size = sum(map(len, files.values()))
    if size > LARGEST_BYTES:
        raise SalvocastError(f"the saved model has {size} bytes: expected at most {LARGEST_BYTES}")
    if files[DIGEST_FILE] != digest_of(files).encode():
        raise SalvocastError("the files of the saved model do not have its digest: they were changed; register it anew")
    try:
        document = json.loads(files[MODEL_FILE])
        if document["format"] not in (1, FORMAT):
            raise SalvocastError(
                f"the saved model has format {document['format']}, this release reads 1 to {FORMAT}: use release "
                f"{document['readable_since']} of salvocast or a newer one"
            )
        if document["format"] == 1:
            document = _of_format_1(document)
        arrays = _arrays(files[ARRAYS_FILE])
        return SavedModel(
            model=_restored(document["model"], arrays, RECIPE),
            fitted=_restored(document["fitted"], arrays, FITTED),
            theatre=str(document["theatre"]),
            weapon_class=str(document["weapon_class"]),
            origin=date.fromisoformat(document["origin"]),
            last_day_known=date.fromisoformat(document["last_day_known"]),
            data_sources=tuple(map(str, document["data_sources"])),
            data_digest=str(document["data_digest"]),
            quiet_day_rule=QuietDayRule(document["quiet_day_rule"]),
            massed_threshold=int(document["massed_threshold"]),
            # Models that were saved before these were looked at do not tell them.
            unknown_days=UnknownDays(**told) if (told := document.get("unknown_days")) else None,
            mostly_quiet=bool(document.get("mostly_quiet")),
            level_doubt=float(document["level_doubt"]),
            days_before=tuple(map(float, document.get("days_before", []))),
            nights_alone=int(document.get("nights_alone", 0)),
        )
    except _NOT_OF_OURS as error:
        raise SalvocastError(f"the saved model is not of ours ({type(error).__name__}: {error})") from error


def recipe_document(model: Model) -> dict[str, Any]:
    """A recipe as JSON takes it: its type by name, and its parameters; members are recipes themselves.

    Parameters
    ----------
    model : Model
        A dataclass of a model that is known here.

    Returns
    -------
    dict
        type, fields.

    Raises
    ------
    SalvocastError
        For a recipe that is made of anything else.
    """
    arrays: dict[str, NDArray[Any]] = {}
    document: dict[str, Any] = _plain(model, "the recipe", arrays)
    if arrays:
        raise SalvocastError(f"{next(iter(arrays))} is an array: a recipe is told by numbers and words")
    return document


def recipe_from(document: Any) -> Model:
    """The recipe that `recipe_document` told. Nothing is imported that is not a model known here.

    Parameters
    ----------
    document : dict
        type, fields.

    Returns
    -------
    Model

    Raises
    ------
    SalvocastError
        For a type that is not known here, or has other fields.
    """
    try:
        model: Model = _restored(document, {}, RECIPE)
    except _NOT_OF_OURS as error:
        raise SalvocastError(str(error)) from error
    return model


_SINCE_FORMAT_2: Mapping[str, Mapping[str, Any]] = {
    "SalvoEnsemble": {"past_sums": False},
    "FittedSalvoEnsemble": {"sums": None},
    "LocalLevel": {"window": 365},
    "FittedNegativeBinomial": {"smallest_mean": 0.0},
}
"""Type -> its fields that format 1 did not have, and what they were then."""


_GAINED: Mapping[str, tuple[str, ...]] = {"SalvoEnsemble": ("weights",), "FittedSalvoEnsemble": ("weights",)}
"""Type -> its fields that came after FORMAT: told only where they are not None, so that other files stay the same."""


def _of_format_1(plain: Any) -> Any:
    """What format 2 would have written: a model of format 1 knows of no past sums, and of no doubt of its level."""
    if isinstance(plain, list):
        return [_of_format_1(part) for part in plain]
    if not isinstance(plain, dict):
        return plain
    filled = {name: _of_format_1(part) for name, part in plain.items()}
    if set(plain) == {"type", "fields"} and isinstance(plain["fields"], dict):
        filled["fields"] = {**_SINCE_FORMAT_2.get(str(plain["type"]), {}), **filled["fields"]}
    return {"level_doubt": 0.0, **filled} if "format" in plain else filled


def _plain(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """The value as JSON takes it; its arrays are put into `arrays` by where they stand."""
    if isinstance(value, np.ndarray) and value.dtype.kind in _DTYPES:
        arrays[path] = np.ascontiguousarray(value, _DTYPES[value.dtype.kind])
        return {"array": path}
    if is_dataclass(value) and _type_named(type(value).__name__) is type(value):
        gained = _GAINED.get(type(value).__name__, ())
        names = [
            each.name for each in fields(value) if each.name not in gained or getattr(value, each.name) is not None
        ]
        own = {name: _plain(getattr(value, name), f"{path}.{name}", arrays) for name in names}
        return {"type": type(value).__name__, "fields": own}
    if isinstance(value, tuple):
        return [_plain(part, f"{path}.{index}", arrays) for index, part in enumerate(value)]
    if value is None or type(value) in (bool, int, str) or (type(value) is float and isfinite(value)):
        return value
    namesake = _type_named(type(value).__name__) if is_dataclass(value) else None
    if namesake is not None:
        raise SalvocastError(
            f"{path} is a {type(value).__name__} of {type(value).__module__}, a name that {namesake.__module__} has "
            "taken: a saved model cannot hold it, call the class otherwise"
        )
    raise SalvocastError(f"{path} is {value!r} ({type(value).__name__}): a saved model cannot hold it")


def _restored(plain: Any, arrays: Mapping[str, NDArray[Any]], does: tuple[str, ...] = ()) -> Any:
    """What `_plain` made this of. does: methods of which its type must have one: of a recipe, or of a fitted model."""
    if isinstance(plain, dict) and set(plain) == {"type", "fields"}:
        kind = _type_named(plain["type"])
        if kind is None:
            raise ValueError(f"unknown type {plain['type']}: of a model of somebody's own? install its package")
        if does and not any(hasattr(kind, method) for method in does):
            raise ValueError(f"unknown type {plain['type']} at this place")
        told = dict.fromkeys(_GAINED.get(plain["type"], ())) | plain["fields"]
        if set(told) != {field.name for field in fields(kind)}:
            raise ValueError(f"the fields of {plain['type']} are {', '.join(plain['fields'])}")
        return kind(**{name: _restored(own, arrays) for name, own in told.items()})
    if does:
        raise ValueError("a model is missing")
    if isinstance(plain, dict):
        return arrays[plain["array"]]
    return tuple(_restored(part, arrays) for part in plain) if isinstance(plain, list) else plain


def _type_named(name: str) -> type[Any] | None:
    """The dataclass of that name in the module of a bundled model, or else of another that is known here."""
    for model, where in sorted(MODELS.items(), key=lambda each: each[0] not in BUNDLED_MODELS):
        try:
            module = import_module(where.partition(":")[0])
        except Exception:
            if model in BUNDLED_MODELS:
                raise
            continue  # another package's model that is broken is not the one looked for
        found = vars(module).get(name)
        if isinstance(found, type) and is_dataclass(found) and found.__module__ == module.__name__:
            return found
    return None


def _arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Name -> array. np.load would make room for whatever a header claims: here, no array is larger than its bytes, and
    all together not larger than the file, however it is compressed."""
    arrays = {}
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > len(content):
            raise ValueError("the arrays are larger than their file")
        for member in members:
            stream = BytesIO(archive.read(member))
            if npy.read_magic(stream) != (1, 0):
                raise ValueError(f"{member.filename} is no array that was saved here")
            shape, fortran_order, dtype = npy.read_array_header_1_0(stream)
            if fortran_order or dtype not in _DTYPES.values():
                raise ValueError(f"{member.filename} is an array of {dtype}")
            name = member.filename.removesuffix(".npy")
            arrays[name] = np.frombuffer(stream.read(), dtype).astype(dtype.newbyteorder("=")).reshape(shape)
    return arrays
