"""Numbers as sourced ranges, and how a file that is none is told."""

import json
import os
import pickle
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import triang

from features.errors import LONGEST_MESSAGE, InputError, one_line
from features.scenario_parts import Drones, DronesPerTime, Ratio, Share
from features.scenarios import DAYS_PER_MONTH
from features.stated import (
    LARGEST_FILE,
    SourcedRange,
    parse_tables,
    read_stated,
)

REST = {"basis": "assumed", "sources": (), "date": date(2026, 2, 28), "confidence": "D"}


def ranged(**numbers: Any) -> SourcedRange:
    return SourcedRange.model_validate({**numbers, **REST})


def ends(stated: SourcedRange) -> tuple[float, float, float]:
    return stated.low, stated.mode, stated.high


def test_a_number_of_which_one_bound_is_known_gets_the_other() -> None:
    assert ends(ranged(at_least=300)) == (300, 300, 600)
    assert ends(ranged(up_to=300)) == (0, 300, 300)
    assert ends(ranged(at_least=0)) == (0, 0, 0)
    assert ends(ranged(up_to=0)) == (0, 0, 0)


def test_the_open_end_stays_below_the_largest_number() -> None:
    assert ends(ranged(at_least=8e8)) == (8e8, 8e8, 1e9)


@pytest.mark.parametrize(("at_least", "high"), [(0.3, 0.6), (0.6, 1.0), (1.0, 1.0)])
def test_a_share_that_is_open_above_ends_at_one(at_least: float, high: float) -> None:
    share = Share.model_validate({"at_least": at_least, "unit": "share", **REST})
    assert ends(share) == (at_least, at_least, high)


@pytest.mark.parametrize("bound", ["at_least", "up_to"])
def test_a_share_above_one_is_refused(bound: str) -> None:
    with pytest.raises(ValidationError, match=r"a share reaches 1\.5: expected 0 to 1"):
        Share.model_validate({bound: 1.5, "unit": "share", **REST})


def test_one_way_to_state_a_number_at_a_time() -> None:
    for numbers in ({"at_least": 1, "up_to": 2}, {"at_least": 1, "low": 1}, {"up_to": 2, "mode": 1}):
        with pytest.raises(ValidationError, match="one of the three"):
            ranged(**numbers)


@pytest.mark.parametrize(
    "bound", [-1, float("nan"), float("inf"), 2e9, 10**400, True, "5", None, [1], date(2026, 1, 1)]
)
def test_a_bound_that_is_no_number_is_refused_by_its_own_name(bound: Any) -> None:
    with pytest.raises(ValidationError, match=r"at_least is .*: expected a number from 0 to 1,000,000,000"):
        ranged(at_least=bound)


@pytest.mark.parametrize("number", [-1, float("nan"), float("inf"), 2e9, 10**400, True, "5", None, [1]])
@pytest.mark.parametrize("name", ["low", "mode", "high"])
def test_a_number_must_be_one(name: str, number: Any) -> None:
    with pytest.raises(ValidationError):
        ranged(**{"low": 0, "mode": 1e9, "high": 1e9, name: number})


@pytest.mark.parametrize("numbers", [(2, 1, 3), (1, 3, 2), (3, 2, 1)])
def test_the_numbers_of_a_range_are_in_order(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValidationError, match="expected low <= mode <= high"):
        ranged(low=numbers[0], mode=numbers[1], high=numbers[2])


NUMBERS = st.floats(0, 1e6, allow_nan=False)
RANGES = (
    st.tuples(NUMBERS, NUMBERS, NUMBERS)
    .map(sorted)
    .map(lambda three: ranged(low=three[0], mode=three[1], high=three[2]))
)


@given(RANGES, st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_quantiles_stay_in_the_range_and_rise(stated: SourcedRange, levels: list[float]) -> None:
    quantiles = stated.quantile(np.sort(levels))
    slack = 1e-9 * max(stated.high, 1.0)
    assert quantiles.min() >= stated.low
    assert quantiles.max() <= stated.high
    assert (np.diff(quantiles) >= -slack).all()


@given(RANGES.filter(lambda stated: stated.high - stated.low > 1e-3 * (1 + stated.high)), st.floats(0, 1))
def test_the_quantile_at_a_level_has_that_much_below_it(stated: SourcedRange, level: float) -> None:
    width = stated.high - stated.low
    law = triang((stated.mode - stated.low) / width, loc=stated.low, scale=width)
    assert float(stated.quantile(np.array(level))) == pytest.approx(float(law.ppf(level)), rel=1e-6, abs=1e-6 * width)


def test_the_ends_and_the_mode_are_quantiles() -> None:
    # P(x <= mode) = (mode - low) / (high - low) = 1/4
    assert ranged(low=2, mode=4, high=10).quantile(np.array([0.0, 0.25, 1.0])).tolist() == [2.0, 4.0, 10.0]
    assert ranged(low=2, mode=2, high=10).quantile(np.array([0.0, 1.0])).tolist() == [2.0, 10.0]
    assert ranged(low=2, mode=10, high=10).quantile(np.array([0.0, 1.0])).tolist() == [2.0, 10.0]


def test_quantiles_have_the_shape_of_the_levels_with_or_without_width() -> None:
    levels = np.full((3, 2), 0.5)
    for stated in (ranged(low=1, mode=2, high=3), ranged(low=2, mode=2, high=2)):
        assert stated.quantile(levels).tolist() == [[2.0, 2.0]] * 3


@pytest.mark.parametrize(
    ("unit", "days"), [("drones_per_day", 1), ("drones_per_month", DAYS_PER_MONTH), ("drones_per_year", 365.25)]
)
def test_drones_per_time_are_computed_with_per_day(unit: str, days: float) -> None:
    rate = DronesPerTime.model_validate({"low": 300, "mode": 600, "high": 900, "unit": unit, **REST})
    assert rate.quantile(np.array([0.0, 0.5, 1.0])) == pytest.approx([300 / days, 600 / days, 900 / days])
    plain = ranged(low=300, mode=600, high=900).draw(np.random.default_rng(1), 5)
    assert rate.draw(np.random.default_rng(1), 5) == pytest.approx(plain / days)


def test_a_month_is_a_twelfth_of_a_year() -> None:
    assert pytest.approx(365.25) == 12 * DAYS_PER_MONTH


@pytest.mark.parametrize(("kind", "unit"), [(Drones, "drones_per_day"), (Share, "percent"), (Ratio, "share")])
def test_a_number_in_another_unit_is_refused(kind: type[SourcedRange], unit: str) -> None:
    with pytest.raises(ValidationError, match="unit"):
        kind.model_validate({"low": 0, "mode": 0, "high": 0, "unit": unit, **REST})


def test_a_reported_number_names_a_source() -> None:
    with pytest.raises(ValidationError, match="a derived number names no source"):
        SourcedRange.model_validate({"up_to": 1, **REST, "basis": "derived"})


@pytest.mark.parametrize("day", [date(1989, 12, 31), date(2101, 1, 1), date.min, date.max])
def test_a_day_far_from_ours_is_a_slip(day: date) -> None:
    with pytest.raises(ValidationError, match="date"):
        SourcedRange.model_validate({"up_to": 1, **REST, "date": day})


# Files.


def message(error: pytest.ExceptionInfo[InputError]) -> str:
    told = str(error.value)
    assert len(told.splitlines()) == 1
    assert told.isprintable()
    return told


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(InputError) as raised:
        read_stated(path)
    assert message(raised) == f"{path} has 50,000,000 bytes: expected a TOML file of at most {LARGEST_FILE:,}"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no devices")
def test_a_device_without_end_is_refused_and_a_pipe_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^/dev/zero has over 1,000,000 bytes: expected a TOML file of at most"):
        read_stated(Path("/dev/zero"))
    reading, writing = os.pipe()
    os.write(writing, b"a = 1\r\nb = 2\r")
    os.close(writing)
    try:
        assert read_stated(Path(f"/dev/fd/{reading}")) == "a = 1\nb = 2\n"
    finally:
        os.close(reading)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read_stated(tmp_path)
    assert message(raised) == f"cannot read {tmp_path}: Is a directory"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read_stated(tmp_path / "own.toml")
    assert message(raised) == f"cannot read {tmp_path / 'own.toml'}: No such file or directory"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root sees no such file, the refusal of the system is played."""
    path = tmp_path / "own.toml"
    path.write_text("", encoding="utf-8")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError) as raised:
        read_stated(path)
    assert message(raised) == f"cannot read {path}: Permission denied"


@pytest.mark.parametrize("name", ["a\0.toml", "a\nb.toml", "x" * 300 + ".toml"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InputError) as raised:
        read_stated(Path(name))
    assert message(raised).startswith("cannot read ")


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), bytes(range(256)), "ключ = 1".encode("utf-16")])
def test_a_file_that_is_not_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_stated(path)
    assert message(raised).startswith(f"{path} is not UTF-8 text (byte ")


def test_the_mark_that_some_editors_begin_a_file_with_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes("title = 'Власний'".encode("utf-8-sig"))
    assert read_stated(path) == "title = 'Власний'"


@pytest.mark.parametrize(
    "text",
    [
        "scenario:\n  name: own\n",
        json.dumps({"scenario": {"name": "own"}}, indent=1),
        pickle.dumps({"scenario": 1}, protocol=0).decode("ascii"),
        "\0\0\0",
        "a = 2026-02-30",
        "[scenario]\n[scenario]",
        'a = "\u2028',
        "a = 01",
    ],
)
def test_text_that_is_not_toml(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_tables(text, "own.toml", "scenario", ())
    assert message(raised).startswith("own.toml is not TOML: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "own.toml: the table [scenario] with its name is missing"),
        ("# only a remark\n", "own.toml: the table [scenario] with its name is missing"),
        ("[scenaro]\n", "own.toml: unknown table 'scenaro': did you mean scenario? known are rows, scenario, stock"),
        ("[[scenario]]\n", "own.toml: 'scenario' is a list: expected the table [scenario]"),
        ("scenario = 2026-02-28\n", "own.toml: 'scenario' is a date: expected the table [scenario]"),
        ("[[stock]]\n", "own.toml: 'stock' is a list: expected the table [stock]"),
        ("[rows.a]\n", "own.toml: 'rows' is a dict: expected [[rows]] tables"),
    ],
)
def test_tables_that_are_not_as_expected(text: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_tables(text, "own.toml", "scenario", ("rows",), ("stock",))
    assert message(raised) == told


def test_a_message_has_an_end() -> None:
    told = str(one_line("begin " + "x" * 100_000 + " end"))
    assert told.startswith("begin xxx")
    assert told.endswith("xxx end")
    assert len(told) == LONGEST_MESSAGE


@given(st.text())
def test_a_message_is_one_line_whatever_it_quotes(text: str) -> None:
    told = str(one_line(text))
    assert len(told.splitlines()) <= 1
    if text.isprintable() and len(text) <= LONGEST_MESSAGE:
        assert told == text
