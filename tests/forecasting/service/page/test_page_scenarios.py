"""Scenarios on the page: side by side with their picture, written in a form, and what holds a plant back."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from features.scenarios import parse_scenario
from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.comparison_text import figure_rows
from forecasting.report.language import translator
from forecasting.service.page.link import unpack_text
from tests.forecasting.service.in_process import in_process
from tests.forecasting.service.page.pages import page, send

FEW = "days=14&model=salvo_ensemble&paths=20"


@pytest.fixture
def client(work: Path) -> httpx.Client:
    with in_process() as client:
        yield client


def test_scenarios_side_by_side_with_picture_and_files_in_either_language(client: httpx.Client) -> None:
    query = f"?with=workers_25000&{FEW}"
    shown = page(client, f"scenarios{query}")
    assert shown.status == 200
    asked = {"scenarios": ["workers_25000"], "horizon": 14, "paths": 20, "model": "salvo_ensemble"}
    direct = client.post("/api/v1/comparison", json=asked)
    assert client.get(f"/scenarios/file.json{query}").content == direct.content  # one answer for every door
    document = ComparisonDocument.model_validate_json(direct.content)
    assert document.baseline == "flat_2000"
    assert "ANSWER: by 14 March 2026, workers_25000 against flat_2000: drones launched:" in shown.text
    assert "facility alabuga_new_halls.workforce.rooms" in shown.text
    rows = figure_rows(document, 14, translator("en", plain=True))
    assert len(rows) > 10
    assert all(cell in shown.text for row in rows for cell in row)
    [image] = shown.all("img")
    assert "ANSWER" in str(image["alt"])
    drawn = client.get(unescape(str(image["src"])))
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert "workers_25000" in drawn.text
    by_api = client.post("/api/v1/comparison", json=asked, headers={"Accept": "image/svg+xml"})
    assert "<svg" in by_api.text
    assert by_api.headers["content-type"] == "image/svg+xml"
    ukrainian = page(client, f"scenarios{query}&lang=uk")
    assert "ВІДПОВІДЬ: до 14 березня 2026" in ukrainian.text
    assert "ANSWER" not in ukrainian.text
    assert "Запущено БпЛА" in client.get(unescape(str(ukrainian.one("img")["src"]))).text


def test_what_cannot_be_compared_is_told_on_the_page(client: httpx.Client) -> None:
    wrong = page(client, f"scenarios?with=nothing_known&{FEW}")
    assert wrong.status == 422
    assert "unknown scenario 'nothing_known'" in wrong.text
    assert page(client, "scenarios?with=published&days=0").status == 422
    assert page(client, "scenarios").status == 200  # nothing is computed before anything is chosen


def written(client: httpx.Client, **fields: str) -> httpx.Response:
    row = {"set.of": "", "set.what": "capacity", "set.range": "", "set.day": "", "set.certain": ""}
    return send(client, "/scenario", query=FEW, **row | {f"set.{name}": value for name, value in fields.items()})


def test_a_scenario_is_written_in_the_form_as_the_command_writes_it(client: httpx.Client) -> None:
    sent = written(client, of="new_plant", range="1000..2000", day="1.9.2026")
    assert sent.status_code == 303, sent.text
    address = dict(parse_qsl(sent.headers["location"].partition("?")[2].partition("#")[0]))
    text = unpack_text(address["own.scenario"])
    assert "new_plant: the lines can make 1,000 to 2,000 armed drones a month from 2026-09-01 on." in text
    plant = parse_scenario(text, "mine").facilities[-1]
    assert (plant.id, plant.armed[0].low, plant.armed[0].high, plant.as_stated) == ("new_plant", 1000, 2000, False)
    sure = written(client, of="sure", range="2000", day="2026-03-01", certain="1")
    text = unpack_text(dict(parse_qsl(sent_query(sure)))["own.scenario"])
    assert parse_scenario(text, "mine").facilities[-1].as_stated


def sent_query(response: httpx.Response) -> str:
    return response.headers["location"].partition("?")[2].partition("#")[0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"of": "alabugo", "range": "5"}, "unknown facility 'alabugo': did you mean alabuga?"),
        ({"range": "5000..2000"}, "'5000..2000': expected a number, low..high or low..mode..high"),
        ({"range": ""}, "nothing is set: expected a number, or a range such as 2000..5000, in a row"),
        ({"of": "mine", "what": "beds", "range": "400"}, "facility mine is not known: expected its capacity too"),
    ],
)
def test_what_is_wrong_with_a_row_stands_beside_it_as_typed(
    client: httpx.Client, fields: dict[str, str], said: str
) -> None:
    sent = written(client, **fields)
    assert sent.status_code == 422
    text = unescape(re.sub(r"\s+", " ", sent.text))
    assert said in text
    assert f'value="{fields["range"]}"' in text
    assert "Traceback" not in text


def test_what_holds_a_plant_back_stands_on_the_page(client: httpx.Client) -> None:
    shown = page(client, f"?scenario=workers_25000&{FEW.replace('days=14', 'days=70')}")
    assert "What holds a plant back, at the end of each month" in shown.text
    assert shown.all("table", id="holdbacks")
