"""What the forms of the page send: the address that comes of it, own texts, and what is told of errors."""

import re

import httpx
import pytest

from tests.features.scenario_texts import REFUSED
from tests.forecasting.service.conftest import Serve
from tests.forecasting.service.page.pages import QUICK, Page, page, send


def test_a_form_is_answered_with_the_short_address(client: httpx.Client) -> None:
    sent = "/?days=14&safety=95&origin=&scenario=none&shown=none&model=champion&paths=100&seed=1&lang=uk"
    response = client.get(sent)
    assert (response.status_code, response.headers["location"]) == (303, "/?days=14&paths=100&lang=uk")


def test_a_planners_own_scenario_is_text_alone_and_stays_in_the_address(client: httpx.Client) -> None:
    text = (
        '[scenario]\nname = "mine"\ntitle = "<b onclick=alert(1)>half</b>"\nas_of = 2026-02-28\n'
        'based_on = "published"\nabout = "<script>alert(1)</script>"\n'
        "[output_ratio]\nlow = 0.4\nmode = 0.5\nhigh = 0.6\n"
        'unit = "ratio"\nbasis = "assumed"\nsources = []\ndate = 2026-02-28\nconfidence = "D"\n'
    )
    response = send(client, "/own/scenario", query="paths=100&scenario=published&hold.output_ratio=1", toml=text)
    assert response.status_code == 303
    shown = page(client, response.headers["location"].removeprefix("/"))
    assert shown.status == 200
    assert "alert(1)" in shown.text
    assert "<b onclick" not in shown.rawdata_all
    assert "<script>alert" not in shown.rawdata_all
    assert shown.one("input", name="hold.output_ratio")["data-high"] == "0.6"
    assert text.splitlines()[3] in shown.text  # to go on with


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[scenario", "TOML"),
        ('[scenario]\nname = "mine"\nbased_on = "/etc/passwd.toml"', "unknown scenario"),
        ("", "state"),
        *REFUSED.values(),
    ],
)
def test_an_own_scenario_that_cannot_be_read_is_told_beside_its_text(
    client: httpx.Client, text: str, line: str
) -> None:
    response = send(client, "/own/scenario", query="paths=100&days=9", toml=text)
    if response.is_redirect:  # only the plan itself tells that it cannot be read
        response = client.get(response.headers["location"])
    shown = Page(response)
    assert shown.status == 422
    assert line in shown.text
    assert shown.all("p", id="error-scenario")
    assert shown.one("input", name="days")["value"] == "9"
    if text:
        assert text.splitlines()[0] in shown.text


@pytest.mark.parametrize(
    ("query", "field", "line"),
    [
        ("days=0", "days", "'0': expected a whole number of attack days, 1 to 730"),
        ("origin=1999-01-01", "origin", "1999-01-01"),
        ("stock.interceptor_drone=many", "stock.interceptor_drone", "expected a whole number, 0 or more"),
        ("scenario=publisched", "scenario", "did you mean published"),
        ("model=oracle", "model", "unknown model 'oracle'"),
        ("due=interceptor_drone:2020-01-01:5", "due", "not after the origin"),
        ("scenario=published&hold.nothing=0.5", "form", "unknown assumption 'nothing'"),
        ("compare=nothing", "form", "expected none, or the name of a scenario"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_kept(
    client: httpx.Client, query: str, field: str, line: str
) -> None:
    shown = page(client, f"?{query}&paths=100&safety=90")
    assert shown.status == 422
    assert line in shown.text
    if field != "form":
        assert shown.all("p", id=f"error-{field}")
    else:
        assert shown.all("p", role="alert")
    assert shown.one("input", name="safety")["value"] == "90"
    assert shown.one("input", name="paths")["value"] == "100"


DEFENCE = (
    '[defence]\nname = "ours"\ntitle = "Ours"\ntheatre = "south_korea"\nas_of = 2026-02-28\nabout = "Guns"\n'
    '[[layer]]\nid = "gun"\nname = "Guns"\ninterceptor = "round"\n'
)
for name, number in {
    "engaged_share": 0.5,
    "kill_probability": 0.5,
    "engagements_per_night": 50,
    "interceptors_per_engagement": 10,
    "stock": 1000,
    "monthly_supply": 100,
    "unit_cost_usd": 500,
}.items():
    DEFENCE += (
        f"{name} = {{ low = {number}, mode = {number}, high = {number}, basis = 'assumed', sources = [], "
        "date = 2026-02-28, confidence = 'D' }\n"
    )


def test_another_theatre_is_planned_with_its_own_defence_or_with_the_planners(client: httpx.Client) -> None:
    korea = "theatre=south_korea&scenario=north_korea_line&days=330&paths=50"
    assert "ASSUMPTIONS ONLY" in page(client, f"?{korea}").text
    refused = page(client, f"?{korea}&defence=ukraine&stock.fighter=5")
    assert refused.status == 422
    assert refused.all("p", id="error-defence")
    assert "open" in refused.one("details", id="own-defence")
    assert 'theatre = "south_korea"' in refused.text  # the text to begin with
    assert refused.all("a", href="#error-defence")  # out of sight, so the top of the page leads to it
    response = send(client, "/own/defence", query=f"{korea}&stock.fighter=5", toml=DEFENCE)
    assert response.status_code == 303
    shown = page(client, response.headers["location"].removeprefix("/"))
    assert shown.status == 200
    assert "ASSUMPTIONS ONLY" in shown.text
    assert re.fullmatch(r"[\d,]+", shown.cell("gun"))
    assert "selected" in shown.one("option", value="own.")
    theatre, _ = shown.all("option", value="south_korea")  # the other is the defence of that name
    assert "selected" in theatre
    assert {str(each["name"]) for each in shown.all("input", inputmode="numeric")} >= {"stock.gun"}


def test_an_own_defence_is_set_beside_the_bundled_one_where_it_is_asked(client: httpx.Client) -> None:
    own = DEFENCE.replace('theatre = "south_korea"', 'theatre = "ukraine"')
    shown = send(client, "/own/defence", query="paths=100&days=7", toml=own)
    query = shown.headers["location"].partition("?")[2]
    link = str(page(client, f"?{query}").one("a", id="ask-defences")["href"])
    beside = page(client, link.removeprefix("/"))
    table = beside.rawdata_all[beside.rawdata_all.index('<table id="defences"') :]
    table = table[: table.index("</table>")]
    assert "armed drones that leak" in table
    assert "interceptors used, Light missiles" in table
    rows = re.findall(r'<td class="n">([^<]*)</td><td class="n">([^<]*)</td><td class="n">([^<]*) ± [^<]*</td>', table)
    assert len(rows) == table.count("<tr>") - 1
    before, after, change = (float(cell.replace(",", "").replace("−", "-")) for cell in rows[0])
    assert before < after  # the guns of the test let more through than the whole defence
    assert change == pytest.approx(after - before, abs=1.1)
    assert not page(client, f"{QUICK}&beside=bundled").all("table", id="defences")  # no own defence: nothing to set


def test_an_own_defence_that_cannot_be_read_is_told_beside_its_text(client: httpx.Client) -> None:
    response = send(client, "/own/defence", query="paths=100&days=9", toml=DEFENCE.replace("0.5", "1.5"))
    shown = Page(client.get(response.headers["location"]))
    assert shown.status == 422
    assert "engaged_share" in shown.text
    assert shown.all("p", id="error-defence")
    assert 'name = "Guns"' in shown.text
    assert shown.one("input", name="days")["value"] == "9"


def test_the_form_keeps_the_layers_that_are_planned_for(client: httpx.Client) -> None:
    one = page(client, f"{QUICK}&layer=interceptor_drone")
    boxes = one.all("input", name="layer")
    assert [each["value"] for each in boxes if "checked" in each] == ["interceptor_drone"]
    assert one.one("input", name="layers")["value"] == str(len(boxes))
    assert all("checked" in each for each in page(client).all("input", name="layer"))


def test_a_number_that_is_wrong_is_told_as_it_was_written(client: httpx.Client) -> None:
    shown = page(client, "?paths=100&leak=40&budget=-1+000,5&lang=uk")
    assert "'-1 000,5': очікується сума в доларах США, більша за 0" in shown.text


def test_looking_issues_nothing_and_issuing_keeps_the_bytes(serve: Serve) -> None:
    with serve().client() as client:
        shown = page(client)
        plan_id = shown.one("code", id="plan-id")["data-id"]
        document = client.get(f"/plan.json{QUICK}").content
        assert client.get(f"/api/v1/forecasts/{plan_id}").status_code == 404
        query = shown.one("input", name="query", value=str(shown.one("a", id="permalink")["href"])[2:])["value"]
        response = send(client, "/issue", query=str(query))
        assert response.status_code == 303
        assert client.get(f"/api/v1/forecasts/{plan_id}").content == document
        issued = page(client, response.headers["location"].removeprefix("/"))
        assert issued.all("p", id="issued")
        assert not issued.all("button", id="issue")


@pytest.mark.parametrize("path", ["/issue", "/own/scenario", "/own/defence"])
def test_no_other_site_may_send_the_forms(client: httpx.Client, path: str) -> None:
    for headers in ({"Origin": "http://example.org"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(path, data={"query": "paths=100", "toml": "x"}, headers=headers).status_code == 403
