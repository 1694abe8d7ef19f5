"""Files that were changed are refused; the last champion is there without the registry."""

import os
from pathlib import Path

import pytest

from features.errors import SalvocastError
from forecasting.registry import (
    Registry,
    cached_model,
)
from forecasting.salvos.saved import FILES, save_model
from tests.forecasting.registry.conftest import (
    NAME,
    SERIES,
    SavedOf,
    in_registry,
    paths,
    retrained,
)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_changed_in_the_registry_is_refused(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path, name: str
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    (folder,) = in_registry(home)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(SalvocastError, match=r"digest.*they were changed|version 1 does not have the digest") as caught:
        registry.load(made)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_was_put_beside_them_is_refused(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    (folder,) = in_registry(home)
    (folder / "more.json").write_bytes(b"{}")
    with pytest.raises(SalvocastError, match="version 1 does not have the digest that it was registered with"):
        registry.load(made)


def test_another_whole_model_in_its_place_is_refused(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    (folder,) = in_registry(home)
    for name, content in save_model(saved_of(10.0)).items():
        (folder / name).write_bytes(content)
    with pytest.raises(SalvocastError, match="version 1 does not have the digest that it was registered with"):
        registry.load(made)
    assert not (home / "models" / made.digest).exists()


def test_a_kept_copy_that_was_changed_is_fetched_again(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    registry.load(made)
    kept = home / "models" / made.digest
    (kept / "arrays.npz").write_bytes(b"changed")
    with pytest.raises(SalvocastError, match="no model of digest"):
        cached_model(made.digest)
    assert paths(registry.load(made)) == paths(cached_model(made.digest)) == paths(saved_of())


def test_what_is_larger_than_any_model_is_not_fetched(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    (folder,) = in_registry(home)
    os.truncate(folder / "arrays.npz", 2**34)  # a hole: it takes no room
    with pytest.raises(SalvocastError, match="expected a saved model of at most"):
        registry.load(made)


def test_the_last_champion_is_there_without_the_registry(
    registry: Registry, run_id: str, saved_of: SavedOf, free_port: int, impatient: None
) -> None:
    away = Registry.open(f"http://127.0.0.1:{free_port}")
    assert away.last_known_champion(*SERIES) is None
    for level in (100.0, 200.0):
        made = registry.register(saved_of(level), run_id=run_id, scores={"wis": level})
        registry.load(made)
        assert away.last_known_champion(*SERIES) is None  # loaded, but no champion
    retrained(registry, run_id, saved_of(100.0))
    champion = registry.champion(*SERIES)
    assert champion is not None
    registry.load(champion)
    assert away.last_known_champion(*SERIES) == champion
    assert paths(away.load(champion)) == paths(saved_of(100.0))
    assert away.last_known_champion("israel", "shahed") is None
    with pytest.raises(SalvocastError, match=f"127.0.0.1:{free_port} failed"):
        away.champion(*SERIES)


@pytest.mark.parametrize("damage", ["the note", "the files"])
def test_a_damaged_copy_is_no_last_champion(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path, damage: str
) -> None:
    retrained(registry, run_id, saved_of())
    champion = registry.champion(*SERIES)
    assert champion is not None
    registry.load(champion)
    files = {
        "the note": home / "models" / f"{NAME}.json",
        "the files": home / "models" / champion.digest / "model.json",
    }
    files[damage].write_bytes(b"{")
    assert registry.last_known_champion(*SERIES) is None
