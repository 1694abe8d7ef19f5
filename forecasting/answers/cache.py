"""What was computed lately, kept within a bound: the caches are of cachetools."""

from collections.abc import Callable, Hashable, MutableMapping
from contextlib import suppress
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def keep(cache: MutableMapping[Key, Value], key: Key, value: Value) -> Value:
    """Puts the value into the cache, unless it is too large for it; returns the value."""
    with suppress(ValueError):
        cache[key] = value
    return value


def get_or_make(cache: MutableMapping[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
    """The value that the cache holds, or else the one that is made now, which it then holds."""
    found = cache.get(key)
    return keep(cache, key, make()) if found is None else found
