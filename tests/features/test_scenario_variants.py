"""Variants: what they overlay, on which base, and the mistakes in both."""

import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

import features
from features.errors import InputError
from features.scenarios import (
    Imports,
    StoreStrike,
    bundled_scenarios,
    load_scenario,
    parse_scenario,
)
from tests.features.scenario_texts import EVENTS, GOOD, MAIN, ends, good, number, swapped, told, without

VARIANT = """[scenario]
name = "variant"
title = "A variant"
about = "Fewer drones."
based_on = "base.toml"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with base.toml, which is not the folder that the command runs in."""
    folder, elsewhere = tmp_path / "scenarios", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "base.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    return folder


def written(folder: Path, text: str, name: str = "variant.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_variant_without_changes_is_its_base_under_another_name(folder: Path) -> None:
    variant = load_scenario(written(folder, VARIANT))
    assert (variant.name, variant.title, variant.about) == ("variant", "A variant", "Fewer drones.")
    assert variant.based_on == "base.toml"
    head = {"name": "own", "title": "Our own", "about": "What we assume.", "based_on": None}
    assert variant.model_copy(update=head) == good()


def test_a_variant_overlays_keys_and_rows_and_adds_its_own(folder: Path) -> None:
    text = (
        VARIANT
        + f"[stock]\nminimum = {number('7 8 9', 'drones')}\n"
        + f"[[facility]]\nid = 'second'\nutilisation = {number('0.1 0.2 0.3', 'share')}\n"
        + MAIN.replace('"main"', '"third"').replace("Main", "Third")
        + "[[event]]\nid = 'imports'\nuntil = 2024-03-31\n"
        + f"[[theatre]]\nid = 'south_korea'\nfacility = 'second'\nshare = [{number('0 0 0', 'share')}]\n"
        + "[[source]]\nid = 's_late'\nconfidence = 'C'\n"
    )
    variant, base = load_scenario(written(folder, text)), good()
    assert ends(variant.stock.minimum) == (7, 8, 9)
    assert variant.stock.opening == base.stock.opening
    assert [facility.id for facility in variant.facilities] == ["main", "second", "third"]
    assert variant.facilities[0] == base.facilities[0]
    assert ends(variant.facilities[1].utilisation) == (0.1, 0.2, 0.3)
    assert variant.facilities[1].armed == base.facilities[1].armed
    imports = variant.events[4]
    assert isinstance(imports, Imports)
    assert (imports.id, imports.until) == ("imports", date(2024, 3, 31))
    assert [event for event in variant.events if event.id != "imports"] == [e for e in base.events if e.id != "imports"]
    assert variant.theatres[:2] == base.theatres[:2]
    assert variant.theatres[2].share[0].mode == 0
    assert [source.confidence for source in variant.sources] == ["B"] * 5 + ["C"]


def test_a_number_is_replaced_as_a_whole(folder: Path) -> None:
    ratio = number("at_least = 1", "ratio")[1:-1].replace(", ", "\n")
    variant = load_scenario(written(folder, f"{VARIANT}[output_ratio]\n{ratio}\n"))
    assert variant.output_ratio is not None
    assert ends(variant.output_ratio) == (1, 1, 2)


def test_an_event_of_another_kind_replaces_the_one_of_its_id(folder: Path) -> None:
    event = EVENTS["store_strike"].replace('"store"', '"strike"')
    variant = load_scenario(written(folder, VARIANT + event))
    assert isinstance(variant.events[0], StoreStrike)
    assert len(variant.events) == 8


def test_a_variant_of_a_variant_in_another_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    middle = VARIANT.replace("base.toml", "../base.toml") + f"[stock]\nminimum = {number('1 1 1', 'drones')}\n"
    written(folder / "sub", middle, "middle.toml")
    last = VARIANT.replace("base.toml", "sub/middle.toml") + f"[stock]\nreleased = {number('0 0 0', 'share')}\n"
    stock = load_scenario(written(folder, last)).stock
    assert (ends(stock.minimum), ends(stock.released)) == ((1, 1, 1), (0, 0, 0))
    assert stock.opening == good().stock.opening


def test_a_variant_has_of_its_base_what_was_published_by_its_own_day() -> None:
    head = '[scenario]\nname = "own"\ntitle = "Ours"\nabout = "Ours."\nbased_on = "published"\nas_of = {}\n'
    old, new = (parse_scenario(head.format(day), "own.toml") for day in (date(2026, 2, 28), date(2026, 10, 7)))
    published = load_scenario("published")
    assert new.facilities == published.facilities
    assert max(source.date for source in old.sources) <= date(2026, 2, 28)
    assert "jets_2026" not in {event.id for event in old.events}
    for day in (date(2024, 6, 30), date(2026, 2, 28)):  # what was replaced by then is still in it
        assert old.as_known(day).facilities == published.as_known(day).facilities
    assert old.as_known(date(2026, 10, 7)).facilities == published.as_known(date(2026, 2, 28)).facilities


def test_a_text_that_is_not_yet_a_file_is_based_on_one_beside_it(folder: Path) -> None:
    variant = parse_scenario(VARIANT, str(folder / "not_yet.toml"))
    assert variant.facilities == good().facilities


def test_a_variant_of_a_bundled_scenario(folder: Path, monkeypatch: pytest.MonkeyPatch, bundled_own: None) -> None:
    variant = load_scenario(written(folder, VARIANT.replace("base.toml", "own")))
    assert variant.facilities == good().facilities


@pytest.fixture
def bundled_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled scenarios are own, published and zero."""
    bundled = tmp_path / "bundled"
    bundled.mkdir()
    for name in ("own", "zero", "published"):
        (bundled / f"{name}.toml").write_text(GOOD, encoding="utf-8")
    (bundled / "__init__.py").touch()
    monkeypatch.setattr("features.scenarios.resources.files", lambda _: bundled)


@pytest.mark.usefixtures("bundled_own")
def test_the_published_state_is_the_first_of_the_bundled() -> None:
    assert bundled_scenarios() == ("published", "own", "zero")
    assert load_scenario("own") == good()


@pytest.mark.usefixtures("bundled_own")
def test_an_unknown_scenario_is_told_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as raised:
        load_scenario("publishd")
    assert str(raised.value) == (
        "unknown scenario 'publishd': did you mean published? known are own, published, zero; or name a file ending "
        "in .toml"
    )
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text("a: 1", encoding="utf-8")
    with pytest.raises(InputError, match=r"^scenario file own\.yaml: expected a TOML file with a name that ends in"):
        load_scenario("own.yaml")


def test_the_bundled_scenarios_are_found_where_there_are_no_files(tmp_path: Path) -> None:
    """As in an installed package that is one archive."""
    archive = tmp_path / "room.zip"
    root = Path(features.__file__).parent
    with zipfile.ZipFile(archive, "w") as packed:
        for path in root.rglob("*"):
            if path.suffix in {".py", ".toml"} and path.parent.name != "scenarios":
                packed.write(path, path.relative_to(root.parent))
        packed.writestr("features/bundled/scenarios/__init__.py", "")
        for name in ("own", "published"):
            packed.writestr(f"features/bundled/scenarios/{name}.toml", GOOD)
    code = (
        "import features.scenarios as s; "
        "print(s.__file__, *s.bundled_scenarios(), s.load_scenario('own').facilities[0].id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.split() == [f"{archive}/features/scenarios.py", "published", "own", "main"], done.stderr


# Mistakes in a variant, and in what it is based on.


def failed(file: str) -> str:
    with pytest.raises(InputError) as raised:
        load_scenario(file)
    return told(raised)


def test_a_base_that_does_not_exist(folder: Path) -> None:
    file = written(folder, VARIANT.replace("base.toml", "bsae.toml"))
    assert failed(file) == f"{file}: scenario.based_on: cannot read {folder}/bsae.toml: No such file or directory"


@pytest.mark.usefixtures("bundled_own")
def test_a_base_that_is_not_bundled(folder: Path) -> None:
    file = written(folder, VARIANT.replace("base.toml", "publishd"))
    assert failed(file).startswith(f"{file}: scenario.based_on: unknown scenario 'publishd': did you mean published?")


@pytest.mark.parametrize("name", ["a\\u0000.toml", "", ".", "a\\nb"])
def test_a_base_that_no_file_can_be(folder: Path, name: str) -> None:
    file = written(folder, VARIANT.replace("base.toml", name))
    assert failed(file).startswith(f"{file}: scenario.based_on")


def test_a_mistake_in_the_base_is_told_by_the_file_of_the_base(folder: Path) -> None:
    base = written(folder, swapped("utilisation", "utilization"), "base.toml")
    file = written(folder, VARIANT)
    message = failed(file)
    assert message.startswith(f"{base}: facility main.utilization: unknown key 'utilization': did you mean utilisation")
    assert message.endswith(f"({file} is based on it)")


def test_a_base_is_a_good_scenario_by_itself(folder: Path) -> None:
    """Even where the variant would mend it."""
    base = written(folder, without("as_of = 2026-02-28\n"), "base.toml")
    file = written(folder, VARIANT + "as_of = 2026-02-28\n")
    assert failed(file) == f"{base}: scenario.as_of is missing ({file} is based on it)"


def test_a_mistake_in_the_variant_is_told_by_its_own_file(folder: Path) -> None:
    for text, expected in (
        ("[stock]\nminmum = 3\n", "stock.minmum: unknown key 'minmum': did you mean minimum"),
        ("[[event]]\nid = 'imports'\nuntil = 2023-01-01\n", "event imports: until 2023-01-01 is before its date 2024"),
        ("[[facility]]\nid = 'scond'\nname = 'Second'\n", "facility scond.utilisation is missing"),
        ("[[event]]\nid = 'line'\nfacility = 'mian'\n", "unknown facility 'mian': did you mean main?"),
        ("event = [3]\n", "event 9: expected a table (given: 3)"),
        ("[[event]]\nid = [1]\nkind = 'pause'\n", "event 9.id: expected text in quotes (given: a list)"),
    ):
        head = text.startswith("event")
        file = written(folder, text + VARIANT if head else VARIANT + text)
        assert failed(file).startswith(f"{file}: {expected}")


def test_a_row_that_a_variant_states_twice(folder: Path) -> None:
    row = "[[facility]]\nid = 'second'\nname = '{}'\n"
    file = written(folder, VARIANT + row.format("A") + row.format("B"))
    assert failed(file) == f"{file}: facility second is stated twice"


def test_a_circle_of_variants(folder: Path) -> None:
    one = written(folder, VARIANT.replace("base.toml", "two.toml"), "one.toml")
    two = written(folder, VARIANT.replace("base.toml", "../scenarios/one.toml"), "two.toml")
    message = failed(one)
    assert message.startswith(f"{two}: scenario.based_on: {folder}/../scenarios/one.toml goes in a circle: expected")
    assert message.endswith(f"({one} is based on it)")


def test_a_variant_of_itself(folder: Path) -> None:
    file = written(folder, VARIANT.replace("base.toml", "variant.toml"))
    assert failed(file) == (
        f"{file}: scenario.based_on: {file} goes in a circle: expected a scenario that stands on its own"
    )
    (folder / "link.toml").symlink_to("link.toml")
    assert failed(str(folder / "link.toml")).startswith(f"cannot read {folder}/link.toml: ")
