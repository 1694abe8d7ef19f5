"""A home that was copied: refused until it names its own files, and then neither home touches the other."""

import hashlib
import shutil
from pathlib import Path

import pytest

from features.errors import SalvocastError
from forecasting.commands.home import check, move
from forecasting.registry import Registry, move_places, refuse_copied_store, tracking_uri
from tests.forecasting.registry.conftest import SavedOf, paths, retrained


def contents(home: Path) -> dict[str, str]:
    """Every file of a home, but for locks, by the digest of its bytes."""
    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def copy(registry: Registry, run_id: str, saved_of: SavedOf, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a home with a champion, which is the home from now on."""
    retrained(registry, run_id, saved_of())
    place = home.with_name("copied home")  # a space is written as %20 in an address
    shutil.copytree(home, place)
    monkeypatch.setenv("SALVOCAST_HOME", str(place))
    return place


def test_a_copied_home_is_refused_in_one_line_at_every_opening(copy: Path, home: Path) -> None:
    before = contents(home), contents(copy)
    with pytest.raises(SalvocastError) as refused:
        Registry.open().champion("ukraine", "shahed")
    assert str(refused.value) == (
        f"the tracking store in {copy} is a copy: it names files of {home / 'mlartifacts'}; `salvocast home move` "
        "makes it name its own, the other home is left as it is"
    )
    with pytest.raises(SalvocastError, match="is a copy"):
        check()
    assert (contents(home), contents(copy)) == before


def test_after_the_move_each_home_works_and_leaves_the_other_alone(
    copy: Path, home: Path, saved_of: SavedOf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = contents(home)
    move()
    assert "places now name its own files" in capsys.readouterr().out
    registry = Registry.open()
    champion = registry.champion("ukraine", "shahed")
    assert champion is not None
    assert paths(registry.load(champion)) == paths(saved_of())
    experiment = registry._client.get_experiment_by_name("test").experiment_id
    retrained(registry, registry._client.create_run(experiment).info.run_id, saved_of(200.0))
    registry._client.delete_model_version(champion.name, str(champion.version))
    assert contents(home) == original

    moved = contents(copy)
    monkeypatch.setenv("SALVOCAST_HOME", str(home))
    check()
    first = Registry.open().champion("ukraine", "shahed")
    assert first is not None
    assert (first.version, paths(Registry.open().load(first))) == (1, paths(saved_of()))
    assert contents(copy) == moved


def test_a_copy_without_its_files_is_not_moved(copy: Path) -> None:
    shutil.rmtree(copy / "mlartifacts")
    before = contents(copy)
    with pytest.raises(SalvocastError, match="is missing: copy the folder mlartifacts together with mlflow"):
        move()
    assert contents(copy) == before


def test_a_home_with_a_second_name_is_no_copy(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrained(registry, run_id, saved_of())
    (link := home.with_name("link")).symlink_to(home)
    monkeypatch.setenv("SALVOCAST_HOME", str(link))
    refuse_copied_store(tracking_uri())
    assert move_places(tracking_uri()) == 0
