"""A raid that is asked for: each class from its own series, as known at the origin, and what the tables tell."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.errors import InputError
from features.ledger import Ledger
from features.records import SalvoReport
from features.scenarios import load_scenario
from features.sources.bundled import read_bundled
from features.sources.reading import Reading
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.plan import Plan
from forecasting.report.document import PlanDocument, document_json, plan_document
from forecasting.report.frames import long_frame, tables
from forecasting.report.text import document_text

QUICK: dict[str, Any] = {"horizon": 28, "paths": 300, "model": "empirical_window", "calibrate": False}
THREATS = ("shahed", "cruise", "ballistic")


@pytest.fixture(scope="module")
def answerer(filled_ledger: Path) -> Iterator[Answerer]:
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        yield answerer_of(ledger)


def answerer_of(ledger: Ledger, today: date = date(2026, 3, 2)) -> Answerer:
    return Answerer(ledger, lambda digest: pytest.fail(digest), lambda: today)


def planned(answerer: Answerer, **given: Any) -> Plan:
    return answerer.plan(PlanRequest.model_validate(QUICK | given), AnswerContext())


@pytest.fixture(scope="module")
def raid(answerer: Answerer) -> Plan:
    return planned(answerer, threats=THREATS)


@pytest.fixture(scope="module")
def document(raid: Plan) -> PlanDocument:
    return plan_document(raid)


def test_the_drones_are_those_of_a_plan_of_drones_alone(answerer: Answerer, raid: Plan) -> None:
    """Same paths, same random numbers: missiles only take from the launchers, so no fewer drones get through."""
    alone = planned(answerer)
    assert np.array_equal(alone.forecast.paths, raid.forecast.paths)
    assert alone.engagements.raid is None
    assert alone.layers == raid.layers[:-1]
    assert raid.layers[-1] == "long_range_missile"
    assert (raid.engagements.unlimited.leakers >= alone.engagements.unlimited.leakers).all()


def test_each_class_has_its_own_forecast_and_comes_on_the_nights_with_most_drones(raid: Plan) -> None:
    cruise, ballistic = sorted(raid.threats, key=lambda threat: threat.weapon_class, reverse=True)
    assert (cruise.weapon_class, ballistic.weapon_class) == ("cruise", "ballistic")
    for threat in (cruise, ballistic):
        assert threat.model_id == "empirical_window"
        assert threat.paths.shape == raid.forecast.paths.shape
        assert threat.on_largest > 2.5 / 10  # a tenth of them, were they apart
        assert 0.6 * threat.reported_on_largest < threat.on_largest < 1.2 * threat.reported_on_largest
    totals = [each.sum(axis=1) for each in (raid.forecast.paths, cruise.paths)]
    assert abs(np.corrcoef(*totals)[0, 1]) < 0.2  # levels are apart: each class has random numbers of its own


def test_what_was_reported_after_the_origin_changes_nothing(answerer: Answerer, home: Path) -> None:
    origin = date(2026, 1, 31)
    spike = SalvoReport(
        window_start=datetime(2026, 2, 1),
        window_end=datetime(2026, 2, 2),
        launched=100,
        weapon_class="cruise",
        source="table",
    )
    home.mkdir()
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        ledger.ingest(read_bundled(), datetime(2026, 2, 28, 22, 30, tzinfo=UTC))
        then = datetime(2026, 3, 1, tzinfo=UTC)
        ledger.ingest(Reading("table", "1" * 64, iter([spike]), then, (("ukraine", "cruise"),)), then)
        later = planned(answerer_of(ledger), threats=THREATS, origin=origin, paths=50)
        known = ledger.history("ukraine", "cruise")
        assert known.launched[(spike.attack_day - known.first_day).days] >= 100
    before = planned(answerer, threats=THREATS, origin=origin, paths=50)
    assert document_json(plan_document(later)) == document_json(plan_document(before))


def test_a_stated_rate_is_the_mean_and_keeps_the_nights_of_the_record(answerer: Answerer, raid: Plan) -> None:
    at_rate = planned(answerer, threats=("shahed", "cruise=70/week", "ballistic"))
    cruise, own = (next(each for each in plan.threats if each.weapon_class == "cruise") for plan in (at_rate, raid))
    assert cruise.paths.mean() == pytest.approx(10.0, rel=0.1)
    assert cruise.per_week == 70
    assert cruise.on_largest == pytest.approx(own.on_largest, abs=0.05)


def test_a_class_without_a_series_needs_a_rate_and_then_comes_by_chance(filled_ledger: Path) -> None:
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        _without_a_series(answerer_of(ledger, today=load_scenario("north_korea_line").as_of))


def _without_a_series(answerer: Answerer) -> None:
    korea: dict[str, Any] = {"theatre": "south_korea", "scenario": "north_korea_line"}
    with pytest.raises(
        InputError, match=r"no series of ballistic missiles in theatre south_korea: .* ballistic=10/week"
    ):
        planned(answerer, threats=("shahed", "ballistic"), **korea)
    made = planned(answerer, threats=("shahed", "ballistic=21/week"), paths=100, **korea)
    (ballistic,) = made.threats
    assert ballistic.model_id is None
    assert ballistic.paths.mean() == pytest.approx(3.0, rel=0.05)
    assert ballistic.paths.var() == pytest.approx(3.0, rel=0.15)
    assert [note.code for note in made.notes][-2:] == ["threat_without_series", "threat_met_by_none"]


def test_an_unknown_class_is_told_with_the_nearest(answerer: Answerer) -> None:
    with pytest.raises(InputError, match="unknown class of weapon 'balistic': did you mean ballistic"):
        planned(answerer, threats=("shahed", "balistic"))


def test_every_table_tells_how_much_each_class_takes(raid: Plan, document: PlanDocument) -> None:
    assert document.raid is not None
    assert [threat.weapon_class for threat in document.raid] == ["shahed", "ballistic", "cruise"]
    uses = {
        (layer.layer, use.weapon_class): use
        for layer in document.layers
        for use in layer.by_class or pytest.fail("none")
    }
    assert ("long_range_missile", "ballistic") in uses
    assert ("electronic_warfare", "cruise") not in uses
    assert raid.engagements.raid is not None
    fighter = raid.layers.index("fighter")
    used = raid.engagements.raid.actual.interceptors[:, fighter].sum(axis=0)
    assert np.array_equal(used, raid.engagements.stocks[0].used.sum(axis=1))
    text, frames, long = document_text(document), tables(document), long_frame(document)
    for line in (
        "THE RAID BY CLASS",
        "\nBallistic ",
        "WHAT EACH CLASS TAKES",
        "Stocks, supply and orders are of",
    ):
        assert line in text
    assert list(frames["raid"]["weapon_class"]) == ["shahed", "ballistic", "cruise"]
    assert len(frames["raid_layers"]) == len(uses)
    assert {"raid", "raid_layers"} <= set(long["table"])


def test_without_other_classes_the_document_says_nothing_of_a_raid(answerer: Answerer) -> None:
    plain = document_json(plan_document(planned(answerer, threats=("shahed",), paths=20)))
    assert plain == document_json(plan_document(planned(answerer, paths=20)))
    assert b'"raid"' not in plain
    assert b'"by_class"' not in plain
