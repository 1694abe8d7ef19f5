"""How old the record is stands in every form of a document: a warning from three days, a mark from 28."""

import json
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from features.history import LaunchHistory
from forecasting.answers import local
from forecasting.report.data_age import numbers_id, with_data_age
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.forms import FORMS
from forecasting.report.picture_words import describe_plan
from forecasting.report.pictures import plan_picture, render
from forecasting.report.sentence import duty_sentence
from tests.forecasting.conftest import Run

KNOWN = date(2026, 2, 28)


def aged(document: Any, days: int) -> Any:
    return with_data_age(document, KNOWN + timedelta(days=days))


@pytest.mark.parametrize(("days", "told", "marked"), [(2, False, False), (3, True, False), (27, True, False)])
def test_from_three_days_the_first_sentence_warns(days: int, told: bool, marked: bool, plan: PlanDocument) -> None:
    old = aged(plan, days)
    warning = f"The record used ends on 28 February 2026, {days} days before"
    assert duty_sentence(old).startswith(warning) == told
    assert (old == plan) == (not told)
    assert marked == ("NOT FOR ORDERS" in duty_sentence(old))


def test_a_replay_of_the_past_has_no_age(plan: PlanDocument) -> None:
    assert with_data_age(plan, None) is plan


def test_an_origin_long_after_the_last_report_is_as_old_as_it_is_far(salvos: ForecastDocument) -> None:
    ahead = salvos.model_copy(update={"origin": KNOWN + timedelta(days=40)})
    found = with_data_age(ahead, KNOWN + timedelta(days=1))
    assert isinstance(found, ForecastDocument)
    assert found.data_age is not None
    assert (found.data_age.days, found.data_age.not_for_orders) == (40, True)


@pytest.mark.parametrize("language", ["en", "uk"])
def test_from_28_days_every_form_is_marked(language: str, plan: PlanDocument, bundled_history: LaunchHistory) -> None:
    old, mark = aged(plan, 28), {"en": "NOT FOR ORDERS", "uk": "НЕ ДЛЯ ЗАМОВЛЕНЬ"}[language]
    command = "salvocast ingest kaggle"
    assert duty_sentence(old, language).startswith(f"{mark}: ")
    text = " ".join(FORMS["table"].write(old, language).decode().split())
    assert mark in text
    assert command in text
    told = json.loads(FORMS["json"].write(old, language))["forecast"]["data_age"]
    assert told == {"asked_on": "2026-03-28", "days": 28, "not_for_orders": True, "newer_reports": command}
    assert FORMS["csv"].write(old, language).decode().splitlines()[1].split(",")[-2].startswith('"not for orders')
    cells = {
        str(cell.value)
        for sheet in load_workbook(BytesIO(FORMS["xlsx"].write(old, language)))
        for row in sheet.iter_rows()
        for cell in row
    }
    assert [text for text in cells if mark in text and command in text]
    assert mark in describe_plan(old, bundled_history, language=language)
    drawn = render(plan_picture(old, bundled_history, language=language), ".svg", "").decode()
    assert drawn.count(mark) >= 2  # above the drones and above the stocks
    assert mark not in render(plan_picture(plan, bundled_history, language=language), ".svg", "").decode()


def test_the_numbers_keep_their_id_as_they_age(plan: PlanDocument) -> None:
    assert numbers_id(plan) == numbers_id(aged(plan, 28)) == numbers_id(aged(plan, 60))
    assert numbers_id(plan) != numbers_id(plan.model_copy(update={"service_level": 0.9}))


def test_the_command_says_so_in_one_line_and_succeeds(salvocast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "kyiv_today", lambda: date(2026, 11, 30))
    short = ("--paths", "50", "--horizon", "7", "--model", "empirical_window")
    for origin in ((), ("--origin", "2026-11-30")):
        done = salvocast("plan", *short, *origin)
        assert done.returncode == 0
        assert done.stderr.decode().splitlines() == [
            "salvocast: NOT FOR ORDERS: The record used ends on 2026-02-28, 275 days before 2026-11-30; newer reports: "
            "salvocast ingest kaggle."
        ]
        assert b"NOT FOR ORDERS" in done.stdout
    assert b"275 days before the origin" in b" ".join(done.stdout.split())
