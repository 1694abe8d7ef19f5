"""What has changed since the last plan, on the page: asked for by a link, told as by `plan --since`."""

import re
from io import BytesIO

from openpyxl import load_workbook

from forecasting.answers.request import PlanRequest
from tests.forecasting.service.conftest import Serve
from tests.forecasting.service.page.pages import page, plan, send

QUICK = "?days=7&model=empirical_window&paths=100"


def test_the_page_tells_what_has_changed_since_the_last_plan_where_it_is_asked(serve: Serve) -> None:
    with serve().client() as client:
        assert not page(client, QUICK).all("section", id="since")  # no plan was issued
        assert "no plan of shahed against ukraine was issued" in page(client, f"{QUICK}&since=last").text
        then = f"{QUICK}&origin=2026-02-26&stock.short_range_missile=5"
        assert send(client, "/issue", query=then.removeprefix("?")).status_code == 303

        book = load_workbook(BytesIO(client.get(f"/plan.xlsx{then}").content))
        about = dict(row[:2] for row in book["about"].iter_rows(max_row=9, values_only=True))
        assert PlanRequest.model_validate_json(str(about["request"])).stock == {"short_range_missile": 5}
        assert (client.get(str(about["link"])).status_code, "issued_at" in about) == (200, True)

        first = page(client, QUICK)
        assert not first.all("ul", id="changes")
        link = str(first.one("a", id="ask-since")["href"])
        assert "What has changed since the plan of 26 February 2026" in first.text

        shown, before, now = page(client, link.removeprefix("/")), plan(client, then), plan(client, QUICK)
        [changes] = re.findall(r'<ul id="changes">(.*?)</ul>', shown.rawdata_all, re.DOTALL)
        told = re.sub("<[^>]+>", "\n", changes).split("\n")
        assert any(each.startswith("2 new reports: ") for each in told)
        drones = [document.forecast.windows[-1].total_drones.median for document in (before, now)]
        [line] = [each for each in told if "drones over the whole horizon" in each]
        assert line.startswith("{:,.0f} -&gt; {:,.0f} drones".format(*drones))
        assert any("light missiles" in each and "by stock, supply and deliveries" in each for each in told)
        assert "since" not in str(shown.one("a", id="permalink")["href"])  # the plan is the same without

        assert "Від плану станом на 26 лютого 2026" in page(client, f"{QUICK}&lang=uk&since=last").text
        wrong = page(client, f"{QUICK}&since=0123456789ab")
        assert (wrong.status, wrong.cell("short_range_missile")) == (200, shown.cell("short_range_missile"))
        assert "no issued plan has the id '0123456789ab'" in wrong.text
        assert not page(client, "?days=7&paths=100&theatre=south_korea&scenario=north_korea_line").all(
            "section", id="since"
        )
