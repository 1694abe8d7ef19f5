"""The address of a plan: a whole request there and back, in one form, and what is wrong told field by field."""

import random
import zlib
from base64 import urlsafe_b64encode
from datetime import date
from urllib.parse import parse_qsl, urlencode

import pytest
from annotated_types import Ge, Le
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.records import QuietDayRule
from forecasting.answers.request import LONGEST_TEXT, DatedDelivery, PlanRequest, Text
from forecasting.service.page.link import (
    EXPECTED,
    OF_LAYERS,
    PLAIN,
    FormError,
    PageQuery,
    pack_text,
    parse_query,
    unpack_text,
)

names = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
counts = st.integers(0, 10**9)
days = st.dates(date(1990, 1, 1), date(2100, 12, 31))
texts = st.builds(Text, toml=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
levels = st.floats(0, 1)
deliveries = st.builds(DatedDelivery, layer=names, date=days, quantity=counts)


@st.composite
def requests(draw: st.DrawFn) -> PlanRequest:
    scenario = draw(st.one_of(st.just("none"), names, texts))
    leak_target = draw(st.none() | st.floats(0, 1e9))
    policy = draw(st.none() | st.sampled_from(["base_stock", "adjusted_base_stock", "reorder_point"]))
    return PlanRequest(
        theatre=draw(names),
        origin=draw(st.none() | days),
        horizon=draw(st.integers(1, 730)),
        model=draw(names),
        scenario=scenario,
        held={}
        if scenario == "none"
        else draw(st.dictionaries(names.map("facility a b.{}".format), levels, max_size=3)),
        quiet_days=draw(st.none() | st.sampled_from(QuietDayRule)),
        paths=draw(st.integers(1, 1_000_000)),
        seed=draw(st.integers(0, 2**63 - 1)),
        defence=draw(st.one_of(names, texts)),
        layers=draw(st.lists(names, max_size=3)),
        stock=draw(st.dictionaries(names, counts, max_size=3)),
        supply=draw(st.dictionaries(names, st.sampled_from(["800/week", "2.5/day", "12.3450/month"]), max_size=2)),
        lead_time=draw(st.dictionaries(names, st.integers(0, 730), max_size=2)),
        pack_size=draw(st.dictionaries(names, st.integers(1, 99), max_size=2)),
        minimum_stock=draw(st.dictionaries(names, counts, max_size=2)),
        deliveries=draw(st.lists(deliveries, max_size=3)),
        # In the steps that a person states; a hundredth of any float is another float.
        service_level=draw(st.integers(1, 99_999).map(lambda n: n / 100_000)),
        safety_of=draw(st.sampled_from(["each", "all"])),
        frontier_points=draw(st.integers(2, 20)),
        leak_target=leak_target,
        policy=policy,
        review=draw(st.integers(1, 365)),
        budget=draw(st.none() | st.floats(0.01, 1e15)),
        calibrate=draw(st.booleans()),
    )


views = st.builds(
    PageQuery, requests(), st.just("") | names, st.sampled_from(["", "en", "uk"]), st.sampled_from(["", "dark"])
)


@given(views)
def test_an_address_gives_back_exactly_what_was_asked(view: PageQuery) -> None:
    again = parse_query(parse_qsl(view.query))
    assert again == view
    assert again.request.digest == view.request.digest


@given(views, st.randoms(use_true_random=False))
def test_equal_requests_have_one_address_in_whatever_order_they_were_stated(
    view: PageQuery, order: random.Random
) -> None:
    # What is a list (layers, deliveries) keeps its order; the names may come in any.
    names = list(dict.fromkeys(name for name, _ in view.pairs))
    order.shuffle(names)
    shuffled = sorted(view.pairs, key=lambda pair: names.index(pair[0]))
    assert parse_query(shuffled).query == view.query


def test_what_is_as_ever_does_not_stand_in_the_address() -> None:
    assert PageQuery(PlanRequest()).query == ""
    assert PageQuery(PlanRequest(horizon=14, calibrate=False)).query == "days=14&stated=1"


def test_a_form_with_all_its_fields_becomes_the_short_address() -> None:
    form = "days=28&safety=99&origin=&scenario=none&shown=none&model=champion&paths=2 000&seed=1&leak=&budget="
    form += "&stock.interceptor_drone=20 000&stock.fighter=&due.layer=fighter&due.date=2026-03-05&due.quantity=40"
    form += "&due.layer=fighter&due.date=&due.quantity="
    wanted = parse_query(parse_qsl(form, keep_blank_values=True))
    assert wanted.query == urlencode(
        {"stock.interceptor_drone": "20000", "due": "fighter:2026-03-05:40", "safety": "99"}
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1,000,000", 1e6),
        ("1 000 000", 1e6),
        ("1\u00a0000\u00a0000", 1e6),
        ("1 000,5", 1000.5),
        ("1,000.5", 1000.5),
        ("12,5", 12.5),
        ("0,125", 0.125),
        ("1,0000", 1.0),
    ],
)
def test_numbers_are_read_as_people_write_them_in_either_language(written: str, read: float) -> None:
    assert parse_query([("leak", written)]).request.leak_target == read


def test_days_and_levels_are_read_as_people_write_them_in_either_language() -> None:
    for day in ("2026-02-08", "08.02.2026", "8.2.2026"):
        assert parse_query([("origin", day)]).request.origin == date(2026, 2, 8)
        due = [("due.layer", "fighter"), ("due.date", day), ("due.quantity", "1 200")]
        assert parse_query(due).request.deliveries == (
            DatedDelivery(layer="fighter", date=date(2026, 2, 8), quantity=1200),
        )
    for level in ("99.5", "99,5", "99,5 %", "0.995", "0,995"):
        assert parse_query([("safety", level)]).request.service_level == 0.995


@pytest.mark.parametrize(
    ("field", "written", "may_be"),
    [
        ("budget", "12.000", "12 or 12000"),
        ("stock.fighter", "12,000", "12 or 12000"),
        ("supply.fighter", "12.500/week", "12.5 or 12500"),
        ("safety", "1", "1 % or 100 %"),
    ],
)
def test_a_number_that_may_be_two_is_asked_about(field: str, written: str, may_be: str) -> None:
    with pytest.raises(FormError) as raised:
        parse_query([(field, written), ("leak", "5")])
    number = written.partition("/")[0]
    assert {name: str(line) for name, line in raised.value.lines.items()} == {
        field: f"'{number}' may be {may_be}: write {may_be}"
    }


def test_a_plan_for_all_the_layers_that_a_form_shows_names_none() -> None:
    both = [("layer", "fighter"), ("layer", "interceptor_drone")]
    assert parse_query([*both, ("layers", "2")]).query == ""
    assert parse_query([*both, ("layers", "3")]).request.layers == ("fighter", "interceptor_drone")
    assert parse_query(both).request.layers == ("fighter", "interceptor_drone")


def test_a_form_holds_the_ticked_sliders_alone_and_none_of_another_scenario() -> None:
    sliders = "&hold.output_ratio=0.7&hold.stock.minimum=0.5&held=output_ratio"
    same = parse_query(parse_qsl("scenario=published&shown=published" + sliders))
    assert same.request.held == {"output_ratio": 0.7}
    other = parse_query(parse_qsl("scenario=workers_12000&shown=published" + sliders))
    assert other.request.held == {}
    assert parse_query(parse_qsl("scenario=none&shown=published" + sliders)).request.held == {}


def test_another_choice_lets_the_own_scenario_go() -> None:
    own = pack_text("[scenario]")
    assert parse_query([("scenario", "own."), ("own.scenario", own)]).request.scenario == Text(toml="[scenario]")
    assert parse_query([("scenario", "published"), ("own.scenario", own)]).request.scenario == "published"


@pytest.mark.parametrize(
    ("query", "field", "line"),
    [
        ("days=0", "days", "'0': expected a whole number of attack days, 1 to 730"),
        ("days=many", "days", "'many': expected a whole number of attack days, 1 to 730"),
        ("origin=28/2/2026", "origin", "'28/2/2026': expected a date such as 2026-02-28"),
        ("origin=31.2.2026", "origin", "'31.2.2026': expected a date such as 2026-02-28"),
        ("paths=2,5", "paths", "'2,5': expected a whole number of simulated futures, 1 to 1,000,000"),
        ("safety=120", "safety", "'120': expected per cent between 0 and 100, such as 95"),
        ("safety=high", "safety", "'high': expected per cent between 0 and 100, such as 95"),
        ("scenario=../../etc/passwd", "scenario", "'../../etc/passwd': expected none, or the name of a scenario"),
        ("paths=1000001", "paths", "'1000001': expected a whole number of simulated futures, 1 to 1,000,000"),
        ("stock.fighter=-1", "stock.fighter", "'-1': expected a whole number, 0 or more"),
        ("scenario=published&hold.output_ratio=1.5", "hold.output_ratio", "'1.5': expected a level from 0 to 1"),
        ("due=fighter:2026-03-05", "due", "expected a layer, a date such as 2026-03-05 and a whole number"),
        ("due=fighter:2026-03-05:-2", "due", "expected a layer, a date such as 2026-03-05 and a whole number"),
        ("threats=shahed,cruise&budget=5", "form", "leave out leak_target and budget"),
        ("horizon=14", "form", "the address holds a name that is not known"),
        ("own.scenario=abc", "scenario", "the own text in the address is cut off or changed"),
    ],
)
def test_what_is_wrong_is_told_for_its_field(query: str, field: str, line: str) -> None:
    with pytest.raises(FormError) as error:
        parse_query(parse_qsl(query))
    assert set(error.value.lines) == {field}
    assert line in str(error.value.lines[field])


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(FormError) as error:
        parse_query(parse_qsl("days=0&safety=0&seed=-1"))
    assert set(error.value.lines) == {"days", "safety", "seed"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_packed_text_is_unpacked_again(text: str) -> None:
    assert unpack_text(pack_text(text)) == text


def test_a_text_that_unpacks_to_more_than_any_may_have_is_refused() -> None:
    bomb = urlsafe_b64encode(zlib.compress(b" " * (LONGEST_TEXT + 1))).decode()
    with pytest.raises(InputError, match="cut off or changed"):
        unpack_text(bomb)


def test_a_text_that_no_address_holds_is_refused() -> None:
    noise = random.Random(1).randbytes(30_000).hex()
    with pytest.raises(InputError, match="more than an address holds"):
        pack_text(noise)


def test_every_field_of_a_request_has_a_place_in_the_address() -> None:
    in_forms_of_their_own = {"held", "layers", "without", "deliveries", "service_level", "calibrate"}
    assert {*PLAIN.values(), *OF_LAYERS.values(), *in_forms_of_their_own} == set(PlanRequest.model_fields)


@pytest.mark.parametrize("name", ["days", "paths"])
def test_what_a_form_expects_is_what_a_request_takes(name: str) -> None:
    limits = {type(each): each for each in PlanRequest.model_fields[PLAIN[name]].metadata}
    low, high = limits[Ge].ge, limits[Le].le
    assert EXPECTED[name].endswith(f"{low} to {high:,}")
