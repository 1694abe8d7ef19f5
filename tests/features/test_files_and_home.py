"""Files are written whole or not at all, and the home is where it was asked for."""

import io
import os
import stat
import sys
from pathlib import Path

import platformdirs
import pytest
from sqlalchemy import make_url

from features.errors import InputError, SalvocastError, unknown_name
from features.files import write_file, write_or_print
from features.home import ledger_url, salvocast_home

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    path.write_bytes(b"the old forecast, which was longer")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "forecast.csv"
    path.write_bytes(b"old")

    def no_room(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", no_room)
        with pytest.raises(SalvocastError, match=r"cannot write .*forecast\.csv: No space left on device") as caught:
            write_file(path, b"new")
    assert caught.value.exit_code == 1
    assert path.read_bytes() == b"old"


def test_a_file_has_the_permissions_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "forecast.csv", b"x")
        assert os.umask(0o027) == 0o027  # left as it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "forecast.csv").stat().st_mode) == 0o640


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the folder .*missing does not exist"):
        write_file(tmp_path / "missing" / "forecast.csv", b"x")
    with pytest.raises(InputError, match="it is a folder, expected a file name"):
        write_file(tmp_path, b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(AS_ROOT, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(SalvocastError, match=r"cannot write .*: Permission denied"):
            write_file(tmp_path / "forecast.csv", b"x")
    finally:
        tmp_path.chmod(0o700)


def test_without_a_file_the_bytes_go_to_stdout_unchanged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\r\n")
    monkeypatch.setattr(sys, "stdout", stdout)
    write_or_print("день\n".encode(), None)
    assert stdout.buffer.getvalue() == "день\n".encode()
    write_or_print(b"x", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b"x"


def test_the_home_is_made_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = tmp_path / "not yet" / "домівка"
    monkeypatch.setenv("SALVOCAST_HOME", str(asked))
    assert salvocast_home() == asked
    assert asked.is_dir()
    assert make_url(ledger_url()).database == str(asked / "ledger.db")


def test_a_home_may_start_with_a_tilde_and_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("SALVOCAST_HOME", "~/salvocast")
    assert salvocast_home() == tmp_path / "salvocast"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALVOCAST_HOME", "here")
    assert salvocast_home() == tmp_path / "here"


def test_without_a_wish_the_home_is_the_data_folder_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SALVOCAST_HOME")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / "data" / name)
    assert salvocast_home() == tmp_path / "data" / "salvocast"


def test_a_home_below_a_file_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("SALVOCAST_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SalvocastError, match=r"cannot be made \(Not a directory\): set SALVOCAST_HOME"):
        salvocast_home()


@pytest.mark.skipif(AS_ROOT, reason="root may write anywhere")
def test_a_home_that_is_read_only_is_told(home: Path) -> None:
    home.mkdir(mode=0o500)
    try:
        with pytest.raises(SalvocastError, match="cannot be written to: set SALVOCAST_HOME"):
            salvocast_home()
    finally:
        home.chmod(0o700)


def test_a_home_that_is_read_only_is_told_to_root_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SalvocastError, match="cannot be written to: set SALVOCAST_HOME"):
        salvocast_home()


def test_an_url_of_its_own_goes_before_the_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("SALVOCAST_LEDGER_URL", "postgresql://db.example/ledger")
    assert ledger_url() == "postgresql://db.example/ledger"
    assert not home.exists()


def test_an_unknown_name_is_told_with_the_nearest_first() -> None:
    error = unknown_name("theatre", "ukrain", ["mars", "ukraine"])
    assert str(error) == "unknown theatre 'ukrain': did you mean ukraine? known are mars, ukraine"
    assert str(unknown_name("theatre", "zzz", ["ukraine"])) == "unknown theatre 'zzz': known are ukraine"
    assert error.exit_code == 2
