"""The forms in which a document is given out, and which of them a client asks for."""

from dataclasses import dataclass
from io import StringIO

from forecasting.report.document import PlanDocument
from forecasting.report.reading import read_document
from forecasting.service.http.problems import Refused


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


def asked_form(accept: str) -> Form:
    """The form that an Accept header prefers (RFC 9110, 12.5.1), JSON where it leaves it open.

    Raises Refused (406) where it allows none.
    """
    best: tuple[float, int, int] = (0.0, 0, 0)
    chosen: Form | None = None
    for place, part in enumerate(accept.lower().split(",") if accept.strip() else ["*/*"]):
        wanted, *parameters = (each.strip().replace('"', "") for each in part.split(";"))
        weight = next((_weight(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        profile = ";".join([wanted, *(each.replace(" ", "") for each in parameters if not each.startswith("q="))])
        for form in FORMS.values():
            exact = profile in form.accepted
            if not exact and wanted not in ("*/*", form.accepted[0].split("/")[0] + "/*"):
                continue
            rank = (weight, 2 if exact else 1 if wanted != "*/*" else 0, -place)
            if weight > 0 and (chosen is None or rank > best):
                best, chosen = rank, form
    if chosen is None:
        known = ", ".join(form.accepted[0] for form in FORMS.values())
        raise Refused(406, f"Accept is '{accept[:200]}': expected one of {known}")
    return chosen


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def formed(document: bytes, form: str, language: str) -> bytes:
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
