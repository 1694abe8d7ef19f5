"""What is learned of the same numbers is learned once: recipes share steps, as the ensemble and its members do."""

from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from cachetools import LRUCache

Learned = TypeVar("Learned")

KEPT = 16
"""Results of a function: more than the recipes of one origin ask of it, and no more than some hundred kilobytes."""


def learned_once(learn: Callable[..., Learned]) -> Callable[..., Learned]:
    """The function, whose last results are kept by the bytes of its arguments: arrays, numbers and texts.

    For one whose result follows from its arguments alone. Whoever is given a result may not change it: its arrays are
    read-only.
    """
    kept: LRUCache[Hashable, Learned] = LRUCache(KEPT)
    lock = Lock()

    @wraps(learn)
    def call(*given: Any) -> Learned:
        key = tuple(
            (each.dtype.str, each.shape, each.tobytes()) if isinstance(each, np.ndarray) else each for each in given
        )
        with lock:
            if key in kept:
                return kept[key]
        found = learn(*given)
        for part in found if isinstance(found, tuple) else (found,):
            if isinstance(part, np.ndarray):
                part.setflags(write=False)
        with lock:
            kept[key] = found
        return found

    return call
