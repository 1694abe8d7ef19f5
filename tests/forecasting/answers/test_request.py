"""The request as data: what is refused, and that equal requests are the same text."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from forecasting.answers.request import ForecastRequest, PlanRequest

requests = st.builds(
    PlanRequest,
    horizon=st.integers(1, 730),
    origin=st.none() | st.dates(min_value=date(2022, 1, 1), max_value=date(2100, 12, 31)),
    scenario=st.sampled_from(["published", "workers_25000", {"toml": "[scenario]\nname = 'mine'"}]),
    held=st.dictionaries(st.text(min_size=1, max_size=20), st.floats(0, 1)),
    layers=st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True), max_size=5),
    threats=st.sampled_from([(), "shahed", "cruise=40/week, shahed", ["shahed", "cruise", "ballistic"]]),
    stock=st.dictionaries(st.sampled_from(["drones", "guns"]), st.integers(0, 10**9)),
    service_level=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**63 - 1),
)


@given(requests)
def test_a_request_comes_back_from_its_text(request: PlanRequest) -> None:
    again = PlanRequest.model_validate_json(request.canonical)
    assert again == request
    assert again.digest == request.digest


@given(requests, requests)
def test_requests_have_the_same_digest_where_they_are_equal_and_nowhere_else(
    one: PlanRequest, other: PlanRequest
) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_the_order_in_which_a_request_is_written_does_not_matter() -> None:
    one = PlanRequest.model_validate_json('{"stock": {"guns": 1, "drones": 2}, "seed": 3}')
    other = PlanRequest.model_validate_json('{"seed": 3, "stock": {"drones": 2, "guns": 1}}')
    assert one.digest == other.digest


def test_the_same_raid_is_the_same_request() -> None:
    one, other = (
        PlanRequest.model_validate({"threats": threats})
        for threats in ("ballistic, shahed,cruise", ["shahed", "cruise", "ballistic"])
    )
    assert one == other
    assert one.rates == {"ballistic": None, "cruise": None}
    assert PlanRequest.model_validate({"threats": "shahed,cruise=2.5/week"}).rates == {"cruise": 2.5}
    assert PlanRequest.model_validate({"threats": "shahed"}) == PlanRequest()


def test_a_forecast_and_a_plan_are_told_apart() -> None:
    assert ForecastRequest().digest != PlanRequest().digest
    assert (ForecastRequest().kind, PlanRequest().kind) == ("forecast", "plan")


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon": 0},
        {"horizon": 731},
        {"paths": 1_000_001},
        {"seed": -1},
        {"model": "../../etc/passwd"},
        {"scenario": "mine.toml"},
        {"scenario": {"toml": ""}},
        {"defence": "/tmp/defence.toml"},
        {"theatre": "Ukraine; drop table report"},
        {"layers": ["a"] * 51},
        {"stock": {"drones": -1}},
        {"held": {"alabuga.armed": 0.5}},
        {"scenario": "published", "held": {"alabuga.armed": 1.5}},
        {"service_level": 1},
        {"service_level": "1"},
        {"service_level": 100},
        {"service_level": "100 %"},
        {"service_level": "150"},
        {"service_level": "most"},
        {"service_level": True},
        {"service_level": float("nan")},
        {"threats": "shahed,cruise", "budget": 5.0},
        {"horizons": 28},
        {"threats": "cruise"},
        {"threats": "shahed,cruise,cruise=3/week"},
        {"threats": "shahed,cruise=3"},
        {"threats": "shahed,cruise=0/week"},
        {"threats": "shahed=3/week"},
        {"threats": "shahed,cruise", "leak_target": 5.0},
        {"threats": "shahed,cruise", "weapon_class": "ballistic"},
        {"deliveries": [{"layer": "drones", "date": "2026-03-01", "quantity": 1.5}]},
    ],
    ids=lambda wrong: json.dumps(wrong)[:40],
)
def test_what_no_plan_can_be_made_for_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PlanRequest.model_validate(wrong)
