"""The forms in which a document is given out, by the command, the API and the page.

A form is an entry of FORMS and the function that writes it. What writes is loaded when it is used: the command's help
must not wait for pandas.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from features.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.report.published import Published, Tabled


Asked = Mapping[str, str]
"""What is known of a document that it does not hold, such as the request and the day of issue: name -> value."""
NOTHING: Asked = MappingProxyType({})


class Write(Protocol):
    """Writes a document in a form. language: of its sentences. asked: what else is known of it."""

    def __call__(self, document: "Published", language: str, asked: Asked = NOTHING, /) -> bytes:
        """The bytes of the document in the form."""


def _writers(document: "Tabled") -> "tuple[Callable[..., str], Callable[..., Mapping[str, pd.DataFrame]]]":
    """What writes the text of such a document, and its tables, of which the last are its rows."""
    from forecasting.report.comparison_document import ComparisonDocument
    from forecasting.report.sensitivity_document import SensitivityDocument

    if isinstance(document, ComparisonDocument):
        from forecasting.report.comparison_text import comparison_tables, scenario_comparison_text

        return scenario_comparison_text, comparison_tables
    if isinstance(document, SensitivityDocument):
        from forecasting.report.sensitivity_text import sensitivity_tables, sensitivity_text

        return lambda each, _: sensitivity_text(each), sensitivity_tables
    from forecasting.report.verdicts_text import verdicts_tables, verdicts_text

    return lambda each, _: verdicts_text(each), verdicts_tables


def _table(document: "Published", language: str, _asked: Asked = NOTHING) -> bytes:
    from forecasting.report.document import ForecastDocument, PlanDocument

    if isinstance(document, ForecastDocument | PlanDocument):
        from forecasting.report.text import short_text

        text = short_text(document, language)
    else:
        text = _writers(document)[0](document, language)
    return text.encode() + b"\n"


def _json(document: "Published", _: str, _asked: Asked = NOTHING) -> bytes:
    from forecasting.report.document import document_json

    return document_json(document)


def _csv(document: "Published", _: str, _asked: Asked = NOTHING) -> bytes:
    from forecasting.report.document import ForecastDocument, PlanDocument

    if isinstance(document, ForecastDocument | PlanDocument):
        from forecasting.report.frames import long_frame

        return _csv_text(long_frame(document))
    return _csv_text([*_writers(document)[1](document).values()][-1])


def _xlsx(document: "Published", language: str, asked: Asked = NOTHING) -> bytes:
    from forecasting.report.document import ForecastDocument, PlanDocument
    from forecasting.report.workbook import workbook, workbook_of

    if isinstance(document, ForecastDocument | PlanDocument):
        return workbook(document, language, asked)
    return workbook_of(_writers(document)[1](document))


def _hub(document: "Published", _: str, _asked: Asked = NOTHING) -> bytes:
    from forecasting.report.document import ForecastDocument, PlanDocument
    from forecasting.report.hub import hub_rows

    if not isinstance(document, ForecastDocument | PlanDocument):
        raise InputError("hubs take the forecast of one series: expected another form than hub")
    return _csv_text(hub_rows(document.forecast if isinstance(document, PlanDocument) else document))


def _svg(document: "Published", language: str, _asked: Asked = NOTHING) -> bytes:
    from forecasting.report.comparison_document import ComparisonDocument
    from forecasting.report.comparison_picture import scenarios_svg

    if not isinstance(document, ComparisonDocument):
        raise InputError("a comparison of scenarios is drawn, and no other document: expected another form than svg")
    return scenarios_svg(document, language)


def _csv_text(frame: "pd.DataFrame") -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


@dataclass(frozen=True)
class Form:
    """A form of a document.

    title: on the page. accepted: the media types, with their parameters, that ask for it; the first is its own; none
    where only a terminal shows it. write: what writes it. example: how it begins,
    for the API's definition. binary: whether a terminal cannot show it.
    """

    name: str
    title: str
    suffix: str
    accepted: tuple[str, ...]
    write: Write
    example: str = ""
    binary: bool = False

    @property
    def media_type(self) -> str:
        """As the response states it."""
        kind, _, _ = self.accepted[0].partition("/")
        return f"{self.accepted[0]}; charset=utf-8" if kind == "text" else self.accepted[0]


TABLE = Form("table", "", ".txt", (), _table)
JSON = Form("json", "JSON", ".json", ("application/json",), _json)
CSV = Form(
    "csv",
    "CSV",
    ".csv",
    ("text/csv",),
    _csv,
    "table,item,measure,value,basis\ndays,2026-03-01,drones_median,125.0,record\n",
)
XLSX = Form(
    "xlsx",
    "XLSX",
    ".xlsx",
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    _xlsx,
    "(a workbook with a sheet per table)",
    binary=True,
)
HUB = Form(
    "hub",
    "CSV of forecast hubs",
    ".hub.csv",
    ("application/vnd.hubverse+csv", "text/csv;profile=hub"),
    _hub,
    "reference_date,target,horizon,target_end_date,output_type,output_type_id,value\n"
    "2026-02-28,drones,1,2026-03-01,quantile,0.5,125.0\n",
)
"""The model output of forecast hubs: a row per quantile."""
SVG = Form("svg", "SVG", ".svg", ("image/svg+xml",), _svg, "<svg></svg>")
"""A picture of a comparison; the command has --plot for all of its pictures."""
FORMS = {form.name: form for form in (TABLE, JSON, CSV, XLSX, HUB)}
"""Of the command; those with a media type are of every document's API and page."""
ASKED_FOR = {media_type: form for form in (*FORMS.values(), SVG) for media_type in form.accepted}
"""Media type -> the form that it asks for."""


def convert_document(document: bytes, form: str, language: str, asked: Asked = NOTHING) -> bytes:
    """A document, given as its JSON, in the form of that name. language, asked: as of `Write`."""
    from forecasting.report.reading import read_document

    return {**FORMS, SVG.name: SVG}[form].write(read_document(document), language, asked)
