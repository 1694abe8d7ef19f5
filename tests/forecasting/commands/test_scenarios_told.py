"""What commands tell of a scenario that cannot be, and of how far a long run is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from forecasting.commands.options import progress
from tests.features.scenario_texts import REFUSED
from tests.forecasting.conftest import Told


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_told_by_every_command(text: str, said: str, told: Told, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    for command in (("scenarios", "check"), ("plan", "--scenario"), ("scenarios", "compare")):
        assert f"{file}: {said}" in told(*command, str(file), fails=2)


def test_how_far_a_long_run_is_is_told_of_all_its_paths(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, done = [], []

    @contextmanager
    def recorded(what: str, total: int) -> Iterator[Callable[[int], object]]:
        begun.append((what, total))
        yield done.append

    monkeypatch.setattr("forecasting.commands.scenarios.progress", recorded)
    few = ("--paths", "100", "--horizon", "14")
    told("scenarios", "compare", "truce_30_days", "workers_12000", *few)
    told("sensitivity", *few)
    assert begun == [("paths", 3 * 100), ("paths", 100)]  # the baseline too
    assert sum(done) == 4 * 100


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_shown_on_a_terminal_alone(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setattr("forecasting.commands.options.SHOWN_AFTER", 0)
    with progress("paths", 20) as on_paths:
        on_paths(5)
    assert ("paths:" in shown.getvalue()) == terminal


def test_a_scenario_without_growth_that_nobody_announced_says_so(told: Told) -> None:
    said = "Nothing is added: launches do not go on growing, as they did, beyond what is stated."
    assert said in " ".join(told("scenarios", "check", "flat_2000").split())
    assert said not in " ".join(told("scenarios", "check", "published").split())
