"""The two languages: every text has its translation, every plural its forms, numbers and dates are the language's."""

import string
from collections.abc import Iterator
from datetime import date
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import cast

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from features.errors import InputError
from features.records import MISSILES, SHAHED, weapons
from forecasting.layers import Defence
from forecasting.report.language import LANGUAGES, translator
from forecasting.report.layout import plural
from forecasting.report.supply_document import ASSUMPTION_ONLY

ROOT = Path(__file__).parents[2]
KEYWORDS = {"t": None, "plural": (1, 2), "_": None, "ngettext": (1, 2)}
"""Functions whose texts are translated."""


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    text = resources.files("forecasting.report").joinpath("locale", "uk.po").read_bytes()
    return read_po(BytesIO(text), locale="uk_UA", abort_invalid=True)


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


def test_every_entry_is_translated_with_the_same_names_and_all_its_forms(catalogue: Catalog) -> None:
    assert catalogue.num_plurals == 3
    for entry in (entry for entry in catalogue if entry.id):
        ids = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert len(forms) == (3 if isinstance(entry.id, tuple) else 1), entry.id
        assert not entry.fuzzy
        for form in forms:
            assert form, entry.id
            assert names(form) == names(ids[-1]), entry.id


def test_what_the_bundled_data_name_is_translated(catalogue: Catalog, bundled_defence: Defence) -> None:
    said = [layer.name for layer in bundled_defence.layers]
    said += [plural(layer.interceptor) for layer in bundled_defence.layers if layer.interceptor]
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
    assert (english.day(date(2026, 3, 8)), ukrainian.day(date(2026, 3, 8))) == ("8 March 2026", "8 березня 2026")
    for t in (english, ukrainian):
        shares = (0.0, 0.004, 0.01, 0.664, 0.99, 0.996, 1.0)
        shown = [t.percent(share).replace("\u00a0", " ") for share in shares]
        assert shown == ["0 %", "<1 %", "1 %", "66 %", "99 %", ">99 %", "100 %"]


def test_a_text_that_is_not_in_the_catalogue_stays_as_it_is() -> None:
    for language in LANGUAGES:
        assert translator(language)("My own {layer}") == "My own {layer}"
        assert translator(language)("of {what}", what="mine {x}") == "of mine {x}"


def test_another_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown language 'fr': known are en, uk"):
        translator("fr")
