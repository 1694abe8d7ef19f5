"""The forms in which a document is given out."""

from dataclasses import dataclass
from io import StringIO

from forecasting.report.document import PlanDocument
from forecasting.report.reading import read_document


@dataclass(frozen=True)
class Form:
    """A form of a document. accepted: the media types, with their parameters, that ask for it; the first is its own."""

    name: str
    suffix: str
    accepted: tuple[str, ...]

    @property
    def media_type(self) -> str:
        """As the response states it."""
        charset = "; charset=utf-8" if self.accepted[0].startswith("text/") else ""
        return self.accepted[0] + charset


JSON = Form("json", ".json", ("application/json",))
CSV = Form("csv", ".csv", ("text/csv",))
XLSX = Form("xlsx", ".xlsx", ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",))
HUB = Form("hub", "-hub.csv", ("application/vnd.hubverse+csv", "text/csv;profile=hub"))
"""The model output of forecast hubs: a row per quantile."""
FORMS = {form.name: form for form in (JSON, CSV, XLSX, HUB)}


def convert_document(document: bytes, form: str, language: str) -> bytes:
    """A document, given as its JSON, in another form. language: of the sentences of a workbook."""
    read = read_document(document)
    if form == XLSX.name:
        from forecasting.report.frames import workbook

        return workbook(read, language)
    if form == CSV.name:
        from forecasting.report.frames import long_frame

        frame = long_frame(read)
    else:
        from forecasting.report.hub import hub_rows

        frame = hub_rows(read.forecast if isinstance(read, PlanDocument) else read)
    text = StringIO()
    frame.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode()
