"""What a model is, so that one run can be told from another: its type and parameters, its members, the code of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from features.errors import SalvocastError
from features.release import module_digest
from forecasting.salvos.model import Model
from forecasting.salvos.saved import recipe_document

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "statsmodels")
"""Whose versions may move the numbers of a model."""
LONGEST_TEXT = 200


@dataclass(frozen=True)
class Recipe:
    """What a model was when it was run.

    Parameters
    ----------
    model_id : str
        Its name.
    document : mapping, optional
        Type and parameters, members within, as `forecasting.salvos.saved.recipe_document` tells them; None where they
        cannot be told, as of a class of a notebook that was not added.
    code : str
        SHA-256 of the source of its module, and of those of its members; "" where there is none to read.
    """

    model_id: str
    document: Mapping[str, Any] | None
    code: str

    @classmethod
    def of(cls, model: Model) -> "Recipe":
        """The recipe of a model.

        Parameters
        ----------
        model : Model
            Any.

        Returns
        -------
        Recipe
        """
        if made_elsewhere := getattr(model, "source_digest", ""):  # there is no code of it here: it is its files
            return cls(model.model_id, {"source_digest": made_elsewhere}, made_elsewhere)
        try:
            document: Mapping[str, Any] | None = recipe_document(model)
        except SalvocastError:
            document = None
        digests = [module_digest(name) for name in sorted({type(each).__module__ for each in _with_members(model)})]
        code = hashlib.sha256("|".join(digests).encode()).hexdigest() if all(digests) else ""
        return cls(model.model_id, document, code)

    @property
    def digest(self) -> str:
        """SHA-256 of all that its numbers depend on beside data, request and seed, versions of libraries among them;
        "" where that cannot be told: then no other run is the same."""
        if self.document is None or not self.code:
            return ""
        told = json.dumps([self.model_id, self.document, self.code, library_versions()], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As a run keeps it.

        Returns
        -------
        dict
            model_id, document, code.
        """
        return {"model_id": self.model_id, "document": self.document, "code": self.code}


def parameters_of(model: Model) -> dict[str, str]:
    """The parameters of a recipe, in words.

    Parameters
    ----------
    model : Model
        Any; one that is no dataclass has none.

    Returns
    -------
    dict of str to str
        Its fields but for the name; members by their names, long values cut.
    """
    given: Any = model
    told = fields(given) if is_dataclass(given) else ()
    own = {field.name: getattr(given, field.name) for field in told if field.name != "model_id"}
    return {name: _words(value)[:LONGEST_TEXT] for name, value in own.items()}


@cache
def _version(library: str) -> str:
    return version(library)


def library_versions() -> dict[str, str]:
    """The versions of the libraries whose numbers a model's rest on.

    Returns
    -------
    dict of str to str
        Library -> version.
    """
    return {library: _version(library) for library in LIBRARIES}


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_words, value))
    return str(value.model_id) if hasattr(value, "model_id") and not isinstance(value, type) else str(value)


def _with_members(value: Any) -> Iterator[Any]:
    """The model, and every recipe within its fields."""
    if isinstance(value, tuple):
        for part in value:
            yield from _with_members(part)
    elif is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in fields(value):
            yield from _with_members(getattr(value, field.name))
    elif hasattr(value, "fit") or hasattr(value, "fit_many"):
        yield value
