"""Counts of stocks: added to, never changed, known from their day on, and the same in every order of telling."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from features.errors import InputError
from features.ledger import Ledger
from features.stocks import StockCount
from features.tables import stock_table
from tests.databases import Database

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


def count(quantity: int, day: int, layer: str = "guns", known: int | None = None, source: str = "depot") -> StockCount:
    known_on = None if known is None else date(2026, 5, known)
    return StockCount.of("ukraine", layer, quantity, date(2026, 5, day), known_on=known_on, source=source)


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    url = database.migrated()
    with Ledger.open(url) as opened:
        yield opened
    database.drop(url)


def test_an_origin_sees_what_was_known_by_then(ledger: Ledger) -> None:
    ledger.count_stocks([count(12, 1), count(9, 3, known=6), count(7, 5)], NOW)
    assert [each.quantity for each in ledger.stock_counts("ukraine", date(2026, 5, 4))] == [12]
    assert [each.quantity for each in ledger.stock_counts("ukraine", date(2026, 5, 5))] == [12, 7]
    assert [each.quantity for each in ledger.stock_counts("ukraine")] == [12, 9, 7]
    assert ledger.stock_counts("south_korea") == []


def test_the_order_of_telling_does_not_matter(ledger: Ledger) -> None:
    told = [count(12, 1), count(9, 3, known=6), count(7, 5), count(3, 1, "rockets")]
    for each in reversed(told):
        assert ledger.count_stocks([each], NOW) == 1
    assert ledger.stock_counts() == sorted(told, key=lambda each: (each.layer, each.counted_on))
    assert ledger.count_stocks(told, NOW) == 0  # twice is once


def test_a_correction_goes_before_from_when_it_is_told_and_nothing_is_changed(ledger: Ledger) -> None:
    ledger.count_stocks([count(12, 1)], NOW)
    with pytest.raises(InputError, match=r"^guns was counted twice on 2026-05-01: 12 \(depot\), and 15 .*--correct"):
        ledger.count_stocks([count(3, 2, "rockets"), count(15, 1)], NOW)
    assert [each.layer for each in ledger.stock_counts()] == ["guns"]  # all of them or none
    ledger.count_stocks([count(15, 1)], NOW, correct=True)
    assert [each.quantity for each in ledger.stock_counts()] == [15]
    assert [each.quantity for each in ledger.stock_counts("ukraine", date(2026, 5, 9))] == [12]
    with ledger._engine.connect() as connection:
        assert list(connection.scalars(sa.select(stock_table.c.quantity).order_by(stock_table.c.id))) == [12, 15]


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([count(12, 11)], "is of the future: expected 2026-05-10 or earlier"),
        (
            [count(12, 1), count(13, 1)],
            "was counted twice on 2026-05-01: 12 .*: state the one that is right",
        ),
    ],
)
def test_what_can_be_no_count_is_told(ledger: Ledger, counts: list[StockCount], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ledger.count_stocks(counts, NOW)
    assert ledger.stock_counts() == []


def test_a_count_is_no_earlier_than_the_first_report(filled_ledger: Path, tmp_path: Path) -> None:
    copy = shutil.copy(filled_ledger, tmp_path / "ledger.db")
    with (
        Ledger.open(f"sqlite:///{copy}") as ledger,
        pytest.raises(InputError, match="before the first report of theatre ukraine: expected 20"),
    ):
        ledger.count_stocks([StockCount.of("ukraine", "guns", 1, date(2020, 1, 1))], NOW)
