"""The planner's page over HTTP, without a browser: what it shows, what its address holds, and how it fails."""

import hashlib
import re
from datetime import date
from html import unescape
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import openpyxl
import pandas as pd
import pytest

from features.scenarios import bundled_scenarios, load_scenario
from forecasting.report.document import PlanDocument
from forecasting.report.language import translator
from forecasting.report.layout import QUANTITIES
from forecasting.service import page_link
from forecasting.service.answering import bundled_defence
from forecasting.service.page_assumptions import holdables
from tests.forecasting.service.conftest import Serve, Server

QUICK = "?paths=100"
SERVICE = Path(page_link.__file__).parent


class Page(HTMLParser):
    """The elements of a page: tag, attributes; and its text."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.status = response.status_code
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._texts).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]

    def one(self, tag: str, **attributes: str) -> dict[str, str | None]:
        [found] = self.all(tag, **attributes)
        return found

    def cell(self, layer: str) -> str:
        """What the order table says of a layer."""
        [found] = re.findall(rf'data-layer="{layer}">([^<]*)<', self.rawdata_all)
        return unescape(found)

    rawdata_all = ""


def send(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """What a browser sends when a form of the page is sent."""
    return client.post(path, data=fields, headers={"Origin": str(client.base_url)})


def page(client: httpx.Client, query: str = QUICK, **options: Any) -> Page:
    response = client.get(f"/{query}", follow_redirects=True, **options)
    made = Page(response)
    made.rawdata_all = response.text
    return made


def plan(client: httpx.Client, query: str = QUICK) -> PlanDocument:
    return PlanDocument.model_validate_json(client.get(f"/plan.json{query}").raise_for_status().content)


def test_the_page_shows_the_numbers_of_the_plan(client: httpx.Client) -> None:
    shown, made = page(client), plan(client)
    assert shown.status == 200
    ordered = [layer for layer in made.layers if layer.order]
    assert ordered
    for layer in ordered:
        assert layer.order is not None
        assert shown.cell(layer.layer) == f"{layer.order.quantity:,}"
    total = made.forecast.windows[-1].total_drones
    assert f"{total.median:,.0f}" in shown.text
    assert f"{total.interval(0.95).low:,.0f}–{total.interval(0.95).high:,.0f}" in shown.text
    assert f"As of {made.forecast.origin.day} February 2026" in shown.text
    assert made.forecast.data_digest[:12] in shown.text
    assert made.forecast.model_id in shown.text


def test_the_link_to_a_plan_gives_its_bytes_again_and_names_its_origin_and_id(client: httpx.Client) -> None:
    query = "?paths=100&days=14&seed=9&scenario=published&hold.output_ratio=0.8&stock.interceptor_drone=500"
    shown = page(client, query)
    link = str(shown.one("a", id="permalink")["href"])
    asked = dict(parse_qsl(link.partition("?")[2]))
    document = client.get(f"/plan.json{query}").content
    assert asked["origin"] == "2026-02-28"
    assert asked["id"] == hashlib.sha256(document).hexdigest()
    assert client.get("/plan.json?" + link.partition("?")[2]).content == document
    again = page(client, link.removeprefix("/"))
    assert not again.all("p", **{"class": "notice"})
    assert again.one("code", id="plan-id")["data-id"] == asked["id"]


def test_a_link_whose_plan_has_changed_says_so(client: httpx.Client) -> None:
    assert "The link was made from plan aaaaaaaaaaaa" in page(client, f"{QUICK}&id={'a' * 64}").text


def test_a_form_is_answered_with_the_short_address(client: httpx.Client) -> None:
    sent = "/?days=14&safety=95&origin=&scenario=none&shown=none&model=champion&paths=100&seed=1&lang=uk"
    response = client.get(sent)
    assert (response.status_code, response.headers["location"]) == (303, "/?days=14&paths=100&lang=uk")


def test_what_is_held_changes_the_plan_as_its_level_says(client: httpx.Client) -> None:
    query = f"{QUICK}&days=180&scenario=imports_stopped&layer=interceptor_drone"
    # The record, which says much of the output so far, says nothing of what is still to come.
    few, many = (
        plan(client, f"{query}&hold.event+parts_stop_alabuga.parts_lost={level}").forecast.windows[-1].total_drones
        for level in (0, 1)
    )
    assert many.median < 0.95 * few.median
    shown = page(client, f"{query}&hold.output_ratio=1")
    assert "checked" in shown.one("input", name="held", value="output_ratio")
    assert shown.one("input", name="hold.output_ratio")["value"] == "1.0"
    assert shown.one("input", name="hold.output_ratio")["aria-valuetext"] == "3 ratio"
    assert "checked" not in shown.one("input", name="held", value="stock.minimum")


def test_every_assumption_of_the_scenario_has_a_slider_with_its_range_and_its_source(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&scenario=workers_25000")
    scenario = load_scenario("workers_25000").as_known(date(2026, 2, 28))
    found = holdables(scenario, "ukraine", date(2026, 3, 28), {})
    assert {each["value"] for each in shown.all("input", name="held")} == {each.key for each in found}
    for each in found:
        slider = shown.one("input", name=f"hold.{each.key}")
        assert (slider["type"], float(str(slider["data-low"]))) == ("range", each.number.low)
        assert not each.sources or each.sources[-1].title in unescape(shown.rawdata_all)


def test_two_scenarios_stand_side_by_side(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&days=120&scenario=workers_25000&compare=truce_30_days")
    own, other = (plan(client, f"{QUICK}&days=120&scenario={name}") for name in ("workers_25000", "truce_30_days"))
    for document in (own, other):
        total = document.forecast.windows[-1].total_drones
        interval = total.interval(0.8)
        assert f"{total.median:,.0f} ({interval.low:,.0f}–{interval.high:,.0f})" in shown.text
    assert shown.all("img", alt=shown_alt(shown, "comparison"))


def shown_alt(shown: Page, name: str) -> str:
    [found] = {str(each["alt"]) for each in shown.all("img") if f"/picture/{name}." in str(each["src"])}
    assert len(found) > 40  # it says what the picture shows
    return found


def test_a_planners_own_scenario_is_text_alone_and_stays_in_the_address(client: httpx.Client) -> None:
    text = (
        '[scenario]\nname = "mine"\ntitle = "<b onclick=alert(1)>half</b>"\nas_of = 2026-02-28\n'
        'based_on = "published"\nabout = "<script>alert(1)</script>"\n'
        "[output_ratio]\nlow = 0.4\nmode = 0.5\nhigh = 0.6\n"
        'unit = "ratio"\nbasis = "assumed"\nsources = []\ndate = 2026-02-28\nconfidence = "D"\n'
    )
    response = send(client, "/own", query="paths=100&scenario=published&hold.output_ratio=1", toml=text)
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
    ],
)
def test_an_own_scenario_that_cannot_be_read_is_told_beside_its_text(
    client: httpx.Client, text: str, line: str
) -> None:
    response = send(client, "/own", query="paths=100&days=9", toml=text)
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


def test_an_overloaded_server_says_so_on_a_page(serve: Serve) -> None:
    with serve(most_waiting=0).client() as client:
        response = client.get("/?days=7&lang=uk")
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        shown = Page(response)
        assert "Зараз забагато запитів" in shown.text
        assert any(each["href"] == "/?days=7&lang=uk" for each in shown.all("a"))


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


@pytest.mark.parametrize("path", ["/issue", "/own"])
def test_no_other_site_may_send_the_forms(client: httpx.Client, path: str) -> None:
    for headers in ({"Origin": "http://example.org"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(path, data={"query": "paths=100", "toml": "x"}, headers=headers).status_code == 403


def test_downloads_hold_the_plan_of_the_address(client: httpx.Client) -> None:
    made = plan(client)
    book = openpyxl.load_workbook(BytesIO(client.get(f"/plan.xlsx{QUICK}").content))
    names = [cell.value for cell in book["layers"][1]]
    orders = {
        row[0]: row[names.index("order_quantity")] for row in book["layers"].iter_rows(min_row=2, values_only=True)
    }
    assert orders == {layer.layer: layer.order.quantity if layer.order else None for layer in made.layers}
    assert isinstance(book["days"]["A2"].value, date)
    table = pd.read_csv(StringIO(client.get(f"/plan.csv{QUICK}").text))
    assert {"days", "layers", "stock_out"} <= set(table["table"])
    hub = pd.read_csv(StringIO(client.get(f"/plan.hub.csv{QUICK}").text))
    assert list(hub.columns[:3]) == ["reference_date", "target", "horizon"]


@pytest.mark.parametrize("name", ["forecast", "stock_out", "largest_day", "calibration", "plan", "track_record"])
def test_pictures_are_of_the_plan_of_the_address(client: httpx.Client, name: str) -> None:
    light = client.get(f"/picture/{name}.svg{QUICK}")
    assert light.headers["content-type"] == "image/svg+xml"
    assert light.content.startswith(b"<?xml")
    assert "script-src" not in light.headers["content-security-policy"]
    assert light.headers["content-security-policy"].startswith("default-src 'none'")
    dark = client.get(f"/picture/{name}.svg{QUICK}&theme=dark&lang=uk&narrow=1")
    assert dark.content != light.content
    assert client.get(f"/picture/{name}.png{QUICK}").content.startswith(b"\x89PNG")


def test_what_is_no_picture_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"/picture/nothing.svg{QUICK}").status_code == 404
    assert client.get(f"/picture/forecast.exe{QUICK}").status_code == 404
    assert client.get("/static/page.html").status_code == 404
    assert client.get(f"/picture/calibration.svg{QUICK}&stated=1").status_code == 422


def test_the_record_of_the_model_stands_on_the_page_once_it_is_computed(serve: Serve) -> None:
    with serve().client() as client:
        before = page(client)
        assert not before.all("table", id="record-table")
        [address] = {str(each["src"]) for each in before.all("img") if "/picture/track_record." in str(each["src"])}
        assert client.get(address).status_code == 200
        assert page(client).all("table", id="record-table")


@pytest.mark.parametrize("query", [QUICK, f"{QUICK}&scenario=north_korea_line&compare=none", "?days=0"])
def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere(client: httpx.Client, query: str) -> None:
    shown = page(client, query)
    assert not shown.all("style")
    assert [each["src"] for each in shown.all("script")] == [
        each["src"] for each in shown.all("script") if str(each["src"]).startswith("/static/")
    ]
    for tag, attributes in shown.elements:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}, tag
        for name in ("src", "srcset", "action", "href"):
            value = attributes.get(name)
            if value is not None and not (tag == "a" and attributes.get("rel") == "noreferrer"):
                assert re.match(r"[/#?]", value), (tag, value)
                assert not value.startswith("//")


@pytest.mark.parametrize(
    "query", [QUICK, f"{QUICK}&scenario=workers_25000&compare=published&leak=400&lang=uk", "?days=0"]
)
def test_the_page_is_built_for_those_who_do_not_see_it(client: httpx.Client, query: str) -> None:
    shown = page(client, query)
    assert len(shown.all("h1")) == len(shown.all("main")) == 1
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(" " not in str(each) for each in ids)
    labelled = {each.get("for") for each in shown.all("label")}
    for tag, attributes in shown.elements:
        if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden":
            named = attributes.get("id") in labelled or "aria-label" in attributes or "aria-labelledby" in attributes
            assert named, attributes
        for name in ("aria-describedby", "aria-labelledby"):
            assert attributes.get(name) is None or attributes[name] in ids
        if (address := str(attributes.get("href", ""))).startswith("#"):
            assert address[1:] in ids
    assert len(shown.all("caption")) == len(shown.all("table"))
    assert all("scope" in each for each in shown.all("th"))
    assert all(each.get("alt") for each in shown.all("img"))


def test_a_plan_without_stocks_or_calibration_has_a_page_too(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&layer=electronic_warfare&stated=1")
    assert shown.status == 200
    assert "No layer uses interceptors." in shown.text
    assert not any("stock_out" in str(each["src"]) or "calibration" in str(each["src"]) for each in shown.all("img"))


def test_the_least_cost_mix_is_shown_with_the_reason_where_it_cannot_be(client: httpx.Client) -> None:
    made = plan(client, f"{QUICK}&leak=1")
    assert made.requirement is not None
    assert not made.requirement.met
    assert made.requirement.obstacle in page(client, f"{QUICK}&leak=1").text


def test_the_language_is_chosen_by_the_address_and_else_by_the_browser(client: httpx.Client) -> None:
    ukrainian = page(client, QUICK, headers={"Accept-Language": "uk-UA,uk;q=0.9,en;q=0.5"})
    assert ukrainian.one("html", lang="uk")
    assert "План на 28 діб атак" in ukrainian.text
    english = page(client, f"{QUICK}&lang=en", headers={"Accept-Language": "uk"})
    assert english.one("html", lang="en")
    assert page(client, QUICK, headers={"Accept-Language": "fr"}).one("html", lang="en")
    assert page(client, f"{QUICK}&days=0&lang=uk").status == 422


def test_every_text_of_the_page_is_translated() -> None:
    said: list[str] = list(page_link.EXPECTED.values())
    plurals: list[tuple[str, str]] = []
    for file in [*(SERVICE / "templates").iterdir(), SERVICE / "page.py", SERVICE / "page_view.py"]:
        text = re.sub(r'"\s*\n\s*"', "", file.read_text(encoding="utf-8"))
        said += re.findall(r"""\bt\(\s*"([^"]+)\"""", text) + re.findall(r"""\bt\(\s*'([^']+)'""", text)
        said += re.findall(r'translator\([^)]*\)\("([^"]+)"', text)
        plurals += re.findall(r't\.plural\(\s*"([^"]+)", "([^"]+)"', text)
    said += re.findall(r'Wrong\([^,]*, "([^"]+)"\)', (SERVICE / "page_link.py").read_text(encoding="utf-8"))
    assert len(said) > 150
    assert plurals
    # What the bundled files say: names of layers, scenarios and assumptions.
    for name in bundled_scenarios():
        scenario = load_scenario(name)
        said.append(scenario.title)
        for theatre in scenario.theatre_ids:
            for each in holdables(scenario, theatre, date(2027, 3, 1), {}):
                said += [each.quantity, each.unit]
    for layer in bundled_defence("ukraine").layers:
        said += [layer.name, *([layer.interceptor] if layer.interceptor else [])]
    said += [*QUANTITIES.values(), "reported", "derived", "assumed"]
    words = translator("uk")
    assert not {text for text in said if words.gettext(text) == text}
    assert not {one for one, many in plurals if words.ngettext(one, many, 5) in (one, many)}


def test_every_number_says_where_it_is_from(client: httpx.Client) -> None:
    shown = page(client, f"{QUICK}&scenario=workers_25000")
    made = plan(client, f"{QUICK}&scenario=workers_25000")
    ids = {each["id"] for each in shown.all("li") if "id" in each}
    assert made.forecast.supply is not None
    numbers = [*made.assumptions, *made.forecast.supply.numbers]
    assert len(numbers) > 100
    for each in numbers:
        assert {f"source-{source}" for source in each.sources} <= ids
        assert " ".join(each.note.split()) in shown.text


def test_two_servers_of_the_same_data_show_the_same_page(serve: Serve) -> None:
    shown = []
    for home in ("one", "two"):
        with serve(home=home).client() as client:
            shown.append(client.get(f"/{QUICK}&scenario=published").text)
    assert shown[0] == shown[1]


def test_a_new_report_shows_without_a_restart(serve: Serve) -> None:
    server: Server = serve(accept_reports=True)
    with server.client() as client:
        assert "As of 28 February 2026" in page(client).text
        rows = {"rows": [{"date": "2026-03-01", "launched": 123, "shot_down": 100}]}
        client.post("/api/v1/reports", json=rows).raise_for_status()
        assert "As of 1 March 2026" in page(client).text
        pinned = page(client, f"{QUICK}&{urlencode({'origin': '2026-02-28'})}")
        assert "As of 28 February 2026" in pinned.text
