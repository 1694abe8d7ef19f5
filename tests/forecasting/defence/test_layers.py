"""What a planner may state about the defence, and how a mistake in it is told."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.scenario_parts import DAYS_PER_MONTH
from features.stated import SourcedRange
from forecasting.defence.layers import Defence, parse_defence


def table(name: str, low: str, mode: str, high: str, basis: str = '"assumed"', sources: str = "[]") -> str:
    return (
        f"[layer.{name}]\nlow = {low}\nmode = {mode}\nhigh = {high}\nbasis = {basis}\nsources = {sources}\n"
        'date = 2026-02-28\nconfidence = "D"\nnote = ""\n'
    )


HEAD = '[defence]\nname = "own"\ntitle = "Our own"\ntheatre = "ukraine"\nas_of = 2026-02-28\nabout = "Ours."\n'
JAMMER = (
    '[[layer]]\nid = "jammer"\nname = "Jammer"\n'
    + table("engaged_share", "0.5", "0.6", "0.7")
    + table("kill_probability", "0.2", "0.3", "0.4")
    + table("engagements_per_night", "100", "200", "300")
)
MISSILE = (
    '[[layer]]\nid = "missile"\nname = "Missiles"\ninterceptor = "missile"\n'
    + table("engaged_share", "0.1", "0.2", "0.3")
    + table("kill_probability", "0.7", "0.8", "0.9", '"reported"', '["S1"]')
    + table("engagements_per_night", "10", "20", "30")
    + table("interceptors_per_engagement", "1", "1.2", "2")
    + table("stock", "10", "30", "80")
    + table("monthly_supply", "0", "0", "50")
    + table("unit_cost_usd", "1000", "2000", "3000")
)
SOURCE = '[[source]]\nid = "S1"\ntitle = "A statement"\ndate = 2026-01-01\nurl = "urn:s1"\nconfidence = "A"\n'
GOOD = HEAD + JAMMER + MISSILE + SOURCE


def swapped(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1, old
    return GOOD.replace(old, new, 1)


def test_a_good_file_is_read_as_stated() -> None:
    defence = parse_defence(GOOD, "own.toml")
    assert [layer.id for layer in defence.layers] == ["jammer", "missile"]
    jammer, missile = defence.layers
    assert jammer.interceptor is None
    assert list(jammer.ranges) == ["engaged_share", "kill_probability", "engagements_per_night"]
    assert missile.stock is not None
    assert (missile.stock.low, missile.stock.mode, missile.stock.high) == (10, 30, 80)
    assert missile.kill_probability.sources == ("S1",)
    assert defence.sources[0].date == date(2026, 1, 1)


def test_the_bundled_defence_cites_only_sources_that_it_lists(bundled_defence: Defence) -> None:
    known = {source.id for source in bundled_defence.sources}
    assert len(known) == len(bundled_defence.sources)
    for layer in bundled_defence.layers:
        for quantity, stated in layer.ranges.items():
            assert set(stated.sources) <= known, (layer.id, quantity)
            assert stated.note, (layer.id, quantity)
            assert stated.date <= bundled_defence.as_of, (layer.id, quantity)
            if stated.basis != "assumed":
                assert stated.sources, (layer.id, quantity)
            else:
                assert stated.confidence == "D", (layer.id, quantity)


def test_the_bundled_defence_has_layers_with_and_without_interceptors(bundled_defence: Defence) -> None:
    assert {layer.interceptor is None for layer in bundled_defence.layers} == {True, False}
    assert bundled_defence.layers[0].id == "electronic_warfare"
    assert all(source.url.startswith("https://") for source in bundled_defence.sources)


MISTAKES = {
    "typo in a layer's key": (
        swapped("[layer.engaged_share]", "[layer.engaged_shar]"),
        ("layer jammer", "unknown key 'engaged_shar'", "did you mean engaged_share"),
    ),
    "typo in a range's key": (swapped("low = 0.5", "lwo = 0.5"), ("layer jammer.engaged_share", "lwo", "low")),
    "typo in the head": (swapped("title", "titel"), ("unknown key 'titel'", "did you mean title")),
    "typo in a source's key": (swapped("url =", "ulr ="), ("source S1", "'ulr'", "url")),
    "script for an address": (
        swapped('url = "urn:s1"', 'url = "javascript:alert(1)"'),
        ("source S1: url is", "script:", "expected an address that begins with https://"),
    ),
    "typo in a table": (swapped("[[source]]", "[[sorce]]"), ("unknown table 'sorce'", "did you mean source")),
    "missing range": (
        GOOD.replace(table("kill_probability", "0.2", "0.3", "0.4"), ""),
        ("layer jammer.kill_probability is missing",),
    ),
    "missing number": (swapped("mode = 0.6\n", ""), ("layer jammer.engaged_share.mode is missing",)),
    "missing head": (JAMMER, ("name is missing",)),
    "kill probability above 1": (
        swapped("high = 0.9\n", "high = 1.2\n"),
        ("layer missile", "kill_probability reaches 1.2: expected 0 to 1"),
    ),
    "engaged share above 1": (
        swapped("high = 0.7\n", "high = 70\n"),
        ("layer jammer", "engaged_share reaches 70", "expected 0 to 1"),
    ),
    "negative": (swapped("low = 0.5", "low = -0.5"), ("layer jammer.engaged_share.low", "greater than or equal to 0")),
    "low above high": (
        swapped("low = 0.5", "low = 0.9"),
        ("layer jammer.engaged_share", "low 0.9, mode 0.6, high 0.7: expected low <= mode <= high"),
    ),
    "mode above high": (swapped("mode = 0.6", "mode = 0.8"), ("expected low <= mode <= high",)),
    "unknown source": (swapped('["S1"]', '["S2"]'), ("unknown source 'S2'", "S1", "missile.kill_probability")),
    "reported without source": (swapped('["S1"]', "[]"), ("layer missile.kill_probability", "names no source")),
    "no layers": (HEAD + SOURCE, ("layers", "at least 1 item")),
    "layer twice": (GOOD + JAMMER, ("layer jammer is stated twice",)),
    "not TOML": ("what, me worry?", ("is not TOML", "line 1")),
    "empty": ("", ("is missing",)),
    "defence is a number": ("defence = 3\n", ("'defence' is a int", "[defence]")),
    "layer is a number": (f"layer = 3\n{HEAD}", ("'layer' is a int: expected [[layer]] tables",)),
    "layer is a list of numbers": (f"layer = [3]\n{HEAD}", ("layer 1",)),
    "layer is a table": (HEAD + "[layer.jammer]\nx = 1\n", ("'layer' is a dict: expected [[layer]] tables",)),
    "source is a table": (HEAD + JAMMER + "[source.S1]\nx = 1\n", ("'source' is a dict: expected [[source]] tables",)),
    "range is a number": (
        HEAD + '[[layer]]\nid = "jammer"\nname = "J"\nengaged_share = 0.5\n',
        ("layer jammer.engaged_share",),
    ),
    "bool": (swapped("low = 0.5", "low = true"), ("layer jammer.engaged_share.low", "valid number", "given: True")),
    "text": (swapped("low = 0.5", 'low = "0.5"'), ("layer jammer.engaged_share.low", "valid number", "'0.5'")),
    "nan": (swapped("low = 0.5", "low = nan"), ("layer jammer.engaged_share.low",)),
    "inf": (swapped("high = 80", "high = inf"), ("layer missile.stock.high", "finite number")),
    "too large to be counted": (swapped("high = 80", "high = 1e300"), ("layer missile.stock.high",)),
    "date as text": (swapped("date = 2026-02-28", 'date = "2026-02-28"'), ("layer jammer.engaged_share.date",)),
    "basis": (swapped('"assumed"', '"guessed"'), ("layer jammer.engaged_share.basis", "'guessed'")),
    "id": (swapped('id = "jammer"', 'id = "The Jammer"'), ("layer The Jammer.id", "pattern")),
    "interceptor without stock": (
        GOOD.replace(table("stock", "10", "30", "80"), ""),
        ("layer missile", "a layer with an interceptor needs stock"),
    ),
    "stock without interceptor": (
        swapped('interceptor = "missile"\n', ""),
        ("layer missile", "needs interceptor = '...'"),
    ),
    "less than one interceptor": (
        swapped("low = 1\n", "low = 0.5\n"),
        ("layer missile", "interceptors_per_engagement is below 1"),
    ),
}


CHANNELS = table("fire_channels", "3", "4", "6") + table("service_minutes", "2", "5", "10")
CAPACITY = table("engagements_per_night", "10", "20", "30")
WAVES = "[[wave]]\nshare = 0.7\nhours = 2.0\n[[wave]]\nshare = 0.3\nhours = 5.5\n"


def with_missile(*words: str, ranges: str = "", head: str = "", rest: str = "") -> str:
    """The good file with more about its missiles, in its head, and at its end."""
    marked = MISSILE.replace('interceptor = "missile"\n', "\n".join(('interceptor = "missile"', *words, "")))
    return HEAD + head + JAMMER + marked + ranges + rest + SOURCE


MISTAKES |= {
    "all layers infinite": (
        re.sub(r"high = [\d.]+", "high = inf", GOOD),
        ("layer jammer.engaged_share.high", "finite number", "given: inf"),
    ),
    "capacity twice": (
        with_missile(ranges=CHANNELS),
        ("layer missile", "expected engagements_per_night, or fire_channels and service_minutes"),
    ),
    "no capacity": (
        GOOD.replace(CAPACITY, ""),
        ("layer missile", "expected engagements_per_night, or fire_channels and service_minutes"),
    ),
    "half a capacity": (
        with_missile(ranges=table("fire_channels", "3", "4", "6")),
        ("layer missile", "expected engagements_per_night, or fire_channels and service_minutes"),
    ),
    "channels held for no time": (
        with_missile(ranges=CHANNELS.replace("low = 2", "low = 0")).replace(CAPACITY, ""),
        ("layer missile", "service_minutes start from 0"),
    ),
    "channels without number": (
        with_missile(ranges=CHANNELS.replace("high = 6", "high = 6000")).replace(CAPACITY, ""),
        ("layer missile", "fire_channels reach 6000.0: expected at most 1000"),
    ),
    "discrimination above 1": (
        with_missile(ranges=table("decoy_discrimination", "0.5", "0.5", "1.5")),
        ("layer missile", "decoy_discrimination reaches 1.5: expected 0 to 1"),
    ),
    "weather above 1": (
        with_missile(ranges=table("weather_share", "0.5", "0.5", "50")),
        ("layer missile", "weather_share reaches 50.0: expected 0 to 1"),
    ),
    "half a ramp": (
        with_missile(ranges=table("ramp_months", "1", "2", "3")),
        ("layer missile", "expected monthly_supply_later and ramp_months together"),
    ),
    "hours": (with_missile('works = "dusk"'), ("layer missile.works", "'always', 'day' or 'night'", "'dusk'")),
    "by day without daylight": (with_missile('works = "day"'), ("layer missile works by day", "daylight_share")),
    "daylight above 1": (
        with_missile(head=table("daylight_share", "0.1", "0.2", "1.2").replace("layer.", "defence.")),
        ("daylight_share reaches 1.2: expected 0 to 1",),
    ),
    "salvo of none": (with_missile("salvo_of = 0"), ("layer missile.salvo_of", "greater than or equal to 1")),
    "half a round": (with_missile("rounds = 1.5"), ("layer missile.rounds", "valid integer", "1.5")),
    "negative minimum": (with_missile("minimum_stock = -1"), ("layer missile.minimum_stock", "greater than or equal")),
    "minimum stock of nothing": (
        swapped('name = "Jammer"\n', 'name = "Jammer"\nminimum_stock = 5\n'),
        ("layer jammer", "needs interceptor = '...'"),
    ),
    "lead time of nothing": (
        HEAD + JAMMER + table("lead_time_days", "1", "2", "3"),
        ("layer jammer", "needs interceptor = '...'"),
    ),
    "waves that are not all": (
        with_missile(rest=WAVES.replace("0.3", "0.2")),
        ("the shares of the waves sum to 0.9: expected 1",),
    ),
    "wave of no time": (with_missile(rest=WAVES.replace("5.5", "0.0")), ("wave 2.hours", "greater than 0")),
}


def test_all_that_may_be_stated_is_read() -> None:
    text = with_missile(
        *('works = "day"', "salvo_of = 2", "rounds = 3", "review_days = 7", "minimum_stock = 40"),
        ranges="".join(
            table(name, "0.5", "0.6", "0.7")
            for name in (
                "decoy_discrimination",
                "weather_share",
                "monthly_supply_later",
                "ramp_months",
                "lead_time_days",
            )
        )
        + CHANNELS,
        head=table("daylight_share", "0.1", "0.2", "0.3").replace("layer.", "defence."),
        rest=WAVES,
    ).replace(CAPACITY, "")
    defence = parse_defence(text, "own.toml")
    missile = defence.layer("missile")
    assert (missile.works, missile.salvo_of, missile.rounds) == ("day", 2, 3)
    assert (missile.review_days, missile.minimum_stock) == (7, 40)
    assert missile.engagements_per_night is None
    assert (missile.ranges["fire_channels"].mode, missile.ranges["service_minutes"].high) == (4, 10)
    assert [(wave.share, wave.hours) for wave in defence.waves] == [(0.7, 2.0), (0.3, 5.5)]
    assert defence.daylight_share is not None
    assert defence.daylight_share.mode == 0.2


def test_what_is_left_out_is_one_shot_at_every_drone_in_all_hours() -> None:
    for layer in parse_defence(GOOD, "own.toml").layers:
        assert (layer.works, layer.salvo_of, layer.rounds, layer.minimum_stock) == ("always", 1, 1, 0)
        assert layer.decoy_discrimination is None
        assert layer.weather_share is None
        assert layer.review_days is None


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_by_file_layer_and_key(mistake: str) -> None:
    text, told = MISTAKES[mistake]
    with pytest.raises(InputError) as raised:
        parse_defence(text, "own.toml")
    message = str(raised.value)
    assert message.startswith("own.toml")
    assert len(message.splitlines()) == 1
    for words in told:
        assert words in message


def test_the_order_of_engagement_is_the_defences_own() -> None:
    defence = parse_defence(GOOD, "own.toml")
    assert defence.only(("missile", "jammer")) == defence.ids == ("jammer", "missile")


def test_a_layer_that_is_left_out_keeps_its_place_and_engages_nothing() -> None:
    defence = parse_defence(GOOD, "own.toml")
    without = defence.without(("jammer",))
    assert without.ids == defence.ids
    assert without.layer("jammer").engaged_share.high == 0
    assert without.layer("missile") == defence.layer("missile")
    with pytest.raises(InputError, match="without jammer, missile no layer is left"):
        defence.without(("missile", "jammer"))


KIND = '[[kind]]\nid = "jet"\nname = "Jets"\n'
AGAINST = table("against.{}.reach", "0.1", "0.2", "0.3")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KIND + GOOD + AGAINST.format("jett"), "unknown kind 'jett': did you mean jet?"),
        (GOOD + AGAINST.format("jet"), "unknown kind 'jet': known are decoy"),
        (KIND * 2 + GOOD, "kind jet is stated twice"),
        (KIND.replace("jet", "decoy") + GOOD, "kind decoy is known to every defence"),
        (KIND + table("share", "0.5", "0.7", "1.2").replace("[layer.share]", "[[kind.share]]") + GOOD, "1.2"),
        (
            KIND
            + table("share", "0.5", "0.7", "0.9").replace("[layer.share]", "[[kind.share]]")
            + KIND.replace("jet", "heavy")
            + table("share", "0.1", "0.4", "0.5").replace("[layer.share]", "[[kind.share]]")
            + GOOD,
            "the shares of the kinds add up to",
        ),
        (KIND + table("warhead_kg", "0", "50", "90").replace("layer.", "kind.") + GOOD, "warhead_kg starts from 0"),
    ],
    ids=["nearest", "none", "twice", "reserved", "above 1", "together above 1", "no mass"],
)
def test_a_kind_that_cannot_be_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_defence(text, "own.toml")
    assert told in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_night_without_room_for_one_salvo_is_refused() -> None:
    text = with_missile("salvo_of = 20").replace(CAPACITY, table("engagements_per_night", "6", "8", "10"))
    with pytest.raises(InputError, match="salvo_of is 20, and engagements_per_night reach 10"):
        parse_defence(text, "own.toml")


def test_an_unknown_layer_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown layer 'misile': did you mean missile\?"):
        parse_defence(GOOD, "own.toml").only(("misile",))


def range_of(low: float, mode: float, high: float) -> SourcedRange:
    return SourcedRange(
        low=low, mode=mode, high=high, basis="assumed", sources=(), date=date(2026, 2, 28), confidence="D", note=""
    )


def test_draws_are_triangular() -> None:
    n, (low, mode, high) = 100_000, (2.0, 3.0, 10.0)
    drawn = range_of(low, mode, high).draw(np.random.default_rng(1), n)
    variance = (low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18
    assert low <= drawn.min() <= drawn.max() <= high
    assert abs(drawn.mean() - (low + mode + high) / 3) < 5 * np.sqrt(variance / n)
    assert drawn.var() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize(("low", "mode", "high"), [(2.5, 2.5, 2.5), (0.0, 0.0, 0.0)])
def test_a_range_without_width_is_its_number(low: float, mode: float, high: float) -> None:
    assert range_of(low, mode, high).draw(np.random.default_rng(1), 3).tolist() == [mode] * 3


@pytest.mark.parametrize(("low", "mode", "high"), [(0.0, 0.0, 1.0), (0.0, 1.0, 1.0)])
def test_the_mode_may_be_an_end(low: float, mode: float, high: float) -> None:
    drawn = range_of(low, mode, high).draw(np.random.default_rng(1), 10_000)
    assert drawn.mean() == pytest.approx((low + mode + high) / 3, abs=0.02)


def test_the_example_is_a_file_that_a_person_could_write(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(GOOD.replace("\n", "\r\n").encode())  # as some editors save it
    assert parse_defence(path.read_text(encoding="utf-8"), path.name) == parse_defence(GOOD, path.name)


WEEKLY = (
    '[layer.monthly_supply]\nmode = "{mode}"\n{ends}basis = "assumed"\nsources = []\n'
    'date = 2026-02-28\nconfidence = "D"\n'
)
MONTHLY = table("monthly_supply", "0", "0", "50")


@pytest.mark.parametrize(
    ("stated", "low", "mode", "high"),
    [
        (WEEKLY.format(mode="70/week", ends=""), 10, 10, 10),
        (WEEKLY.format(mode="70/week", ends='low = "7/day"\nhigh = "1 400/week"\n'), 7, 10, 200),
        (WEEKLY.format(mode="500/month", ends='low = "0/month"\nhigh = 600\n'), 0, 500 / DAYS_PER_MONTH, 600),
    ],
)
def test_a_supply_is_stated_with_its_unit(stated: str, low: float, mode: float, high: float) -> None:
    """Seventy a week are ten a day; a bare number is a month's."""
    supply = parse_defence(swapped(MONTHLY, stated), "own.toml").layer("missile").monthly_supply
    assert supply is not None
    days = [1.0 if end == "high" and high == 600 else DAYS_PER_MONTH for end in ("low", "mode", "high")]
    assert (supply.low, supply.mode, supply.high) == pytest.approx((low * days[0], mode * days[1], high * days[2]))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("800", "expected interceptors with their unit, such as 800/week (day, week, month)"),
        ("800/year", "expected interceptors with their unit, such as 800/week (day, week, month)"),
        ("12.000/week", "'12.000' may be 12 or 12000: write 12 or 12000"),
        ("-1/week", "expected 0 to 1,000,000,000 interceptors"),
    ],
)
def test_a_supply_that_may_be_anything_is_a_line(given: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_defence(swapped(MONTHLY, WEEKLY.format(mode=given, ends="")), "own.toml")
    assert "own.toml" in str(caught.value)
    assert "monthly_supply" in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
