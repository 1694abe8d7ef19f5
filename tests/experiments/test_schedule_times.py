"""When a slot is due by the clock of a time zone, over both changes of that clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.schedule import CATCH_UP, Cron
from features.errors import InputError

KYIV = ZoneInfo("Europe/Kyiv")
DAILY = Cron.parse("30 9 * * *", "Europe/Kyiv")
SOON = timedelta(minutes=1)


def due_between(cron: Cron, first: datetime, last: datetime, step: timedelta) -> list[datetime]:
    """The slots that somebody who looks every `step` would run, each once, in the order of being found."""
    found: list[datetime] = []
    moment = first
    while moment <= last:
        slot = cron.latest(moment)
        if slot and slot not in found:
            found.append(slot)
        moment += step
    return [slot for slot in found if slot >= first]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # The clock goes from 03:00 to 04:00: 03:30 does not exist, and is due at 04:30, three and a half hours in.
        ("2026-03-29", ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]),
        # The clock goes from 04:00 back to 03:00: 03:30 comes twice, an hour apart, and is due the first time.
        ("2026-10-25", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
    ],
)
def test_a_slot_in_the_hour_that_the_clock_jumps_over_or_repeats_is_due_once(day: str, expected: list[str]) -> None:
    cron = Cron.parse("30 3 * * *", "Europe/Kyiv")
    middle = datetime.fromisoformat(day).replace(tzinfo=UTC)
    found = due_between(cron, middle - timedelta(days=1), middle + timedelta(days=2), timedelta(minutes=10))
    assert [f"{slot:%Y-%m-%d %H:%M}" for slot in found] == expected


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_an_hourly_job_runs_every_hour_of_the_longer_and_of_the_shorter_day(day: str) -> None:
    cron = Cron.parse("0 * * * *", "Europe/Kyiv")
    first = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=6)
    found = due_between(cron, first, first + timedelta(hours=24), timedelta(minutes=10))
    assert found == [first + timedelta(hours=hour) for hour in range(25)]


def test_half_past_nine_stays_half_past_nine_all_year() -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    slots = due_between(DAILY, first, first + timedelta(days=365), timedelta(hours=3))
    assert len(slots) == len({slot.astimezone(KYIV).date() for slot in slots}) == 365
    assert {f"{slot.astimezone(KYIV):%H:%M}" for slot in slots} == {"09:30"}
    assert {f"{slot:%H:%M}" for slot in slots} == {"06:30", "07:30"}


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))


@settings(deadline=None, max_examples=60)
@given(
    now=MOMENTS,
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    zone=st.sampled_from(["Europe/Kyiv", "UTC", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_the_latest_slot_of_a_daily_job_is_its_time_of_day_less_than_25_hours_ago(
    now: datetime, hour: int, minute: int, zone: str
) -> None:
    slot = Cron.parse(f"{minute} {hour} * * *", zone).latest(now)
    assert slot is not None
    assert timedelta(0) <= now - slot <= timedelta(hours=25)
    shown = slot.astimezone(ZoneInfo(zone))
    jumped = shown.utcoffset() != (slot - timedelta(hours=3)).astimezone(ZoneInfo(zone)).utcoffset()
    assert (shown.hour, shown.minute) == (hour, minute) or jumped


@settings(deadline=None, max_examples=60)
@given(
    now=MOMENTS,
    text=st.sampled_from(["* * * * *", "30 * * * *", "30 3 * * *", "*/20 3,4 * * *", "0 9 * * mon-fri"]),
    zone=st.sampled_from(["Europe/Kyiv", "UTC", "America/St_Johns"]),
)
def test_after_the_latest_slot_comes_the_next_and_none_between(now: datetime, text: str, zone: str) -> None:
    cron = Cron.parse(text, zone)
    coming = cron.next_after(now)
    assert coming > now
    assert cron.latest(coming) == coming
    assert cron.latest(coming - timedelta(seconds=1)) == cron.latest(now)


def test_a_slot_is_not_due_before_its_time_nor_after_the_catch_up() -> None:
    monthly = Cron.parse("30 9 1 * *", "Europe/Kyiv")
    slot = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    assert monthly.latest(slot - timedelta(seconds=1)) is None
    assert monthly.latest(slot) == slot
    assert monthly.latest(slot + CATCH_UP - SOON) == slot
    assert monthly.latest(slot + CATCH_UP + SOON) is None


@pytest.mark.parametrize(
    ("cron", "zone", "told"),
    [
        ("30 9 * *", "UTC", "--cron '30 9 * *' (4 fields): expected a minute, hour, day, month and weekday"),
        (
            "61 9 * * *",
            "UTC",
            "(Bad minute): expected a minute, hour, day, month and weekday that exist, such as '30 9 * * *'",
        ),
        ("30 9 * * 1-5", "UTC", "expected names of weekdays, such as mon-fri; numbers differ by tool"),
        ("30 9 1 * mon", "UTC", "expected a day of the month or a weekday, not both"),
        ("30 9 * * */2", "UTC", "expected names of weekdays, such as mon-fri; numbers differ by tool"),
        ("0 30 9 * * *", "UTC", "(6 fields)"),
        ("30 9 30 2 *", "UTC", "(Bad day-of-month): expected a minute, hour, day, month and weekday that exist"),
        ("30 9 * * *", "Kyiv", "--timezone is 'Kyiv': expected a name such as Europe/Kyiv"),
        ("30 9 * * *", "../etc", "--timezone is '../etc': expected a name such as Europe/Kyiv"),
    ],
)
def test_a_time_that_cannot_be_understood_is_refused(cron: str, zone: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        Cron.parse(cron, zone)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_weekdays_by_name() -> None:
    cron = Cron.parse("30 9 * * mon-fri", "UTC")
    assert cron.latest(datetime(2026, 3, 1, 12, tzinfo=UTC)) == datetime(2026, 2, 27, 9, 30, tzinfo=UTC)  # of Friday
