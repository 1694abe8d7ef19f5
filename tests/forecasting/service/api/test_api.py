"""The API of a running server: the answers of the command line, and every failure as a problem."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from importlib import resources
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openpyxl import load_workbook

from features.errors import InputError
from features.records import SalvoReport
from forecasting.answers.request import PlanRequest
from forecasting.report.schema import published_schema
from forecasting.service.api.bodies import ReportsRequest
from forecasting.service.api.data import reading_of
from tests.features.scenario_texts import REFUSED
from tests.forecasting.service.conftest import Serve, Server
from tests.workbook_tables import tables_of

SMALL: dict[str, Any] = {"horizon": 7, "paths": 50}


def problem(response: httpx.Response, status: int) -> str:
    """Its one line. Everything of the form that RFC 9457 asks for is there, and nothing else is said."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert set(told) == {"type", "title", "status", "detail", "instance", "field"}
    assert told["status"] == status
    assert told["instance"].endswith(response.headers["x-request-id"])
    assert "\n" not in told["detail"]
    assert "Traceback" not in told["detail"]
    return str(told["detail"])


REQUESTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("plan", {}, []),
    ("forecast", {"horizon": 9, "seed": 3}, ["--horizon", "9", "--seed", "3"]),
    (
        "plan",
        {
            **SMALL,
            "origin": "2025-06-01",
            "layers": ["short_range_missile"],
            "service_level": 0.9,
            "model": "two_regime",
        },
        [
            *("--horizon", "7", "--paths", "50", "--origin", "2025-06-01", "--layer", "short_range_missile"),
            *("--service-level", "0.9", "--model", "two_regime"),
        ],
    ),
    (
        "plan",
        {**SMALL, "scenario": "imports_stopped", "calibrate": False, "leak_target": 100, "budget": 1e8},
        [
            *("--horizon", "7", "--paths", "50", "--scenario", "imports_stopped", "--no-calibrate"),
            *("--leak-target", "100", "--budget", "1e8"),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "request_body", "arguments"), REQUESTS)
def test_the_same_bytes_as_the_command_line(
    kind: str, request_body: dict[str, Any], arguments: list[str], server: Server, client: httpx.Client
) -> None:
    command = [str(Path(sys.executable).parent / "salvocast"), kind, *arguments, "--format", "json"]
    environment = os.environ | {"SALVOCAST_HOME": str(server.home), "OMP_NUM_THREADS": "1"}
    printed = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    response = client.post(f"/api/v1/{kind}", json=request_body)
    assert response.status_code == 200, response.text
    assert response.content == printed
    Draft202012Validator(json.loads(published_schema(kind))).validate(response.json())


def test_an_answer_carries_its_id_and_is_kept_under_it(server: Server, client: httpx.Client) -> None:
    given = client.post("/api/v1/plan", json={**SMALL, "seed": 11})
    identity = hashlib.sha256(given.content).hexdigest()
    assert given.headers["salvocast-id"] == identity
    assert given.headers["content-location"] == f"/api/v1/forecasts/{identity}"
    kept = client.get(given.headers["content-location"])
    assert kept.content == given.content
    assert "immutable" in kept.headers["cache-control"]
    again = client.get(given.headers["content-location"], headers={"If-None-Match": kept.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    rows = client.get(
        given.headers["content-location"], headers={"Accept": "text/csv", "If-None-Match": kept.headers["etag"]}
    )
    assert rows.status_code == 200  # another form is another entity


def test_what_is_known_beside_an_issued_plan_is_the_same_by_itself_and_in_its_workbook(client: httpx.Client) -> None:
    asked = {**SMALL, "seed": 13}
    given = client.post("/api/v1/plan", json=asked)
    place, made = given.headers["content-location"], given.json()["forecast"]
    told = client.get(f"{place}/about").json()
    assert told["id"] == given.headers["salvocast-id"]
    assert told["link"].endswith(place)
    assert PlanRequest(**told["request"]) == PlanRequest(**asked)
    assert (told["origin"], told["data_digest"]) == (made["origin"], made["data_digest"])
    assert told["last_attack_day_known"] == made["last_attack_day_known"]
    # Ages below three days are not in the document.
    assert told["data_age_days"] == made.get("data_age", {"days": told["data_age_days"]})["days"]
    assert told["not_for_orders"] == made.get("data_age", {"not_for_orders": False})["not_for_orders"]
    assert client.get(told["link"]).content == given.content
    xlsx = {"Accept": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    for response in (client.get(place, headers=xlsx), client.post("/api/v1/plan", json=asked, headers=xlsx)):
        about = {row["what"]: row["value"] for row in tables_of(response.content)["about"]}
        assert (about["link"], about["issued_as"], about["issued_at"]) == (told["link"], told["id"], told["issued_at"])
        assert json.loads(about["request"]) == told["request"]
    assert "no issued forecast" in problem(client.get(f"/api/v1/forecasts/{'0' * 64}/about"), 404)


def test_what_is_not_issued_is_not_kept(client: httpx.Client) -> None:
    given = client.post("/api/v1/forecast?issue=false", json={**SMALL, "seed": 12})
    assert "content-location" not in given.headers
    assert "no issued forecast" in problem(client.get(f"/api/v1/forecasts/{given.headers['salvocast-id']}"), 404)


def test_an_issued_forecast_outlives_the_server(serve: Serve) -> None:
    first = serve()
    with first.client() as client:
        given = client.post("/api/v1/forecast", json=SMALL)
    assert first.stop() == 0
    with serve().client() as client:
        assert client.get(given.headers["content-location"]).content == given.content


def test_forms_of_an_answer(client: httpx.Client) -> None:
    def asked(accept: str) -> httpx.Response:
        response = client.post("/api/v1/plan", json=SMALL, headers={"Accept": accept})
        assert response.status_code == 200, response.text
        return response

    document = asked("application/json").json()
    days = document["forecast"]["days"]
    rows = list(csv.DictReader(StringIO(asked("text/csv").text)))
    medians = [row for row in rows if (row["table"], row["measure"]) == ("days", "drones_median")]
    assert [float(row["value"]) for row in medians] == [day["drones"]["median"] for day in days]
    sheet = load_workbook(BytesIO(asked("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet").content))
    assert sheet["days"].max_row == len(days) + 1
    for accept in ("application/vnd.hubverse+csv", "text/csv; profile=hub", 'text/csv; profile="hub"'):
        hub = list(csv.DictReader(StringIO(asked(accept).text)))
        assert list(hub[0]) == [
            "reference_date", "target", "horizon", "target_end_date", "output_type", "output_type_id", "value",
        ]  # fmt: skip
        first = [row for row in hub if row["horizon"] == "1" and float(row["output_type_id"]) == 0.5]
        assert days[0]["drones"]["median"] in [float(row["value"]) for row in first]


@pytest.mark.parametrize(
    ("request_body", "said"),
    [
        ({"horizon": 731}, "horizon: "),
        ({"paths": 1_000_001}, "paths: "),
        ({"horizon": "28"}, "horizon: "),
        ({"horizn": 28}, "unknown field 'horizn': did you mean horizon"),
        ({"model": "salvo_ensembel"}, "did you mean salvo_ensemble"),
        ({"scenario": "imports_stoped"}, "did you mean imports_stopped"),
        ({"scenario": {"file": "mine.toml"}}, "scenario.toml: this field is missing"),
        ({"scenario": "../../etc/passwd"}, "scenario"),
        ({"scenario": "published", "held": {"nothing": 0.5}}, "nothing"),
        ({"held": {"x": 0.5}}, "held is given without scenario"),
        ({"origin": "2019-01-01"}, "2019-01-01"),
        ({"theatre": "atlantis"}, "atlantis"),
        ({"layers": ["short_range_misile"]}, "did you mean short_range_missile"),
        ({"stock": {"electronic_warfare": 4}}, "electronic_warfare"),
        (
            {"deliveries": [{"layer": "short_range_missile", "date": "2026-02-28", "quantity": 1}]},
            "not after the origin",
        ),
        ({"threats": "shahed,cruise", "budget": 5}, "leave out leak_target and budget"),
        ({"defence": {"toml": "[defence]\nname = 1"}}, "the defence given"),
        ({"scenario": {"toml": "[scenario]\nname = 'a'"}}, "the scenario given"),
        ({"paths": 50_000, "horizon": 365, "scenario": "published"}, "GB of memory: expected at most 4.5; take "),
        ({"seed": -1}, "seed: "),
        *(({"scenario": {"toml": text}}, said) for text, said in REFUSED.values()),
    ],
)
def test_a_request_that_cannot_be_answered_is_told_in_one_line(
    request_body: dict[str, Any], said: str, client: httpx.Client
) -> None:
    assert said in problem(client.post("/api/v1/plan", json=request_body), 422)


def test_a_text_of_assumptions_reads_no_file(client: httpx.Client, tmp_path: Path) -> None:
    there = tmp_path / "there.toml"
    there.write_text("[scenario]\nname = 'secret'", encoding="utf-8")
    for based_on in (str(there), str(tmp_path / "absent.toml"), str(tmp_path), "/etc/passwd"):
        text = f"[scenario]\nname = 'own'\ntitle = 'Own'\nas_of = 2026-02-28\nabout = 'x'\nbased_on = '{based_on}'\n"
        told = problem(client.post("/api/v1/forecast", json={"scenario": {"toml": text}}), 422)
        assert told.startswith(f"the scenario given: scenario.based_on: unknown scenario '{based_on}'"), told


def test_an_own_scenario_and_an_own_defence_are_used(client: httpx.Client) -> None:
    bundled = resources.files("features.bundled").joinpath("defence_ukraine.toml").read_text(encoding="utf-8")
    text = "[scenario]\nname = 'own'\ntitle = 'Own'\nas_of = 2026-02-28\nabout = 'x'\nbased_on = 'imports_stopped'\n"
    own = {**SMALL, "scenario": {"toml": text}, "defence": {"toml": bundled}}
    given = client.post("/api/v1/plan", json=own).json()
    named = client.post("/api/v1/plan", json={**SMALL, "scenario": "imports_stopped"}).json()
    assert given["forecast"]["supply"]["scenario"] == "own"
    assert given["layers"] == named["layers"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/scenarios/nothing", 404),
        ("GET", "/api/v1/scenarios/..%2F..%2Fpyproject", 404),
        ("GET", "/api/v1/defences/nothing", 404),
        ("GET", f"/api/v1/forecasts/{'0' * 64}", 404),
        ("GET", "/api/v1/forecasts/short", 422),
        ("GET", "/api/v1/docs/..%2F__init__.py", 404),
        ("DELETE", "/api/v1/plan", 405),
        ("GET", "/api/v1/plan", 405),
        ("POST", "/api/v1/data", 405),
        ("POST", "/api/v1/plan", 415),
    ],
)
def test_what_is_not_there_is_a_problem_too(method: str, path: str, status: int, client: httpx.Client) -> None:
    problem(client.request(method, path), status)


def test_bodies_that_are_no_json(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (
        b"",
        b"{",
        b"[]",
        b"nul",
        b'{"horizon": NaN}',
        b"[" * 100_000,
        b'{"seed": 1' + b"0" * 9_000 + b"}",
        b"\xff",
    ):
        problem(client.post("/api/v1/plan", content=body, headers=headers), 422)
    problem(client.post("/api/v1/plan", json={}, headers={"Accept": "image/png"}), 406)


def test_a_head_is_a_get_without_its_body(client: httpx.Client) -> None:
    for path in ("/healthz", "/api/v1/scenarios", "/api/v1/data", "/api/v1/docs"):
        head, whole = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "etag", "content-security-policy"):
            assert head.headers.get(name) == whole.headers.get(name)
    assert client.head("/api/v1/plan").status_code == 405
    assert client.get("/healthz").json() == {"status": "ok"}  # the connection is as it was


def test_no_address_leads_to_another(client: httpx.Client) -> None:
    for path in ("/api/v1/scenarios/", "/api/v1/plan/", "/api/v1/forecasts/..%2F", "/healthz/"):
        problem(client.get(path), 404)


def test_a_theatre_without_a_record_is_answered_from_assumptions_alone(client: httpx.Client) -> None:
    wanted = {**SMALL, "theatre": "south_korea", "scenario": "north_korea_line"}
    forecast = client.post("/api/v1/forecast", json=wanted).json()
    assert forecast["supply"]["assumption_only"]
    assert "the defence ukraine is not that of theatre south_korea" in problem(
        client.post("/api/v1/plan", json={**wanted, "defence": "ukraine"}), 422
    )
    assert client.post("/api/v1/plan", json=wanted).json()["defence"].startswith("Defence of South Korea")
    bundled = resources.files("features.bundled").joinpath("defence_ukraine.toml").read_text(encoding="utf-8")
    own = {**wanted, "defence": {"toml": bundled.replace('theatre = "ukraine"', 'theatre = "south_korea"')}}
    planned = client.post("/api/v1/plan", json=own).json()
    assert planned["forecast"] == forecast
    assert planned["calibration"] is None
    csv = client.post("/api/v1/plan", json=own, headers={"Accept": "text/csv"}).text.splitlines()
    assert all("assumptions only: north_korea_line" in row for row in csv[1:])
    assert "no launch against theatre south_korea is on record" in problem(
        client.post("/api/v1/forecast", json={**SMALL, "theatre": "south_korea"}), 422
    )


def test_assumptions_are_told_with_their_sources(client: httpx.Client) -> None:
    names = [each["name"] for each in client.get("/api/v1/scenarios").json()]
    assert names[0] == "published"
    stated = client.get("/api/v1/scenarios/published").json()
    sources = {source["id"] for source in stated["sources"]}
    assert all(set(number["sources"]) <= sources for number in stated["numbers"])
    assert any(number["basis"] == "reported" and number["sources"] for number in stated["numbers"])
    assert all(number["low"] <= number["mode"] <= number["high"] for number in stated["numbers"])
    assert client.get("/api/v1/defences/ukraine").json()["layers"] == client.get("/api/v1/defences").json()[0]["layers"]


def test_what_the_ledger_knows(client: httpx.Client) -> None:
    response = client.get("/api/v1/data")
    drones = next(each for each in response.json()["series"] if each["weapon_class"] == "shahed")
    answer = client.post("/api/v1/forecast", json=SMALL).json()
    assert drones["data_digest"] == answer["data_digest"]
    assert drones["last_attack_day"] == answer["last_attack_day_known"]
    assert client.get("/api/v1/data", headers={"If-None-Match": response.headers["etag"]}).status_code == 304


def test_without_a_champion_the_ensemble_answers_under_its_own_name(client: httpx.Client) -> None:
    told = client.get("/api/v1/models").json()
    assert (told["champion"], told["answers"]) == (None, "salvo_ensemble")
    assert client.post("/api/v1/forecast", json=SMALL).json()["model_id"] == "salvo_ensemble"


def test_operation(client: httpx.Client) -> None:
    for prefix in ("", "/api/v1"):
        assert client.get(f"{prefix}/healthz").json() == {"status": "ok"}
        assert client.get(f"{prefix}/readyz").json() == {"status": "ok"}
        assert 'salvocast_requests_total{method="GET"' in client.get(f"{prefix}/metrics").text


def test_the_pages_of_the_api_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/api/v1/docs")
    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "<script>" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "openapi.json"):
        assert client.get(f"/api/v1/docs/{name}").status_code == 200


def test_every_example_of_the_definition_is_of_its_schema(client: httpx.Client) -> None:
    definition = client.get("/api/v1/openapi.json").json()
    checked = 0
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            bodies = [("requestBody", operation.get("requestBody", {}))]
            bodies += [(status, response) for status, response in operation["responses"].items()]
            for place, body in bodies:
                for content in body.get("content", {}).values():
                    examples = [each["value"] for each in content.get("examples", {}).values()]
                    examples += [content["example"]] if "example" in content else []
                    if place == "200" and not examples:  # what comes out is told by its schema
                        assert content["schema"]
                        continue
                    assert examples, f"{method} {path} {place} has no example"
                    if isinstance(examples[0], str):
                        continue
                    schema = {**content["schema"], "components": definition["components"]}
                    for example in examples:
                        Draft202012Validator(schema).validate(example)
                        checked += 1
    assert checked > 50


def test_the_source_is_the_servers_to_say() -> None:
    row: dict[str, str | int | None] = {"date": "2026-03-01", "launched": 118}
    (report,) = reading_of(ReportsRequest(rows=[row])).rows
    assert isinstance(report, SalvoReport)
    assert report.source == "table"
    with pytest.raises(InputError, match=r"rows name a source: .* leave the field out"):
        reading_of(ReportsRequest(rows=[{**row, "source": "an outlet"}]))
