"""What a client is told of a failure, and what it is not."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from features.errors import InputError, NotPermittedError, SalvocastError
from forecasting.answers.request import PlanRequest
from forecasting.salvos.model import ModelError
from forecasting.service.http.problems import Refusal, problem, refusal_of
from forecasting.service.workers.pool import Overloaded, TookTooLong


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (InputError("given this, expected that"), 422, "given this, expected that"),
        (InputError("on\ntwo lines"), 422, "on two lines"),
        (ModelError("no fit"), 422, "no fit"),
        (TookTooLong("take fewer paths"), 422, "take fewer paths"),
        (Overloaded("try again", 3.2), 503, "try again"),
        (Refusal(404, "not there"), 404, "not there"),
        (SalvocastError("the ledger sqlite:////srv/x failed"), 503, "a store of the server failed; its log says why"),
        (
            NotPermittedError("the ledger postgresql://h/srv refused"),
            403,
            "the database does not let this server write",
        ),
        (ZeroDivisionError("secret"), 500, "the server failed; its log says why"),
    ],
)
def test_each_failure_has_its_status_and_tells_no_more_than_is_the_clients(
    error: Exception, status: int, detail: str
) -> None:
    told = refusal_of(error)
    assert told.status == status
    assert told.detail.startswith(detail)
    assert "/srv" not in told.detail
    assert "secret" not in told.detail
    assert ("Retry-After" in told.headers) == (status == 503)


def test_when_to_come_again_is_in_whole_seconds_and_never_none() -> None:
    assert refusal_of(Overloaded("", 3.2)).headers["Retry-After"] == "4"
    assert refusal_of(Overloaded("", 0.0)).headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"horizon": 0}, "horizon: expected at least 1 (given 0)"),
        ({"horizon": "28"}, 'horizon: expected a whole number (given "28")'),
        ({"paths": 1_000_001}, "paths: expected at most 1,000,000 (given 1000001)"),
        ({"scenario": "published", "held": {"x": 2}}, "held.x: expected at most 1 (given 2)"),
        ({"horizn": 7}, "unknown field 'horizn': did you mean horizon or origin? known are budget, calibrate, "),
        ({"deliveries": [{"layer": "fighter", "quantity": 1}]}, "deliveries.0.date: this field is missing"),
        ({"scenario": "../x"}, 'scenario: expected at most 40 letters a to z, digits or _ (given "../x")'),
        ({"scenario": {"toml": ""}}, 'scenario.toml: expected at least 1 character (given "")'),
        ({"defence": {"file": "x.toml"}}, "defence.toml: this field is missing; and 1 more"),
        ({"defence": {"toml": "x", "file": "y"}}, 'defence.file: there is no such field (given "y")'),
        ({"model": 5}, "model: expected text (given 5)"),
        (
            {"deliveries": [{"layer": "A", "date": "2026-03-01", "quantity": 1}]},
            "deliveries.0.layer: expected at most 40 ",
        ),
        ({"held": {"a": 1.0}}, "held is given without scenario: add scenario"),
    ],
)
def test_a_field_is_told_with_what_was_given_and_expected(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlanRequest.model_validate(given)
    assert refusal_of(caught.value, PlanRequest.model_fields).detail.startswith(told)


@pytest.mark.parametrize(
    ("given", "told"), [("[]", "expected an object"), ("{", "expected JSON: "), ("null", "expected an ")]
)
def test_what_is_no_request_at_all_is_told_too(given: str, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlanRequest.model_validate_json(given)
    assert refusal_of(caught.value).detail.startswith(told)


def test_a_long_or_strange_value_stays_one_short_line() -> None:
    for given in ("x" * 10_000, "a\nb\x00\u2028c", ["y"] * 10_000):
        with pytest.raises(ValidationError) as caught:
            PlanRequest.model_validate({"horizon": given, "seed": given})
        told = refusal_of(caught.value).detail
        assert told.startswith("horizon: ")
        assert told.endswith("; and 1 more")
        assert told.isprintable()
        assert len(told) < 300


def test_the_form_of_a_problem() -> None:
    response = problem(Refusal(503, "later", {"Retry-After": "4"}), "abc")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "4"
    assert json.loads(bytes(response.body)) == {
        "type": "urn:salvocast:problem:service-unavailable",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "later",
        "instance": "urn:salvocast:request:abc",
        "field": None,
    }


def test_a_problem_names_the_field_that_is_wrong_without_reading_the_line() -> None:
    def field(error: Exception) -> str | None:
        told = json.loads(bytes(problem(refusal_of(error), "abc").body))
        assert isinstance(told["field"], str | None)
        return told["field"]

    assert field(InputError("unknown model 'x'", field="model")) == "model"
    assert field(InputError("model is the first word, and no field")) is None
    with pytest.raises(ValidationError) as wrong:
        PlanRequest.model_validate({"deliveries": [{"layer": "a", "date": "2026-03-01", "quantity": -1}]})
    assert field(wrong.value) == "deliveries.0.quantity"
