"""One version for one model, one champion, whole or not at all."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from features.errors import SalvocastError
from features.release import code_version
from forecasting.registry import (
    CHAMPION,
    Promotion,
    Registry,
    champions,
    registered_name,
)
from forecasting.registry.promotions import who
from forecasting.salvos.saved import digest_of, save_model
from tests.forecasting.registry.conftest import (
    NAME,
    NOON,
    SERIES,
    SavedOf,
    paths,
    retrained,
)


def test_a_model_is_registered_promoted_and_read_again(registry: Registry, run_id: str, saved_of: SavedOf) -> None:
    saved = saved_of()
    assert registry.champion(*SERIES) is None
    assert registry.versions(*SERIES) == []
    assert registry.champion_history(*SERIES) == []
    made = registry.register(saved, run_id=run_id, scores={"wis": 12.5, "coverage_80": 0.81}, tags={"reason": "first"})
    assert (made.name, made.version, made.model_id) == (NAME, 1, "exponential_empirical")
    assert made.digest == digest_of(save_model(saved))
    assert (made.data_digest, made.code_version, made.run_id) == (saved.data_digest, code_version(), run_id)
    assert made.origin == date(2026, 2, 28)
    assert made.scores == {"wis": 12.5, "coverage_80": 0.81}
    assert made.aliases == ()
    assert made.tags["reason"] == "first"
    assert abs(made.registered_at - datetime.now(UTC)) < timedelta(hours=1)
    assert registry.champion(*SERIES) is None  # registering promotes nothing
    registry.set_champion(NAME, 1)
    champion = registry.champion(*SERIES)
    assert champion is not None
    assert champion.aliases == (CHAMPION,)
    assert registry.versions(*SERIES) == [champion]
    assert paths(registry.load(champion)) == paths(saved)
    learned = {"model_id": "exponential_empirical", "origin": date(2026, 2, 28)}
    assert registry.champion_history(*SERIES) == [Promotion(1, NOON, "first", None, who(), **learned)]
    assert registry.champion("israel", "shahed") is None


def test_the_same_model_is_registered_once(
    registry: Registry, run_id: str, saved_of: SavedOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.register(saved_of(), run_id=run_id, scores={"wis": 1.0})
    registry.set_champion(NAME, 1)
    again = registry.register(saved_of(), run_id="another", scores={"wis": 2.0})
    assert (again.version, again.run_id, again.scores) == (first.version, run_id, {"wis": 1.0})
    assert again.aliases == (CHAMPION,)
    other_data = registry.register(saved_of(200.0), run_id=run_id, scores={})
    other_model = registry.register(saved_of(name="empirical_window"), run_id=run_id, scores={})
    monkeypatch.setattr(champions, "code_version", lambda: "0.2.0+0123456789ab")
    other_code = registry.register(saved_of(), run_id=run_id, scores={})
    made = [other_code.version, other_model.version, other_data.version, first.version]
    assert made == [4, 3, 2, 1]
    assert [version.version for version in registry.versions(*SERIES)] == made


def test_twins_that_a_repeated_request_has_made_become_one(registry: Registry, run_id: str, saved_of: SavedOf) -> None:
    first = registry.register(saved_of(), run_id=run_id, scores={})
    for _ in range(2):
        registry._client.create_model_version(NAME, first.source, run_id, first.tags)
    assert registry.register(saved_of(), run_id=run_id, scores={}).version == 1
    assert [version.version for version in registry.versions(*SERIES)] == [1]
    twin = registry._client.create_model_version(NAME, first.source, run_id, first.tags)
    registry.set_champion(NAME, int(twin.version))
    assert registry.register(saved_of(), run_id=run_id, scores={}).version == int(twin.version)  # never the champion


class Killed(BaseException):
    """As abrupt as a signal: nothing of ours catches it."""


STEPS = (
    "create_registered_model",
    "log_artifacts",
    "get_run",
    "create_model_version",
    "set_registered_model_tag",
    "set_registered_model_alias",
)


def state(registry: Registry) -> Any:
    champion = registry.champion(*SERIES)
    versions = registry.versions(*SERIES)
    history = [(each.version, each.reason, each.predecessor) for each in registry.champion_history(*SERIES)]
    kept = [(each.version, each.digest, each.run_id, each.scores, each.aliases) for each in versions]
    return champion and champion.version, kept, history


@pytest.mark.slow
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_and_run_again_it_ends_in_the_same_state(
    registry: Registry, run_id: str, saved_of: SavedOf, monkeypatch: pytest.MonkeyPatch, step: str, done: bool
) -> None:
    first, second = saved_of(), saved_of(200.0)
    if step != "create_registered_model":  # that is a step of the first model alone
        retrained(registry, run_id, first)
    before = state(registry)
    undisturbed = getattr(registry._client, step)

    def kill(*arguments: Any, **keywords: Any) -> None:
        if done:
            undisturbed(*arguments, **keywords)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(registry._client, step, kill)
        with pytest.raises(Killed):
            retrained(registry, run_id, second)
    if (step, done) != ("set_registered_model_alias", True):
        assert state(registry)[0] == before[0]  # what served serves on
        assert state(registry)[2] == before[2]
    retrained(registry, run_id, second)
    last = state(registry)
    versions = [1] if step == "create_registered_model" else [2, 1]
    assert last[0] == versions[0]
    assert [version for version, *_ in last[1]] == versions
    assert last[2] == [(2, "better", 1), (1, "better", None)][-len(versions) :]
    retrained(registry, run_id, second)
    assert state(registry) == last
    champion = registry.champion(*SERIES)
    assert champion is not None
    assert paths(registry.load(champion)) == paths(second)


def test_a_version_that_somebody_else_made_is_not_taken_for_a_model_of_ours(
    registry: Registry, run_id: str, saved_of: SavedOf
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    foreign = registry._client.create_model_version(NAME, made.source, run_id, {"salvocast.digest": "../../etc"})
    assert [version.version for version in registry.versions(*SERIES)] == [1]
    registry.set_champion(NAME, int(foreign.version))
    with pytest.raises(SalvocastError, match=r"shahed version 2 was not registered by salvocast: move the alias"):
        registry.champion(*SERIES)


def test_names_of_series() -> None:
    assert registered_name("ukraine", "shahed") == NAME
