"""The two languages: every text has its translation, every plural its forms, numbers and dates are the language's."""

import re
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
from forecasting.answers.defences import BUNDLED_DEFENCES, bundled_defence
from forecasting.defence.stock import with_stock
from forecasting.report.comparison_document import MEASURES
from forecasting.report.comparison_picture import SHOWN
from forecasting.report.forms import HUB
from forecasting.report.language import catalogue, languages, translator
from forecasting.report.layout import plural
from forecasting.report.since_text import CAUSE_WORDS
from forecasting.report.words import AGAINST_KIND, COUNTS, HOLDBACKS, QUANTITY_WORDS, SENTENCES, UNIT_WORDS

ROOT = Path(__file__).parents[3]
KEYWORDS = {"t": None, "plural": (1, 2), "_": None, "ngettext": (1, 2)}
"""Functions whose texts are translated."""


@pytest.fixture(scope="module", name="catalogue")
def texts() -> Catalog:
    return catalogue("uk.po")


@pytest.fixture(scope="module")
def stated() -> Catalog:
    return catalogue("uk.stated.po")


def said_in_the_code() -> Iterator[str | tuple[str, ...]]:
    # A sentence of nothing but what is put in has no words.
    yield HUB.title
    tables = (SENTENCES, COUNTS, UNIT_WORDS, QUANTITY_WORDS, AGAINST_KIND, CAUSE_WORDS, HOLDBACKS, MEASURES, SHOWN)
    said = (text for table in tables for text in table.values())
    yield from (text for text in said if isinstance(text, tuple) or words(text))
    rooms = [ROOT / "forecasting" / "report", ROOT / "forecasting" / "commands"]
    for path in sorted(path for room in rooms for path in room.glob("*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, keywords=KEYWORDS):
                yield cast("str | tuple[str, ...]", message)


def names(text: str) -> set[tuple[str, str | None]]:
    """What is put in, and as what."""
    return {(name, kind) for _, name, kind, _ in string.Formatter().parse(text) if name}


def words(text: str) -> str:
    return "".join(literal for literal, *_ in string.Formatter().parse(text)).strip(" :,")


def test_every_text_of_the_code_is_in_the_catalogue(catalogue: Catalog) -> None:
    texts = list(said_in_the_code())
    assert len(texts) > 50
    missing = []
    for text in texts:
        entry = catalogue.get(text[0] if isinstance(text, tuple) else text)
        if entry is None or (isinstance(text, tuple) and entry.id != text):
            missing.append(text)
    assert missing == []


def test_every_entry_is_translated_with_the_same_names_and_all_its_forms(catalogue: Catalog, stated: Catalog) -> None:
    assert catalogue.num_plurals == 3
    for entry in (entry for entry in (*catalogue, *stated) if entry.id):
        ids = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert len(forms) == (3 if isinstance(entry.id, tuple) else 1), entry.id
        assert not entry.fuzzy
        for form in forms:
            assert form, entry.id
            assert names(form) == names(ids[-1]), entry.id


SECOND_WORDS = {
    r"дрон(?!(и|ів|ами)?-перехоплювач)": "БпЛА",
    r"рубіж|рубеж|\bшар": "ешелон",
    r"(?<!дрон-)(?<!дрони-)(?<!дронів-)перехоплювач": "засіб перехоплення",
    "траєкторі": "варіант",
    "звіт": "повідомлення",
    "шум": "похибка",
    "залп": "наліт",
    "трок(и|у|ом)? постачання": "строк поставки",
    "'": "’",
}
"""What would be a second word for a thing, and the one there is."""


def test_a_thing_has_one_word(catalogue: Catalog) -> None:
    strings = [entry.string for entry in catalogue if entry.id]
    texts = [text for forms in strings for text in (forms if isinstance(forms, tuple) else (forms,))]
    found = {(word, text) for word in SECOND_WORDS for text in texts if re.search(word, text, re.IGNORECASE)}
    assert not found


def test_what_the_bundled_data_name_is_translated(catalogue: Catalog, stated: Catalog) -> None:
    layers = [layer for name in BUNDLED_DEFENCES for layer in bundled_defence(name).layers]
    said = [layer.name for layer in layers]
    for layer in layers:
        said += [layer.interceptor, plural(layer.interceptor)] if layer.interceptor else []
    said += [kind.id for name in BUNDLED_DEFENCES for kind in bundled_defence(name).kinds]
    said.append(with_stock(bundled_defence("ukraine"), {}, date(2026, 3, 1)).sources[-1].title)
    assert [text for text in [*said, "Ukraine", "South Korea"] if text not in stated] == []
    assert [name for name in (SHAHED, *MISSILES) if weapons(name) not in catalogue] == []


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
    for language in languages():
        assert translator(language)("My own {layer}") == "My own {layer}"
        assert translator(language)("of {what}", what="mine {x}") == "of mine {x}"


def test_every_word_of_the_bundled_files_is_translated() -> None:
    said = list(ATTRIBUTION.values())
    facts: list[object] = []
    for defence in map(bundled_defence, BUNDLED_DEFENCES):
        facts.append(defence)
        said += [defence.title, defence.about]
    for name in bundled_scenarios():
        scenario = load_scenario(name)
        facts.append(scenario)
        said += [scenario.title, scenario.about, *(each.name for each in scenario.facilities)]
        said += [event.title for event in scenario.events]
    said += [each.note for fact in facts for _, each in tables(fact) if isinstance(each, SourcedRange) and each.note]
    assert len(said) > 350
    t = translator("uk")
    assert [text for text in said if t.stated(text) == text] == []
    assert all(translator("en").stated(text) == text for text in said)


def test_another_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown language 'fr': known are en, uk"):
        translator("fr")


@pytest.mark.parametrize("value", [21.85, 31.05, 0.25, 2.675, 1_234.5])
def test_a_number_is_rounded_as_the_table_of_the_command_rounds_it(value: float) -> None:
    assert translator("en").number(value, 1) == f"{value:,.1f}"
