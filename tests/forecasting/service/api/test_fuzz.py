"""Requests that a machine thinks up from the OpenAPI definition: right ones, and ones that are wrong in some way."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.forecasting.service.conftest import Server, serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
"""Left out: positive_data_acceptance, as the definition cannot tell which layers a defence has or which days are on
record, and those of tokens, which `test_security` looks at."""

CASES = int(os.environ.get("SALVOCAST_CASES", "600"))
"""The same ones each time; `make fuzz` sends thousands."""
NOT_ASKED = {503: not_a_server_error, 413: negative_data_rejection}
"""Status -> the check that it fails by its nature: too much to do is no failure of the server, and what is too large is
refused before anybody sees what else is wrong with it."""
SHARES = {"/plan": 12, "/forecast": 12, "/reports": 8, "/forecasts/{id}": 4, "/models": 2}
"""Of the cases, by path, right and wrong ones; 1 for the others, which nothing can be wrong with."""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, filled_ledger: Path) -> Iterator[Server]:
    """A server that takes reports, and whose requests may not take long: what would is refused, which is an answer."""
    with serving(tmp_path_factory.mktemp("fuzzed"), filled_ledger) as start:
        yield start(accept_reports=True, longest=2.0)


def run_cases(server: Server, n_cases: int) -> int:
    """Sends so many requests or more, and checks every answer; returns how many were sent."""
    schema = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")
    operations = [each.ok() for each in schema.get_all_operations()]
    shares = {each.label: SHARES.get(each.path.removeprefix("/api/v1"), 1) for each in operations}
    unit = -(-n_cases // sum(share if share == 1 else 2 * share for share in shares.values()))
    sent = 0
    with requests.Session() as session:
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                if mode is GenerationMode.NEGATIVE and shares[operation.label] == 1:
                    continue

                @settings(
                    max_examples=unit * shares[operation.label],
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def check(case: Any) -> None:
                    nonlocal sent
                    sent += 1
                    response = case.call(session=session, timeout=60)
                    checks = [each for each in CHECKS if each is not NOT_ASKED.get(response.status_code)]
                    case.validate_response(response, checks=checks)

                check()
    return sent


def test_no_answer_is_a_failure_or_leaves_the_definition(fuzzed: Server) -> None:
    assert run_cases(fuzzed, CASES) >= 0.75 * CASES
