"""`salvocast scenarios`: what a planner sees and writes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from features.scenarios import bundled_scenarios, load_scenario
from forecasting.cli import app, run

Told = Callable[..., str]


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str], home: Path) -> Told:
    """Runs the command; returns what it prints, or its one line on stderr where it should fail."""

    def run_command(*arguments: str, fails: int = 0) -> str:
        assert run(app, ["scenarios", *arguments]) == fails
        said = capsys.readouterr()
        if not fails:
            assert not said.err
            return said.out
        assert not said.out
        assert len(said.err.splitlines()) == 1
        return said.err

    return run_command


def test_the_list_names_every_bundled_scenario(says: Told) -> None:
    rows = says("list").splitlines()[1:]
    assert [row.split()[0] for row in rows] == list(bundled_scenarios())
    assert rows[0].split()[0] == "published"


def test_a_scenario_is_shown_with_its_paragraph_numbers_and_sources(says: Told) -> None:
    shown = says("show", "workers_25000")
    scenario = load_scenario("workers_25000")
    assert " ".join(scenario.about.split()) in " ".join(shown.split())
    assert re.search(r"alabuga_new_halls\.workforce\.occupants +4 +4 +workers per room +2025-06-20 +C +E035", shown)
    assert re.search(r"^E034  2025-06-19  B  NHK: ", shown, re.MULTILINE)


def test_what_was_published_later_is_not_shown(says: Told) -> None:
    shown = says("show", "published", "--origin", "2024-06-30")
    days = re.findall(r"^[A-Z]\d+  (\d{4}-\d\d-\d\d) ", shown, re.MULTILINE)
    assert days
    assert max(days) <= "2024-06-30"
    assert "as of 2024-06-30" in shown


def test_a_new_file_is_a_variant_that_can_be_shown_at_once(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "Plan B.toml"
    assert str(file) in says("new", str(file), "--from", "workers_12000")
    scenario = load_scenario(str(file))
    assert (scenario.name, scenario.based_on) == ("plan_b", "workers_12000")
    assert scenario.facilities == load_scenario("workers_12000").facilities


def test_every_example_in_a_new_file_is_right(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    says("new", str(file))
    text = file.read_text()
    file.write_text(re.sub(r"(?m)^#(?=[\[a-z\]]|  \{)", "", text))
    scenario = load_scenario(str(file))
    kinds = {event.kind for event in scenario.events}
    assert kinds >= {"facility_strike", "store_strike", "sanctions", "new_line", "imports", "transfer_out", "pause"}
    assert "model_switch" in kinds
    alabuga = next(facility for facility in scenario.facilities if facility.id == "alabuga")
    assert alabuga.workforce is not None
    assert alabuga.ramp == "logistic"


def test_a_new_file_replaces_none(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    assert f"{file} exists" in says("new", str(file), fails=2)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "publishd"), "did you mean published?"),
        (("show", "nowhere.toml"), "nowhere.toml"),
        (("new", "plan.txt"), "ends in .toml"),
        (("new", "plan.toml", "--from", "publishd"), "did you mean published?"),
        (("show", "published", "--origin", "June"), "--origin is 'June'"),
    ],
)
def test_a_mistake_is_told_in_one_line(says: Told, arguments: tuple[str, ...], said: str) -> None:
    assert said in says(*arguments, fails=2)


def test_a_scenario_from_the_future_is_refused(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "future.toml"
    says("new", str(file))
    file.write_text(re.sub(r"as_of = \S+", "as_of = 2090-01-01", file.read_text()))
    assert "scenario.as_of is 2090-01-01, in the future" in says("show", str(file), fails=2)
