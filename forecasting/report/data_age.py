"""How old the record is that a document rests on: one rule for the command, the API, the page and the schedule."""

import hashlib
from datetime import date

from features.records import UKRAINE
from forecasting.report.document import ForecastDocument, PlanDocument, document_json
from forecasting.report.parts import DataAge
from forecasting.report.picture_words import forecast_of

WARNED_FROM, NOT_FOR_ORDERS_FROM = 3, 28
"""Days of age from which a document says so first, and from which nothing is to be ordered by it."""


def with_data_age(document: ForecastDocument | PlanDocument, asked_on: date | None) -> ForecastDocument | PlanDocument:
    """The document with the age of its record, where that is old enough to be told.

    asked_on: Kyiv date of the request; None: nobody asked, as in a replay of the past. Fresh documents stay as they
    are, so that the same request has the same bytes from day to day.
    """
    forecast = forecast_of(document)
    known = forecast.last_attack_day_known
    days = (max(asked_on, forecast.origin) - known).days if asked_on else 0
    if asked_on is None or days < WARNED_FROM:
        return document
    age = DataAge(
        asked_on=asked_on,
        days=days,
        not_for_orders=days >= NOT_FOR_ORDERS_FROM,
        newer_reports=f"salvocast ingest {'kaggle' if forecast.theatre == UKRAINE else 'table FILE'}",
    )
    aged = forecast.model_copy(update={"data_age": age})
    return document.model_copy(update={"forecast": aged}) if isinstance(document, PlanDocument) else aged


def numbers_id(document: PlanDocument) -> str:
    """The id of the plan as it was while its record was fresh: it stays the same from day to day, as the numbers do."""
    fresh = document.model_copy(update={"forecast": document.forecast.model_copy(update={"data_age": None})})
    return hashlib.sha256(document_json(fresh)).hexdigest()
