"""Requests answered without a server: what is learned once, what an answer rests on, what a text may not do."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.bundled import read_bundled
from features.sources.reading import Reading
from forecasting.answers import answering as module
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import ForecastRequest, PlanRequest, Text
from forecasting.answers.scenarios import stated_scenario
from forecasting.registry import Champion
from forecasting.report.document import ForecastDocument, PlanDocument, document_json
from forecasting.report.parts import ModelChoice
from forecasting.salvos.model import fit, load_model
from forecasting.salvos.saved import SavedModel
from forecasting.service.workers.dispatcher import Pace
from forecasting.service.workers.live import LiveLedger

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHORT: dict[str, Any] = {"horizon": 5, "paths": 40}


@pytest.fixture
def ledger(home: Path, filled_ledger: Path) -> Iterator[LiveLedger]:
    """The bundled reports."""
    with LiveLedger.open(f"sqlite:///{filled_ledger}") as ledger:
        yield ledger


def unknown_champion(digest: str) -> SavedModel:
    raise AssertionError(f"nobody asked for champion {digest}")


def answering(ledger: Ledger, champion: Callable[[str], SavedModel] = unknown_champion) -> Answerer:
    return Answerer(ledger, champion, lambda: date(2026, 3, 2))


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """The list grows by one each time that function of the module is called."""
    calls: list[str] = []
    original = getattr(module, name)

    def call(*arguments: Any) -> Any:
        calls.append(name)
        return original(*arguments)

    monkeypatch.setattr(module, name, call)
    return calls


def test_requests_share_what_was_learned_and_their_bytes_do_not_depend_on_it(
    ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, calibrations = counted(monkeypatch, "prepare"), counted(monkeypatch, "prepare_calibration")
    one = answering(ledger)
    first = document_json(one.document(PlanRequest(**SHORT), AnswerContext("1")))
    for request in (
        PlanRequest(**SHORT, seed=2),
        PlanRequest(**SHORT, stock={"short_range_missile": 4}, service_level=0.5),
        PlanRequest(**SHORT, layers=("helicopter",)),
    ):
        one.document(request, AnswerContext("1"))
    assert (len(fits), len(calibrations)) == (1, 1)
    again = document_json(one.document(PlanRequest(**SHORT), AnswerContext("1")))
    fresh = document_json(answering(ledger).document(PlanRequest(**SHORT), AnswerContext("1")))
    assert first == again == fresh


def test_another_version_of_the_data_is_read_and_learned_anew_only_where_it_differs(
    home: Path, monkeypatch: pytest.MonkeyPatch, make_march: Callable[[str], Reading]
) -> None:
    home.mkdir()
    with LiveLedger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        assert ledger.data_version() == "empty"
        ledger.ingest(read_bundled(), datetime(2026, 2, 28, 22, 30, tzinfo=UTC))
        fits = counted(monkeypatch, "prepare")
        one = answering(ledger)
        versions = [ledger.data_version()]
        assert one.history(ForecastRequest(), AnswerContext(versions[-1])).last_day == date(2026, 2, 28)
        one.document(ForecastRequest(**SHORT), AnswerContext(versions[-1]))
        ledger.ingest(make_march("sudan"), NOW)  # of another theatre
        versions.append(ledger.data_version())
        one.document(ForecastRequest(**SHORT), AnswerContext(versions[-1]))
        assert len(fits) == 1
        ledger.ingest(make_march("ukraine"), NOW)
        versions.append(ledger.data_version())
        document = one.document(ForecastRequest(**SHORT), AnswerContext(versions[-1]))
        assert document_json(document) != document_json(
            one.document(ForecastRequest(**SHORT), AnswerContext(versions[0]))
        )
        assert len(fits) == 2
        ledger.ingest(make_march("ukraine"), NOW)  # nothing new
        assert ledger.data_version() == versions[-1]
        assert len(set(versions)) == 3


@pytest.fixture
def make_march() -> Callable[[str], Reading]:
    """One report of 1 March against a theatre."""

    def make(theatre: str) -> Reading:
        window = {"window_start": datetime(2026, 2, 28, 18), "window_end": datetime(2026, 3, 1, 8)}
        return Reading(
            "table", f"march {theatre}", iter([SalvoReport(**window, launched=900, source="table", theatre=theatre)])
        )

    return make


def test_the_champion_answers_as_saved_or_as_its_recipe_learns_from_newer_data(
    ledger: LiveLedger, bundled_history: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model("two_regime")
    saved = SavedModel.of(model, fit(model, bundled_history), bundled_history)
    fits = counted(monkeypatch, "prepare")
    one = answering(ledger, {"digest": saved}.__getitem__)
    registered = Champion("digest", 3, "two_regime", bundled_history.last_day, NOW)
    context = AnswerContext("1", registered)

    def said(request: ForecastRequest) -> ForecastDocument | PlanDocument:
        return one.document(request, context).model_copy(update={"model_choice": None})

    assert one.document(ForecastRequest(**SHORT), context).model_choice == ModelChoice(reason="champion", version=3)

    champion = said(ForecastRequest(**SHORT))
    assert not fits  # what it was saved with
    assert champion == said(ForecastRequest(**SHORT, model="two_regime"))
    earlier = {**SHORT, "origin": date(2025, 6, 1)}
    assert said(ForecastRequest(**earlier)) == said(ForecastRequest(**earlier, model="two_regime"))
    assert champion != said(ForecastRequest(**SHORT, model="salvo_ensemble"))


@pytest.mark.parametrize("request_type", [ForecastRequest, PlanRequest])
def test_a_record_that_ends_before_the_champion_s_training_is_answered_by_a_named_model_alone(
    ledger: LiveLedger, bundled_history: LaunchHistory, request_type: type[ForecastRequest]
) -> None:
    """A ledger put back from an old backup: its champion has seen days that the ledger does not hold."""
    last = bundled_history.last_day
    ahead = AnswerContext("1", Champion("digest", 3, "two_regime", last + timedelta(days=1), NOW))
    expected = f"ends on {last}, and the champion was trained through {last + timedelta(days=1)}: reports are missing"
    with pytest.raises(InputError, match=expected) as refused:
        answering(ledger).document(request_type(**SHORT), ahead)
    assert refused.value.field == "model"
    assert answering(ledger).document(request_type(**SHORT, model="seasonal_naive"), ahead)


def test_a_text_is_data_alone(tmp_path: Path) -> None:
    there = tmp_path / "there.toml"
    there.write_text("[scenario]", encoding="utf-8")
    text = "[scenario]\nname = 'own'\ntitle = 'Own'\nas_of = 2026-02-28\nabout = 'x'\nbased_on = '{}'\n"
    refusals = set()
    for based_on in (there, tmp_path / "absent.toml", tmp_path, "../../pyproject", "published.toml"):
        with pytest.raises(InputError, match="unknown scenario") as caught:
            stated_scenario(Text(toml=text.format(based_on)))
        refusals.add(str(caught.value).replace(str(based_on), "it").split("did you mean")[0].split("known are")[0])
    assert len(refusals) == 1  # whether a file is there is not told either
    assert stated_scenario(Text(toml=text.format("imports_stopped"))).based_on == "imports_stopped"


def test_a_scenario_of_the_future_is_refused(ledger: LiveLedger) -> None:
    text = "[scenario]\nname = 'own'\ntitle = 'Own'\nas_of = 2026-03-03\nabout = 'x'\nbased_on = 'published'\n"
    with pytest.raises(InputError, match="in the future: expected 2026-03-02 or earlier"):
        answering(ledger).document(ForecastRequest(**SHORT, scenario=Text(toml=text)), AnswerContext("1"))


def test_a_plan_that_would_not_fit_into_memory_is_refused_before_it_is_made(
    ledger: LiveLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = counted(monkeypatch, "prepare")
    with pytest.raises(InputError, match=r"take 10\.8 GB of memory: expected at most 4\.5; take 57,077 paths"):
        answering(ledger).document(PlanRequest(paths=200_000, horizon=730), AnswerContext("1"))
    assert not fits


def test_the_pace_follows_what_requests_take() -> None:
    pace, request = Pace(), PlanRequest()
    reckoned = pace.seconds(request)
    for _ in range(60):
        pace.learn(request, 3 * reckoned)
    assert pace.seconds(request) == pytest.approx(3 * reckoned, rel=0.02)
    pace.learn(request, 1e9)  # one that hung says nothing of the next
    assert pace.seconds(request) < 4 * reckoned
    larger = [
        PlanRequest(paths=4_000),
        PlanRequest(horizon=56),
        PlanRequest(leak_target=1),
        PlanRequest(scenario="published"),
    ]
    assert all(pace.seconds(each) > pace.seconds(request) for each in larger)
    assert pace.seconds(ForecastRequest()) < pace.seconds(request)
    assert pace.seconds(PlanRequest(layers=("fighter",))) == pace.seconds(request)  # the whole defence is computed
