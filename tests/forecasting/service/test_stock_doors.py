"""Counts of stocks by the API and the page: kept all or none, and plans by every door start from them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from forecasting.commands.main import app, run
from forecasting.service.workers.settings import parse_tokens
from tests.forecasting.service.in_process import in_process
from tests.forecasting.service.page.pages import Page, page, plan, send

COUNT: dict[str, Any] = {
    "layer": "interceptor_drone",
    "quantity": 12_000,
    "counted_on": "2026-02-20",
    "source": "depot",
}
SMALL: dict[str, Any] = {"horizon": 5, "paths": 20, "model": "empirical_window"}
OPTIONS = ("--horizon", "5", "--paths", "20", "--model", "empirical_window", "--format", "json")
QUERY = "days=5&model=empirical_window&paths=20"


@pytest.fixture
def home_with_reports(home: Path, filled_ledger: Path) -> Path:
    home.mkdir(exist_ok=True)
    shutil.copy(filled_ledger, home / "ledger.db")
    return home


@pytest.fixture
def asked(home_with_reports: Path) -> Iterator[httpx.Client]:
    """A client of the application, on the bundled reports."""
    with in_process() as client:
        yield client


def sent(client: httpx.Client, *counts: dict[str, Any], **more: Any) -> httpx.Response:
    return client.post("/api/v1/stocks", json={"counts": [COUNT | each for each in counts], **more})


def kept(client: httpx.Client, query: str = "") -> list[tuple[str, int, str]]:
    counts = client.get(f"/api/v1/stocks{query}").raise_for_status().json()["counts"]
    return [(each["layer"], each["quantity"], each["counted_on"]) for each in counts]


def test_counts_are_kept_once_and_an_origin_sees_those_that_were_known_by_then(asked: httpx.Client) -> None:
    later = {"quantity": "9 500", "counted_on": "2026-02-25", "known_on": "2026-02-27"}
    first, again = sent(asked, {}, later), sent(asked, {}, later)
    assert (first.status_code, first.json()["added"], again.json()["added"]) == (200, 2, 0)
    assert first.json()["counts"] == again.json()["counts"] == asked.get("/api/v1/stocks").json()["counts"]
    assert first.json()["counts"][0] == COUNT | {"known_on": "2026-02-20"}
    assert [quantity for _, quantity, _ in kept(asked)] == [12_000, 9_500]
    assert [quantity for _, quantity, _ in kept(asked, "?origin=2026-02-26")] == [12_000]
    assert kept(asked, "?origin=2026-02-19") == kept(asked, "?theatre=south_korea") == []


def test_a_correction_goes_before_where_it_is_said_to_be_one(asked: httpx.Client) -> None:
    sent(asked, {})
    refused = sent(asked, {"quantity": 11_000})
    assert refused.status_code == 422
    assert "was counted twice on 2026-02-20: 12,000 (depot), and 11,000 now" in refused.json()["detail"]
    assert kept(asked) == [("interceptor_drone", 12_000, "2026-02-20")]
    assert sent(asked, {"quantity": 11_000}, correct=True).json()["added"] == 1
    assert kept(asked) == [("interceptor_drone", 11_000, "2026-02-20")]
    assert kept(asked, "?origin=2026-02-28") == [("interceptor_drone", 12_000, "2026-02-20")]  # as it was known then


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "before the first report": ({"counted_on": "2020-01-01"}, "of 2020-01-01 is before the first report of theatre"),
    "in the future": ({"counted_on": "2099-01-01"}, "of 2099-01-01 is of the future: expected 20"),
    "known in the future": ({"known_on": "2099-01-01"}, "of 2099-01-01 is of the future"),
    "known before it was counted": ({"known_on": "2026-01-01"}, "counts.1: the count of interceptor_drone of 2026-02"),
    "no day": ({"counted_on": "yesterday"}, "counts.1.counted_on: expected a date such as 2026-02-28"),
    "negative": ({"quantity": -1}, "counts.1.quantity: expected at least 0 (given -1)"),
    "fractional": ({"quantity": 12.5}, "counts.1.quantity: expected a whole number (given 12.5)"),
    "fractional text": ({"quantity": "12,5"}, "counts.1.quantity: '12,5': expected a whole number, 0 or more"),
    "twelve or twelve thousand": ({"quantity": "12.000"}, "'12.000' may be 12 or 12000: write 12 or 12000"),
    "no number": ({"quantity": True}, "counts.1.quantity: expected a whole number (given true)"),
    "too many": ({"quantity": 10**13}, "counts.1.quantity: expected at most 1,000,000,000"),
    "unknown layer": (
        {"layer": "interceptor_dron"},
        "counts.1: unknown layer with interceptors 'interceptor_dron'",
    ),
    "layer without interceptors": ({"layer": "electronic_warfare"}, "unknown layer with interceptors 'electronic_warf"),
    "two of one day": ({"layer": "fighter", "quantity": 5}, "fighter was counted twice on 2026-02-20: 12,000 (depot)"),
    "source of two lines": ({"source": "a\nb"}, "counts.1: source is 'a\\nb': expected who says so"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_what_can_be_no_count_is_a_line_and_nothing_is_kept(mistake: str, asked: httpx.Client) -> None:
    given, told = BAD[mistake]
    response = sent(asked, {"layer": "fighter"}, given)
    assert response.status_code == 422
    assert told in response.json()["detail"]
    assert "\n" not in response.json()["detail"]
    assert kept(asked) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"counts": []}, "counts: expected at least 1"),
        ({"counts": [COUNT], "theatre": "ukrain"}, "unknown defence 'ukrain': did you mean ukraine"),
        ({"counts": [COUNT], "theatre": "south_korea"}, "unknown layer with interceptors 'interceptor_drone'"),
        ({"counts": [COUNT], "now": 1}, "unknown field 'now'"),
    ],
)
def test_counts_of_nothing_that_there_is_are_refused(body: dict[str, Any], told: str, asked: httpx.Client) -> None:
    response = asked.post("/api/v1/stocks", json=body)
    assert (response.status_code, told in response.json()["detail"]) == (422, True)
    assert kept(asked) == []


def test_a_theatre_that_nobody_knows_has_no_empty_list(asked: httpx.Client) -> None:
    response = asked.get("/api/v1/stocks?theatre=ukrain")
    assert response.status_code == 422
    assert "unknown theatre 'ukrain': did you mean ukraine" in response.json()["detail"]
    assert response.json()["field"] == "theatre"


def test_counts_are_reports_and_not_for_those_who_may_only_read_or_plan(home_with_reports: Path) -> None:
    secrets = {scope: f"{scope}-of-a-test-and-long-enough" for scope in ("read", "plan", "report")}
    tokens = parse_tokens(",".join(f"{scope}:{scope}:{secret}" for scope, secret in secrets.items()))
    form = {"query": QUERY, "count.layer": "fighter", "count.quantity": "7", "count.on": "2026-02-20"}
    with in_process(tokens=tokens) as client:
        assert client.get("/api/v1/stocks").status_code == sent(client, {}).status_code == 401
        for scope in ("read", "plan", "report"):
            client.headers["Authorization"] = f"Bearer {secrets[scope]}"
            expected = 403 if scope != "report" else 200
            assert sent(client, {}).status_code == expected
            assert send(client, "/stocks", **form).status_code == (403 if scope != "report" else 303)
            assert client.get("/api/v1/stocks").status_code == (200 if scope == "read" else 403)
        client.headers["Authorization"] = f"Bearer {secrets['read']}"
        assert len(kept(client)) == 2


def test_command_and_api_plan_from_a_count_with_the_same_bytes(
    asked: httpx.Client, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = asked.post("/api/v1/plan", json=SMALL).content
    sent(asked, {}, {"counted_on": "2026-02-10", "quantity": 13_000})
    answer = asked.post("/api/v1/plan", json=SMALL)
    assert answer.status_code == 200
    capsysbinary.readouterr()  # the log of the application
    assert run(app, ["plan", *OPTIONS]) == 0
    printed = capsysbinary.readouterr().out
    assert answer.content == printed != before
    made = json.loads(printed)
    assert [note["code"] for note in made["in_hand"]] == ["stock_rolled_forward", "count_against_model"]
    (layer,) = (each for each in made["layers"] if each["layer"] == "interceptor_drone")
    assert (layer["count"]["quantity"], layer["count"]["source"]) == (12_000, "depot")
    assert layer["opening_stock"]["median"] == pytest.approx(12_000, rel=0.5)


FORM = {
    "query": QUERY,
    "count.layer": "interceptor_drone",
    "count.quantity": "12 000",
    "count.on": "20.02.2026",
    "count.source": "depot",
}


def test_the_page_keeps_a_count_and_plans_from_it(asked: httpx.Client) -> None:
    response = send(asked, "/stocks", **FORM)
    assert (response.status_code, response.headers["location"]) == (303, f"/?{QUERY}#counts")
    assert kept(asked) == [("interceptor_drone", 12_000, "2026-02-20")]
    shown = page(asked, f"?{QUERY}")
    assert shown.status == 200
    assert (
        "12,000 counted on 20 February 2026 (depot), in place of what the defence assumes; rolled forward 8 days"
        in shown.text
    )
    assert send(asked, "/stocks", **FORM | {"count.quantity": "11000"}).status_code == 422
    assert send(asked, "/stocks", **FORM | {"count.quantity": "11000", "count.correct": "1"}).status_code == 303
    assert kept(asked) == [("interceptor_drone", 11_000, "2026-02-20")]


@pytest.mark.parametrize(
    ("wrong", "told", "in_ukrainian"),
    [
        ({"count.quantity": "12.000"}, "'12.000' may be 12 or 12000", "«12.000» може бути 12 або 12000"),
        ({"count.quantity": "-3"}, "'-3': expected a whole number, 0 or more", "«-3»: очікується ціле"),
        ({"count.quantity": ""}, "'': expected a number", "«»: очікується число"),
        ({"count.on": "2099-01-01"}, "is of the future", "майбутн"),
        ({"count.on": "soon"}, "'soon': expected a date such as 2026-02-28", "«soon»: очікується дата"),
        ({"count.layer": "electronic_warfare"}, "unknown layer with interceptors", "невідом"),
    ],
)
def test_a_wrong_count_is_told_in_its_form_which_keeps_what_was_typed(
    wrong: dict[str, str], told: str, in_ukrainian: str, asked: httpx.Client
) -> None:
    for language, line in (("en", told), ("uk", in_ukrainian)):
        shown = Page(send(asked, "/stocks", **FORM | wrong | {"query": f"{QUERY}&safety=90&lang={language}"}))
        assert shown.status == 422
        assert line in shown.text
        assert shown.all("p", id="error-count")
        for name in ("quantity", "on", "source"):
            field = f"count.{name}"
            assert shown.one("input", name=field)["value"] == (FORM | wrong)[field]
        assert shown.one("input", name="safety")["value"] == "90"
    assert kept(asked) == []


def test_no_other_site_counts_a_stock(asked: httpx.Client) -> None:
    assert asked.post("/stocks", data=FORM, headers={"Origin": "http://example.org"}).status_code == 403
    assert kept(asked) == []


def test_a_stated_supply_takes_the_place_of_the_assumed_one_by_api_and_page(asked: httpx.Client) -> None:
    body = SMALL | {"supply": {"interceptor_drone": "800/week"}, "lead_time": {"interceptor_drone": 3}}
    made = asked.post("/api/v1/plan", json=body)
    linked = f"?{QUERY}&supply.interceptor_drone=800/week&lead.interceptor_drone=3"
    assert plan(asked, linked).model_dump(mode="json") == made.json()
    assert [note["code"] for note in made.json()["in_hand"]] == ["supply_a_week"]
    (layer,) = (each for each in made.json()["layers"] if each["layer"] == "interceptor_drone")
    assert layer["supply"]["median"] == pytest.approx(800 / 7 * 5, abs=1)
    assert "800 a week as stated, in place of the" in page(asked, linked).text
    two = asked.post("/api/v1/plan", json=SMALL | {"supply": {"interceptor_drone": "12.000/week"}})
    assert "supply.interceptor_drone: '12.000' may be 12 or 12000" in two.json()["detail"]
    shown = page(asked, f"?{QUERY}&supply.interceptor_drone=12.000/week")
    assert shown.status == 422
    assert shown.all("p", id="error-supply.interceptor_drone")
