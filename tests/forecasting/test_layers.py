"""What a planner may state about the defence, and how a mistake in it is told."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.stated import SourcedRange
from forecasting.layers import Defence, parse_defence


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


def test_one_layer_alone() -> None:
    defence = parse_defence(GOOD, "own.toml").only(("missile",))
    assert [layer.id for layer in defence.layers] == ["missile"]


def test_the_order_of_engagement_is_the_defences_own() -> None:
    defence = parse_defence(GOOD, "own.toml").only(("missile", "jammer"))
    assert [layer.id for layer in defence.layers] == ["jammer", "missile"]


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
