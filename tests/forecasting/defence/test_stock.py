"""What comes in, what the nights take, and a planner's own lists."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.stated import check_sources
from forecasting.defence.layers import Defence
from forecasting.defence.stock import (
    DAYS_PER_MONTH,
    Delivery,
    available_by_night,
    parse_deliveries,
    parse_stock,
    supplied_by_night,
    with_stock,
    without_stocks,
)

ORIGIN = date(2026, 2, 28)
DefenceOf = Callable[..., Defence]


@pytest.fixture(scope="module")
def defence(defence_of: DefenceOf) -> Defence:
    jammer: dict[str, Any] = {"engaged_share": 0.5, "kill_probability": 0.5, "engagements_per_night": 10.0}
    missiles = {"interceptors_per_engagement": 1.0, "stock": 10.0, "monthly_supply": 0.0, "unit_cost_usd": 100.0}
    return defence_of([jammer, jammer | missiles, jammer | missiles])


def test_supply_ramps_up_in_a_straight_line_and_stays() -> None:
    """30 a day at first and 90 after 60 days: 60 a day on average until then, 90 from then on."""
    ramp = np.array([60 / DAYS_PER_MONTH])
    supplied = supplied_by_night(100, np.array([30 * DAYS_PER_MONTH]), np.array([90 * DAYS_PER_MONTH]), ramp)
    assert supplied[0, 59] == pytest.approx(60 * 60, abs=1)
    assert supplied[0, 99] == pytest.approx(60 * 60 + 40 * 90, abs=1)
    rate = 30 + 60 * np.minimum(np.arange(0, 100, 0.01) / 60, 1)
    assert supplied[0] == pytest.approx(np.cumsum(rate * 0.01)[99::100], abs=2)


def test_supply_may_fall_and_a_ramp_of_no_time_is_a_step() -> None:
    monthly, later = np.full(2, 20 * DAYS_PER_MONTH), np.array([0.0, 10 * DAYS_PER_MONTH])
    supplied = supplied_by_night(4, monthly, later, np.array([4 / DAYS_PER_MONTH, 0.0]))
    assert supplied[0] == pytest.approx([17.5, 30, 37.5, 40], abs=1)
    assert supplied[1] == pytest.approx([10, 20, 30, 40], abs=1)
    assert (np.diff(supplied, axis=1) >= 0).all()


def test_a_ramp_shorter_than_a_day_is_no_step() -> None:
    """From 0 to 400 a day within half of the first one: 100 on the way up, and 200 in the other half."""
    ramp, later = np.array([0.5 / DAYS_PER_MONTH]), np.array([400 * DAYS_PER_MONTH])
    assert supplied_by_night(2, np.zeros(1), later, ramp)[0] == pytest.approx([300, 700], abs=1)


def test_deliveries_are_there_from_their_day_on() -> None:
    dated = [Delivery("b", date(2026, 3, 1), 5), Delivery("b", date(2026, 3, 3), 7), Delivery("b", date(2026, 4, 1), 9)]
    none = np.zeros(2)
    assert supplied_by_night(4, none, none, none, dated, ORIGIN).tolist() == [[5, 5, 12, 12]] * 2


NIGHTS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 50), min_size=n, max_size=n), st.lists(st.integers(0, 30), min_size=n, max_size=n)
    )
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(opening=st.integers(0, 80), nights=NIGHTS)
def test_what_is_available_is_what_a_storekeeper_would_count(opening: int, nights: tuple[list[int], list[int]]) -> None:
    needed, delivered = nights
    available = available_by_night(
        np.array([opening]), np.cumsum([delivered], axis=1), np.array([needed], dtype=np.float64)
    )
    in_store = opening
    for night, (need, delivery) in enumerate(zip(needed, delivered, strict=True)):
        in_store += delivery
        assert available[0, night] == in_store
        in_store -= min(need, in_store)


def test_lists_are_read(defence: Defence) -> None:
    assert parse_stock('layer,quantity\nb,"1,200"\n\nc,0\n', "stock.csv", defence) == {"b": 1_200, "c": 0}
    text = "\ufeffquantity;note\n".replace(";", ",") + "1,x\n"
    with pytest.raises(InputError, match=r"stock.csv: expected one column 'layer' in the first row: layer,quantity"):
        parse_stock(text, "stock.csv", defence)
    dated = "\ufeffDate, layer ,quantity,from\r\n2026-03-01,c,5,x\r\n2026-03-01,c,6,y\r\n"
    assert parse_deliveries(dated, "due.csv", defence, ORIGIN) == (
        Delivery("c", date(2026, 3, 1), 5),
        Delivery("c", date(2026, 3, 1), 6),
    )


def test_the_largest_number_is_read_and_more_cells_than_columns_are_left(defence: Defence) -> None:
    text = "layer,quantity\nb,1000000000,as counted,twice\n"
    assert parse_stock(text, "stock.csv", defence) == {"b": 1_000_000_000}


def test_an_empty_list_is_told_by_its_columns(defence: Defence) -> None:
    with pytest.raises(InputError, match=r"^stock.csv: expected one column 'layer' in the first row: layer,quantity$"):
        parse_stock("", "stock.csv", defence)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("z,5", "row 1: unknown layer with interceptors 'z': .*known are b, c"),
        ("a,5", "row 1: unknown layer with interceptors 'a'"),
        ("b,-5", "row 1: quantity is '-5': expected a whole number, 0 or more"),
        ("b,12.000", "row 1: quantity is '12.000', which may be 12 or 12,000: write 12 or 12000"),
        ("b,2.5", "row 1: quantity is '2.5'"),
        ("b,", "row 1: quantity is empty"),
        ("b,9000000000", "row 1: quantity is 9000000000: expected at most 1,000,000,000"),
        ("b", "row 1 has 1 cells: expected 2"),
        ("b,1\nc,2\nb,3", "row 3: the stock of b is stated twice"),
        ('b,"1\nc,2', "row 1: .*quote"),
    ],
)
def test_a_mistake_in_a_stock_is_told_by_row(row: str, told: str, defence: Defence) -> None:
    with pytest.raises(InputError, match=f"^stock.csv: {told}") as raised:
        parse_stock(f"layer,quantity\n{row}\n", "stock.csv", defence)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("b,2026-02-27,5", "the delivery of 2026-02-27 is not after the origin, 2026-02-28: count it in the stock"),
        ("b,2026-02-28,5", "the delivery of 2026-02-28 is not after the origin"),
        ("b,31.03.2026,5", "date is '31.03.2026': expected a day such as 2026-03-31"),
        ("z,2026-03-01,5", "unknown layer with interceptors 'z'"),
        ("b,2026-03-01,many", "quantity is 'many': expected a whole number"),
    ],
)
def test_a_mistake_in_the_deliveries_is_told_by_row(row: str, told: str, defence: Defence) -> None:
    with pytest.raises(InputError, match=f"^due.csv: row 1: {told}"):
        parse_deliveries(f"layer,date,quantity\n{row}\n", "due.csv", defence, ORIGIN)


def test_counts_take_the_place_of_the_stated_stock(defence: Defence) -> None:
    counted = with_stock(defence, {"c": 77}, ORIGIN)
    assert counted.layer("b").stock == defence.layer("b").stock
    stock = counted.layer("c").stock
    assert stock is not None
    assert (stock.low, stock.high, stock.basis, stock.date) == (77, 77, "reported", ORIGIN)
    assert [source.title for source in counted.sources if source.id in stock.sources] == [
        "stock as given in the request"
    ]
    assert counted.layer("c").monthly_supply == defence.layer("c").monthly_supply
    check_sources(counted, counted.sources)  # each number's source is listed


def test_defences_that_kill_alike_are_equal_without_their_stocks(defence_of: DefenceOf) -> None:
    layer: dict[str, Any] = {"engaged_share": 0.5, "kill_probability": 0.5, "engagements_per_night": 10.0}
    missiles = {"interceptors_per_engagement": 1.0, "stock": 10.0, "monthly_supply": 0.0, "unit_cost_usd": 100.0}
    bare = defence_of([layer])
    stocked = defence_of([layer | missiles | {"lead_time_days": 9.0, "minimum_stock": 4, "review_days": 7}])
    assert stocked != bare
    assert without_stocks(stocked) == bare == without_stocks(bare)
    assert without_stocks(with_stock(stocked, {"a": 5}, ORIGIN)) == bare
    assert without_stocks(defence_of([layer | {"kill_probability": 0.6}])) != bare
