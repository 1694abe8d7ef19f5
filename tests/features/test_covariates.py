"""Covariates: what was public by an origin and nothing else, and what is refused."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.covariates import Covariate, read_covariate, refuse_look_ahead
from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger, end_of_day
from features.records import QuietDayRule
from forecasting.salvos.gap import bridge_gap

DAY = date(2025, 3, 1)


def frame(*rows: tuple[object, object, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["date", "value", "published_at"])


def days(n: int, first: date = DAY) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    return np.datetime64(first, "D") + np.arange(n)


def test_of_each_day_the_value_last_published_by_then_is_seen() -> None:
    """Worked by hand: a value two days late, one that is revised, one that tells a time, and a day without one."""
    told = Covariate.from_frame(
        "weather",
        frame(
            ("2025-03-01", 1.0, "2025-03-03"),
            ("2025-03-02", 2.0, "2025-03-02"),
            ("2025-03-02", 2.5, "2025-03-04T00:30+02:00"),  # Kyiv: half an hour after the end of the 3rd
            ("2025-03-04", 4.0, datetime(2025, 3, 4, 9, tzinfo=ZoneInfo("Europe/Kyiv"))),
        ),
    )
    seen = {n: told.as_of(end_of_day(DAY + timedelta(days=n - 1)), days(n)) for n in (1, 2, 3, 4)}
    np.testing.assert_array_equal(seen[1], [np.nan])
    np.testing.assert_array_equal(seen[2], [np.nan, 2.0])
    np.testing.assert_array_equal(seen[3], [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(seen[4], [1.0, 2.5, np.nan, 4.0])


ROWS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(-50, 50), st.integers(0, 30)),
    min_size=1,
    max_size=30,
    unique_by=lambda row: (row[0], row[0] + row[2]),
)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(0, 40))
def test_what_is_published_later_changes_nothing_that_was_seen(rows: list[tuple[int, int, int]], origin: int) -> None:
    """The view of an origin is that of the rows public by it alone, in any order."""

    def made(some: list[tuple[int, int, int]]) -> pd.DataFrame:
        return frame(*((DAY + timedelta(d), v, DAY + timedelta(d + late)) for d, v, late in some))

    public = [row for row in rows if row[0] + row[2] <= origin]
    moment = end_of_day(DAY + timedelta(days=origin))
    seen = Covariate.from_frame("x", made(rows)).as_of(moment, days(50))
    expected = Covariate.from_frame("x", made(public[::-1])).as_of(moment, days(50)) if public else np.full(50, np.nan)
    np.testing.assert_array_equal(seen, expected)


def test_a_ledger_shows_it_beside_the_launches_of_the_same_days(filled_ledger: Path) -> None:
    told = Covariate.from_frame(
        "weather", frame(*((DAY + timedelta(days=n), float(n), DAY + timedelta(days=n + 1)) for n in range(60)))
    )
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        origin = date(2025, 4, 10)
        history = ledger.history(origin=origin, covariates=[told])
        plain = ledger.history(origin=origin)
    seen = history.covariates["weather"]
    assert seen.shape == history.launched.shape
    assert np.isnan(seen[-1])  # of the origin itself it comes out the day after
    assert seen[-2] == 39.0
    assert np.flatnonzero(~np.isnan(seen))[0] == (DAY - history.first_day).days
    assert not seen.flags.writeable
    assert history.digest != plain.digest
    assert plain.covariates == {}
    later = Covariate.from_frame("weather", pd.concat([told.to_frame(), frame(("2026-01-01", 9.0, "2026-01-01"))]))
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        assert ledger.history(origin=origin, covariates=[later]).digest == history.digest
    assert later.digest != told.digest


def test_it_stays_with_its_days_when_a_history_is_cut_bridged_or_waits() -> None:
    n = 200
    launched = np.arange(n, dtype=float)
    launched[50:150] = np.nan
    history = LaunchHistory(
        "ukraine", "shahed", QuietDayRule.NONE, DAY, launched, np.full(n, np.nan), covariates={"x": np.arange(n) * 10.0}
    )
    bridged = bridge_gap(history)
    assert bridged.launched.size < n
    for made in (history.until(date(2025, 4, 1)), history.since(date(2025, 4, 1)), bridged, history.waiting_until(DAY)):
        known = ~np.isnan(made.launched)
        np.testing.assert_array_equal(made.covariates["x"][known], made.launched[known] * 10.0)
    assert np.isnan(history.waiting_until(history.last_day + timedelta(days=2)).covariates["x"][-2:]).all()
    with pytest.raises(InputError, match=r"covariate x \(3,\): expected one per day \(200,\)"):
        LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, DAY, launched, launched, covariates={"x": np.zeros(3)})


def test_as_a_table_it_is_read_to_the_same_digest(tmp_path: Path) -> None:
    told = Covariate.from_frame("x", frame(("2025-03-02", 0.1 + 0.2, "2025-03-02T21:15:30Z"), (DAY, -1, DAY)))
    told.to_frame().to_csv(tmp_path / "x.csv", index=False)
    told.to_frame().to_parquet(tmp_path / "x.parquet")
    for name in ("x.csv", "x.parquet"):
        assert read_covariate(f"x={tmp_path / name}").digest == told.digest
    assert read_covariate(f"y={tmp_path / 'x.csv'}").digest != told.digest


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("2025-03-01", 1, None)], "row 1: published_at of 2025-03-01 is missing: expected the day or the time"),
        ([("2025-03-01", 1, " ")], "published_at of 2025-03-01 is missing"),
        ([("2025-03-01", np.nan, "2025-03-01")], "value of 2025-03-01 is missing: expected a finite number"),
        ([("2025-03-01", "much", "2025-03-01")], "value of 2025-03-01 is 'much': expected a finite number"),
        ([("2025-03-01", np.inf, "2025-03-01")], "value of 2025-03-01 is 'inf'"),
        ([(None, 1, "2025-03-01")], "row 1: date is missing: expected a day such as"),
        ([("2025-02-30", 1, "2025-03-01")], "date is '2025-02-30': expected a day"),
        ([("2025-03-01T08:00+02:00", 1, "2025-03-01")], "expected a day such as 2026-02-28, without a time"),
        ([("2025-03-01", 1, "2025-03-01 09:00")], "published_at 2025-03-01 09:00 has no time zone"),
        ([("2025-03-01", 1, "2025-02-28")], "2025-03-01 was published before it began (2025-02-28)"),
        ([("2025-03-01", 1, "2025-02-28T21:59Z")], "was published before it began"),
        (
            [("2025-03-01", 1, "2025-03-02"), ("2025-03-01", 2, "2025-03-02")],
            "has 2025-03-01 twice, published at the same time (2025-03-02 22:00 UTC): expected one row of a day",
        ),
        ([], "has no rows"),
    ],
)
def test_what_is_refused_is_told_in_one_line(rows: list[tuple[object, object, object]], told: str) -> None:
    with pytest.raises(InputError) as error:
        Covariate.from_frame("weather", frame(*rows))
    assert told in str(error.value)
    assert "covariate weather" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_files_and_names_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("date,value\n2025-03-01,1\n", encoding="utf-8")
    for text, told in (
        ("weather.csv", "expected NAME=FILE"),
        (f"weather={tmp_path / 'none.csv'}", "cannot read"),
        (f"weather={tmp_path / 'w.txt'}", r"ends in .csv or .parquet"),
        (f"my weather={tmp_path / 'w.csv'}", "covariate 'my weather': expected a name of letters"),
        (f"weather={tmp_path / 'w.csv'}", "has no column published_at: expected date, value, published_at"),
    ):
        with pytest.raises(InputError, match=told) as error:
            read_covariate(text)
        assert len(str(error.value).splitlines()) == 1


def test_a_frame_that_tells_the_coming_days_is_refused(filled_ledger: Path) -> None:
    """Tomorrow's launches, said to be public today, and the like; not what is honest, however good."""
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        truth = ledger.history()
    known = np.flatnonzero(~np.isnan(truth.launched[5:])) + 5

    def covariate(moved: int, late: int, scale: float = 1.0) -> Covariate:
        at = known - moved  # the launches of `moved` days later
        rows = [
            (truth.first_day + timedelta(days=int(day)), scale * truth.launched[day + moved], int(day) + late)
            for day in at
        ]
        return Covariate.from_frame(
            "x", frame(*((day, value, truth.first_day + timedelta(days=public)) for day, value, public in rows))
        )

    for peeks in (covariate(1, 0), covariate(5, 2, -0.01)):
        with pytest.raises(InputError, match=r"covariate x looks ahead: its values follow the launches \d days after"):
            refuse_look_ahead(peeks, truth)
    for honest in (covariate(0, 0), covariate(0, 3), covariate(2, 2)):
        refuse_look_ahead(honest, truth)
