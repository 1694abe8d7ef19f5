"""The promotion log says what served, whatever becomes of aliases, versions and clocks."""

import json
from datetime import date, datetime, timedelta

import pytest

from features.errors import SalvocastError
from forecasting.registry import CHAMPION, Promotion, Registry, earlier_versions
from forecasting.registry.promotions import log_entries, who
from tests.forecasting.registry.conftest import NAME, NOON, SERIES, SavedOf


class Killed(BaseException):
    """As abrupt as a signal: nothing of ours catches it."""


@pytest.fixture
def three(registry: Registry, run_id: str, saved_of: SavedOf) -> Registry:
    """A registry with three versions, of which the first two have served, one after the other."""
    for level in (100.0, 200.0, 300.0):
        registry.register(saved_of(level), run_id=run_id, scores={}, tags={"reason": f"level {level:.0f}"})
    for version in (1, 2):
        registry.set_champion(NAME, version)
    return registry


def told(registry: Registry) -> list[tuple[int | None, int | None, bool]]:
    return [(each.version, each.predecessor, each.by_hand) for each in registry.champion_history(*SERIES)]


TWO = [(2, 1, False), (1, None, False)]


def test_the_log_says_when_who_why_and_what_the_registry_said(three: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "anna")
    for version, reason in ((1, "rolled back"), (1, "there already"), (3, "")):
        three.set_champion(NAME, version, reason=reason)
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    learned = {"model_id": "exponential_empirical", "origin": date(2026, 2, 28)}
    assert three.champion_history(*SERIES) == [
        Promotion(3, NOON + timedelta(days=3), "level 300", 1, "anna", **learned),
        Promotion(1, NOON + timedelta(days=2), "rolled back", 2, "anna", **learned),
        Promotion(2, NOON + timedelta(days=1), "level 200", 1, who(), **learned),
        Promotion(1, NOON, "level 100", None, who(), **learned),
    ]
    assert "@" in who()


def test_an_alias_moved_by_hand_is_told_as_that_and_hides_nothing(three: Registry) -> None:
    three._client.set_registered_model_alias(NAME, CHAMPION, "1")
    assert told(three) == [(1, 2, True), *TWO]
    assert three.champion_history(*SERIES)[0].reason.startswith("the alias was moved by hand, found on 2026-03-")
    found = three.record_move_by_hand(*SERIES)
    assert found is not None
    assert three.record_move_by_hand(*SERIES) is None  # it was told
    assert three.champion_history(*SERIES)[0] == found  # found once: not at each look anew
    three.set_champion(NAME, 3)
    assert told(three) == [(3, 1, False), (1, 2, True), *TWO]


def test_a_deleted_alias_and_a_deleted_version_leave_the_history(three: Registry) -> None:
    three._client.delete_registered_model_alias(NAME, CHAMPION)
    assert told(three) == [(None, 2, True), *TWO]
    three.set_champion(NAME, 3)
    three._client.delete_model_version(NAME, "3")  # takes the alias with it
    three._client.delete_model_version(NAME, "1")
    assert told(three) == [(None, 3, True), (3, None, False), (None, 2, True), *TWO]
    deleted = three.champion_history(*SERIES)[1]
    assert (deleted.model_id, deleted.origin) == ("exponential_empirical", date(2026, 2, 28))
    assert earlier_versions(three.champion_history(*SERIES), None) == [3, 2, 1]


@pytest.mark.parametrize("done", [False, True], ids=["before the alias moved", "after it"])
def test_a_kill_between_is_neither_lost_nor_told_as_served(
    three: Registry, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    move = three._client.set_registered_model_alias

    def kill(*arguments: str) -> None:
        if done:
            move(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(three._client, "set_registered_model_alias", kill)
        with pytest.raises(Killed):
            three.set_champion(NAME, 3)
    assert told(three) == ([(3, 2, False), *TWO] if done else TWO)
    three.set_champion(NAME, 3)
    three.set_champion(NAME, 1)
    assert told(three) == [(1, 3, False), (3, 2, False), *TWO]


def test_no_clock_turns_the_order_round(three: Registry) -> None:
    for hours, version in ((-50, 3), (-90, 1)):
        back = Registry.open(three.uri, now=lambda hours=hours: NOON + timedelta(hours=hours))
        back.set_champion(NAME, version)
    assert told(three) == [(1, 3, False), (3, 2, False), *TWO]


def test_what_was_recorded_before_there_was_a_log_is_read(registry: Registry, run_id: str, saved_of: SavedOf) -> None:
    """As releases up to 0.1 wrote it: on the versions, from predecessor to predecessor."""
    for level in (100.0, 200.0, 300.0):
        registry.register(saved_of(level), run_id=run_id, scores={})
    for version, predecessor in ((1, None), (2, 1)):
        recorded = {"version": version, "promoted_at": f"2026-02-0{version}T07:30:00+00:00", "reason": "old"}
        tag = json.dumps([recorded | {"predecessor": predecessor}])
        registry._client.set_model_version_tag(NAME, str(version), "salvocast.promotions", tag)
    registry._client.set_registered_model_alias(NAME, CHAMPION, "2")
    assert told(registry) == TWO
    assert registry.record_move_by_hand(*SERIES) is None
    registry.set_champion(NAME, 3)
    assert told(registry) == [(3, 2, False), *TWO]


def test_an_entry_that_somebody_edited_is_named(three: Registry) -> None:
    three._client.set_registered_model_tag(NAME, "salvocast.promotion.000002", "{}")
    with pytest.raises(SalvocastError, match=r"cannot be read at the tag salvocast\.promotion\.000002 \(KeyError\)"):
        three.champion_history(*SERIES)


def test_going_back_twice_goes_further_back() -> None:
    def history(*versions: int | None) -> list[Promotion]:
        return [Promotion(version, datetime.min, "", None) for version in versions][::-1]

    assert earlier_versions(history(1, 2, 3), 3) == [2, 1]
    assert earlier_versions(history(1, 2, 3, 2), 2) == [1]  # not the one that was gone back from
    assert earlier_versions(history(1, 2, 3, 2, 4), 4) == [2, 3, 1]
    assert earlier_versions(history(1, 2, None), None) == [2, 1]
    assert earlier_versions(history(1), 1) == []
    assert log_entries({"another": "tag"}) == []
