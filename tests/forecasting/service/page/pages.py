"""The page as a program reads it: its elements, its text, and what its forms send."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx

from forecasting.report.document import PlanDocument

QUICK = "?paths=100"


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
