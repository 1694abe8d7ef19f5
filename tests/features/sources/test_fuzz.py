"""Whatever a file holds, a reader yields reports and rejected rows or says in one line why not (more: `make fuzz`)."""

import csv
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.bulletin import parse_bulletin, read_bulletins, review
from features.sources.cells import counts_by_area
from features.sources.kaggle import COUNT_COLUMNS, MODELS_OF_CLASS, OPTIONAL, REQUIRED, read_kaggle
from features.sources.reading import Reading, RejectedRow
from features.sources.table import read_table

RECEIVED = datetime(2031, 1, 1, tzinfo=UTC)
FUZZ = settings(deadline=10_000, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
CELLS = st.one_of(
    TEXT,
    st.integers(-5, 10**6).map(str),
    st.floats().map(str),
    st.sampled_from(["", "nan", "1,234", "1 234", "1.000", "-", "{'south': 14, 'east': NaN}", "{b'x': 1}", '"', "٣"]),
    st.datetimes(datetime(2022, 1, 1), datetime(2032, 1, 1)).map(lambda moment: moment.isoformat(" ", "minutes")),
    st.dates(datetime(2022, 1, 1).date(), datetime(2032, 1, 1).date()).map(str),
    st.sampled_from([model for models in MODELS_OF_CLASS.values() for model in models] + ["Shahed-136/131"]),
)
EXAMPLE = (
    "У ніч на 5 січня 2026 року противник атакував 57 ударними БпЛА типу Shahed із напрямків Курськ Збито / подавлено "
    "40 безпілотників In the night of January the enemy attacked with drones Air defence shot down suppressed lost "
    "Iskander-M missiles 12:30 18.00 . , : ; — ( ) 2 % three двадцять ≈"
)
WORDS = st.sampled_from(EXAMPLE.split())
SENTENCES = st.lists(st.one_of(WORDS, TEXT), max_size=40).map(" ".join)


def read_whole(read: Callable[[], Reading]) -> list[SalvoReport | RejectedRow]:
    """The rows, each a report or a rejection with its reason in one line; none where the file is refused so."""
    try:
        rows = list(read().rows)
    except InputError:
        return []
    for row in rows:
        if isinstance(row, RejectedRow):
            assert row.reason.strip()
            json.loads(row.raw)
        else:
            assert isinstance(row, SalvoReport)
    return rows


def as_csv(header: list[str], rows: list[list[str]], delimiter: str = ",") -> bytes:
    text = StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue().encode()


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_are_no_surprise(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "missile_attacks_daily.2031-01-01.csv"
    path.write_bytes(content)
    read_whole(lambda: read_kaggle(path))
    read_whole(lambda: read_table(path))
    read_whole(lambda: read_bulletins(path, received=RECEIVED))


@FUZZ
@given(st.data(), st.lists(st.sampled_from(OPTIONAL), unique=True))
def test_any_cells_of_the_public_table(tmp_path: Path, data: st.DataObject, optional: list[str]) -> None:
    header = [*REQUIRED, *optional]
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(header) - 1, max_size=len(header) + 1), max_size=4))
    path = tmp_path / "missile_attacks_daily.2031-01-01.csv"
    path.write_bytes(as_csv(header, rows))
    read_whole(lambda: read_kaggle(path))


@FUZZ
@given(st.data(), st.sampled_from([["date"], ["window_start", "window_end"]]), st.sampled_from(",;\t|"))
def test_any_cells_of_a_table(tmp_path: Path, data: st.DataObject, times: list[str], delimiter: str) -> None:
    header = [*times, "launched", "shot_down", "shot_down_by_area", "published_at", "theatre"]
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(header) - 1, max_size=len(header) + 1), max_size=4))
    path = tmp_path / "table.csv"
    path.write_bytes(as_csv(header, rows, delimiter))
    read_whole(lambda: read_table(path))


@FUZZ
@given(st.one_of(SENTENCES, TEXT))
def test_any_text_of_a_bulletin(text: str) -> None:
    read_whole(lambda: read_bulletins(text, received=RECEIVED))
    try:
        bulletin = parse_bulletin(text, received=RECEIVED)
    except InputError:
        return
    for place in (*bulletin.fields, *bulletin.unread):
        assert 0 <= place.start < place.end <= len(text)
    assert bulletin.reports or bulletin.problems
    assert review(bulletin)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_a_reader_yields_the_ledger_keeps_and_counts(
    tmp_path: Path, fresh_ledger: Callable[[], AbstractContextManager[Ledger]], data: st.DataObject
) -> None:
    header = [*REQUIRED, "destroyed_details", *set(COUNT_COLUMNS.values()) - set(REQUIRED)]
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=6))
    path = tmp_path / "missile_attacks_daily.2026-01-01.csv"
    path.write_bytes(as_csv(header, rows))
    read = read_whole(lambda: read_kaggle(path))
    with fresh_ledger() as ledger:
        counts = ledger.ingest(read_kaggle(path), RECEIVED)
        assert counts.rows_read == counts.added + counts.revised + counts.unchanged + counts.quarantined == len(read)
        # The same bad row twice is one entry.
        assert len(ledger.quarantine()) == counts.quarantined - counts.rejected_before


@pytest.mark.parametrize("text", ["{b'south': 14}", "{'a': [1]}", "{'\\ud800': 1}", "{1: 2}", "{(): {}}", "[", "{'a'}"])
def test_areas_that_python_can_read_and_nobody_else(text: str) -> None:
    """The first was found by atheris."""
    with pytest.raises(InputError, match="expected areas with whole numbers"):
        counts_by_area("destroyed_details", text)
