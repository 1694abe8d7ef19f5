"""The two languages: every text has its translation, every plural its forms, numbers and dates are the language's."""

import string
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import cast

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract

from features.errors import InputError
from features.records import MISSILES, SHAHED, weapons
from features.scenarios import bundled_scenarios, load_scenario
from features.sources import ATTRIBUTION
from features.stated import SourcedRange, tables
from forecasting.answers.answering import BUNDLED_DEFENCES
from forecasting.answers.answering import bundled_defence as bundled_defence_of
from forecasting.defence.layers import Defence
from forecasting.report.language import LANGUAGES, catalogue, translator
from forecasting.report.layout import plural
from forecasting.report.supply_document import ASSUMPTION_ONLY

ROOT = Path(__file__).parents[3]
KEYWORDS = {"t": None, "plural": (1, 2), "_": None, "ngettext": (1, 2)}
"""Functions whose texts are translated."""


@pytest.fixture(scope="module", name="catalogue")
def texts() -> Catalog:
    return catalogue("uk.po")


@pytest.fixture(scope="module")
def documents() -> Catalog:
    return catalogue("uk.documents.po")


def said_in_the_code() -> Iterator[str | tuple[str, ...]]:
    for path in sorted((ROOT / "forecasting" / "report").glob("*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, keywords=KEYWORDS):
                yield cast("str | tuple[str, ...]", message)


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_of_the_code_is_in_the_catalogue(catalogue: Catalog) -> None:
    texts = list(said_in_the_code())
    assert len(texts) > 50
    missing = []
    for text in texts:
        entry = catalogue.get(text[0] if isinstance(text, tuple) else text)
        if entry is None or (isinstance(text, tuple) and entry.id != text):
            missing.append(text)
    assert missing == []


def test_every_entry_is_translated_with_the_same_names_and_all_its_forms(
    catalogue: Catalog, documents: Catalog
) -> None:
    assert catalogue.num_plurals == 3
    for entry in (entry for entry in (*catalogue, *documents) if entry.id):
        ids = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert len(forms) == (3 if isinstance(entry.id, tuple) else 1), entry.id
        assert not entry.fuzzy
        for form in forms:
            assert form, entry.id
            assert names(form) == names(ids[-1]), entry.id


def test_what_the_bundled_data_name_is_translated(catalogue: Catalog) -> None:
    layers = [layer for name in BUNDLED_DEFENCES for layer in bundled_defence_of(name).layers]
    said = [layer.name for layer in layers]
    said += [plural(layer.interceptor) for layer in layers if layer.interceptor]
    said += [weapons(name) for name in (SHAHED, *MISSILES)]
    said += ["Ukraine", "South Korea", "last 28 nights", "nights of 400 and more", ASSUMPTION_ONLY]
    assert [text for text in said if text not in catalogue] == []


@pytest.mark.parametrize(
    ("days", "numbers"),
    [("доба", (1, 21, 91, 101)), ("доби", (2, 3, 4, 22, 102)), ("діб", (0, 5, 11, 12, 14, 20, 28, 111, 112))],
)
def test_ukrainian_numbers_take_their_form(days: str, numbers: tuple[int, ...]) -> None:
    for n in numbers:
        assert translator("uk").plural("{n} day", "{n} days", n) == f"{n} {days}"


def test_english_has_one_and_many() -> None:
    t = translator("en")
    assert [t.plural("{n} day", "{n} days", n) for n in (1, 2, 2_100)] == ["1 day", "2 days", "2,100 days"]


def test_numbers_shares_and_dates_are_written_as_the_language_does() -> None:
    english, ukrainian = translator("en"), translator("uk")
    assert (english.number(2100), ukrainian.number(2100)) == ("2,100", "2\u00a0100")
    assert (english.number(0.55, 1), ukrainian.number(1234.5, 1)) == ("0.6", "1\u00a0234,5")
    assert english.day(date(2026, 3, 8)) == "8 March 2026"
    assert ukrainian.day(date(2026, 3, 8)).replace("\u202f", " ") == "8 березня 2026 р."
    for t in (english, ukrainian):
        shares = (0.0, 0.004, 0.01, 0.664, 0.99, 0.996, 1.0)
        shown = [t.percent(share).replace("\u00a0", " ") for share in shares]
        assert shown == ["0 %", "<1 %", "1 %", "66 %", "99 %", ">99 %", "100 %"]


def test_a_text_that_is_not_in_the_catalogue_stays_as_it_is() -> None:
    for language in LANGUAGES:
        assert translator(language)("My own {layer}") == "My own {layer}"
        assert translator(language)("of {what}", what="mine {x}") == "of mine {x}"


def test_every_word_of_the_bundled_files_is_translated(bundled_defence: Defence) -> None:
    said = [bundled_defence.title, bundled_defence.about, *ATTRIBUTION.values()]
    facts: list[object] = [bundled_defence]
    for name in bundled_scenarios():
        scenario = load_scenario(name)
        facts.append(scenario)
        said += [scenario.title, scenario.about, *(each.name for each in scenario.facilities)]
        said += [event.title for event in scenario.events]
    said += [each.note for fact in facts for _, each in tables(fact) if isinstance(each, SourcedRange) and each.note]
    assert len(said) > 250
    t = translator("uk")
    assert [text for text in said if t.said(text) == text] == []
    assert all(translator("en").said(text) == text for text in said)


def test_what_was_put_into_a_sentence_is_found_again_and_written_as_the_language_does() -> None:
    said = translator("uk").said
    verdict = "the record allows it: 42% of the draws, as stated, could have made the launches on record"
    assert "42\u00a0%" in said(verdict)
    shortage = (
        "the record does not allow it: launches from 2024-08-01 to 2025-01-03 exceed stock plus production by 12,345 "
        "(median draw); the opening stock would have to be at least 3,000"
    )
    found = said(shortage).replace("\u202f", " ").replace("\u00a0", " ")
    assert "від 1 серпня 2024 р. до 3 січня 2025 р." in found
    assert "12 345" in found
    worth = "one more fire unit of Light missiles, 10 engagements a night, saves up to 1.2 M USD over the 90 nights"
    assert said(worth) == (
        "ще один вогневий засіб (Зенітні ракети малої дальності, обстрілів за ніч: 10) заощаджує до 1,2 млн дол. "
        "(ночей: 90)"
    )
    more = "with all that can be bought 20 armed drones leak, the target is 2.5: deliveries are the limit, 1,200 "
    more += "Helicopters and 45 Light missiles more would do"
    assert said(more).endswith("Вертольоти: 1\u00a0200 та Зенітні ракети малої дальності: 45")
    # What a person gave stays as it was given, and so does a sentence that only looks like ours.
    assert "«nothing»" in said("unknown layer 'nothing': known are light_missile, workers_25000")
    assert said("My layer costs 5 USD") == "My layer costs 5 USD"


def test_another_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown language 'fr': known are en, uk"):
        translator("fr")


@pytest.mark.parametrize("value", [21.85, 31.05, 0.25, 2.675, 1_234.5])
def test_a_number_is_rounded_as_the_table_of_the_command_rounds_it(value: float) -> None:
    assert translator("en").number(value, 1) == f"{value:,.1f}"
