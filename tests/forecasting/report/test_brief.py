"""The brief is one page, in both languages, with what a minister signs."""

from datetime import date
from io import BytesIO

import pytest
from pypdf import PdfReader

from features.errors import InputError
from forecasting.report.brief import brief, brief_of
from forecasting.report.data_age import with_data_age
from forecasting.report.document import ForecastDocument, PlanDocument, document_json
from forecasting.report.language import translator
from forecasting.report.layout import plural
from forecasting.report.rounding import rounded
from tests.forecasting.conftest import Run
from tests.forecasting.report.pictured import SUPPLY, SURGE

PRINTED = date(2026, 3, 1)


def read(pdf: bytes) -> str:
    """The words of its one page, and the picture beside them."""
    [only] = PdfReader(BytesIO(pdf)).pages
    assert (round(only.mediabox.width), round(only.mediabox.height)) == (595, 842)  # A4
    assert len(only.images) == 1
    return " ".join(only.extract_text().replace("\u00a0", " ").replace("\u202f", " ").split())


@pytest.mark.parametrize("language", ["en", "uk"])
def test_it_is_one_page_with_what_is_signed(language: str, plan: PlanDocument) -> None:
    text, t = read(brief(plan, language, PRINTED)), translator(language, plain=True)
    for layer in rounded(plan).layers:
        if layer.order and layer.order.quantity:
            assert f"{t.stated(layer.name)} {t.number(layer.order.quantity)}" in text
            assert t.stated(plural(layer.interceptor or "")) in text
    said = {
        "en": ("armed drones that get through, the order stops", "Chance that a stock has run short by 28 March 2026"),
        "uk": ("замовлення зупиняє", "Імовірність вичерпання запасу до 28 березня 2026 р."),
    }
    ages = {"en": ("The record used ends on 28 February 2026.", "printed on 1 March 2026")}
    ages["uk"] = ("Використані дані закінчуються 28 лютого 2026", "надруковано 1 березня 2026")
    for each in (*said[language], *ages[language]):
        assert each in text
    assumed = {"en": "published by nobody", "uk": "ніким не оприлюднено"}[language]
    assert text.count(assumed) == 2
    assert brief(plan, language, PRINTED) == brief(plan, language, PRINTED)  # same day, same bytes


def test_of_a_theatre_without_a_record_it_tells_the_borrowed_shape_and_the_surge(plan: PlanDocument) -> None:
    supply = SUPPLY.model_copy(update={"assumption_only": True, "shape_from": "ukraine", "surge": SURGE})
    korea = plan.model_copy(update={"forecast": plan.forecast.model_copy(update={"supply": supply})})
    text = read(brief(korea, "en", PRINTED))
    assert "The shape of the salvos is that of Ukraine: each day as a multiple of the month around it" in text
    assert "Built up: 400 (200 to 800) drones that can be launched. The surge: 40 (20 to 80) a day for 12" in text
    assert "Built up" not in read(brief(plan, "en", PRINTED))


def test_an_old_record_is_told_first(plan: PlanDocument) -> None:
    old = with_data_age(plan, date(2026, 11, 30))
    assert isinstance(old, PlanDocument)
    text = read(brief(old, "en", PRINTED))
    assert text.startswith(
        "Interceptors to order, theatre Ukraine NOT FOR ORDERS: The record used ends on 28 February 2026"
    )
    assert "salvocast ingest kaggle" in text


def test_the_most_layers_still_fit_on_the_page(plan: PlanDocument) -> None:
    ordered = [layer for layer in plan.layers if layer.order]
    named = [each.model_copy(update={"name": "A name as long as people may give one"}) for each in ordered]
    assert "A name as long" in read(brief(plan.model_copy(update={"layers": named}), "uk", PRINTED))


def test_the_day_of_issue_and_the_link_stand_at_the_foot(plan: PlanDocument) -> None:
    asked = {"issued_at": "2026-03-01T06:30:00+00:00", "link": "http://127.0.0.1:8000/?days=28"}
    text = read(brief(plan, "en", PRINTED, asked))
    assert text.endswith(f"Issued at {asked['issued_at']}; {asked['link']}")
    assert "http" not in read(brief(plan, "en", PRINTED, {"link": "http://127.0.0.1/?" + "x" * 200}))


def test_a_forecast_has_no_brief(salvos: ForecastDocument) -> None:
    with pytest.raises(InputError, match="a brief is of a plan"):
        brief_of(document_json(salvos), "en", PRINTED)


def test_the_command_writes_it(salvocast: Run, work: object) -> None:
    short = ("--paths", "50", "--horizon", "7", "--model", "empirical_window")
    done = salvocast("brief", *short, "--out", "mine.pdf")
    assert (done.returncode, done.stdout) == (0, b"wrote mine.pdf\n")
    assert "printed on 1 March 2026" in read((work / "mine.pdf").read_bytes())  # type: ignore[operator]
    wrong = salvocast("brief", *short, "--out", "mine.doc")
    assert wrong.returncode == 2
    assert wrong.stderr.decode() == "salvocast: --out mine.doc: expected a name that ends in .pdf\n"
