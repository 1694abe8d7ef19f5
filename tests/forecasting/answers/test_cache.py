"""What is kept, and what is too large to be."""

from cachetools import LRUCache

from forecasting.answers.cache import get_or_make, keep


def test_what_is_held_is_not_made_again() -> None:
    cache: LRUCache[str, list[int]] = LRUCache(2)
    first = get_or_make(cache, "a", lambda: [1])
    assert get_or_make(cache, "a", lambda: [2]) is first


def test_a_value_that_is_too_large_is_given_out_and_not_kept() -> None:
    cache: LRUCache[str, bytes] = LRUCache(3, len)
    assert keep(cache, "small", b"abc") == b"abc"
    assert keep(cache, "large", b"abcd") == b"abcd"
    assert dict(cache) == {"small": b"abc"}
