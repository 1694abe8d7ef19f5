"""A number counts only where its own clause speaks of this attack on the whole country."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.records import SHAHED, Hours, SalvoReport
from features.sources.bulletin import Bulletin, parse_bulletin

RECEIVED = datetime.fromisoformat("2026-05-21T09:20+03:00")
REPORTS = [
    "У ніч на 21 травня (із 19:00 20 травня) ворог атакував 91 ударним БпЛА. Станом на 08:00 збито/подавлено 83 БпЛА.",
    "Overnight on May 21 Russia attacked with 91 drones, the Air Force said. Air defence downed 70, 13 more were lost.",
    "Цієї ночі ворог запустив 91 дрон та 4 крилаті ракети Х-101. Знешкоджено 83 БпЛА і 3 ракети.",
    "On the night of 21 May the enemy launched 91 Shaheds. 83 of the 91 were shot down.",
]
ASIDES = [
    ("recalled", "Нагадаємо, у ніч на 20 травня росіяни запустили 140 дронів, збито 122."),
    ("recalled", "The day before, Russia had launched 140 drones, of which 122 were shot down."),
    ("another period", "Від початку року ворог випустив 21 000 дронів, збито 18 500."),
    (
        "another period",
        "Over the past week Russia has launched 1,200 drones and 96 missiles; 1,010 drones were downed.",
    ),
    ("the other side", "Russian air defence shot down 141 Ukrainian drones, the ministry in Moscow said."),
    ("the other side", "Міноборони РФ заявило про 141 український безпілотник, збитий за ніч."),
    ("one place", "На Полтавщині збито 21 БпЛА."),
    ("one place", "In Sumy region air defence shot down 21 drones."),
    ("a local source", "The regional governor said that 21 drones had been shot down."),
    ("a local source", "Очільник ОВА повідомив про 21 збитий БпЛА."),
    ("one unit", "Екіпажі 115-ї бригади знищили 41 дрон."),
    ("a live alert", "5 БпЛА курсом на захід."),
    ("a caption", "На відео: як збили 12 дронів."),
]


def read(text: str) -> Bulletin:
    return parse_bulletin(text, received=RECEIVED)


def read_at(text: str, received: str) -> Bulletin:
    return parse_bulletin(text, received=datetime.fromisoformat(received))


def drones(text: str) -> SalvoReport | None:
    return next((one for one in read(text).reports if one.weapon_class == SHAHED), None)


@pytest.mark.parametrize(("reason", "aside"), ASIDES)
def test_what_is_told_aside_is_shown_with_its_reason_and_stored_nowhere(reason: str, aside: str) -> None:
    alone = read(aside)
    assert alone.reports == ()
    assert [one.reason for one in alone.asides] == [reason]


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(REPORTS), st.lists(st.sampled_from(ASIDES), min_size=1, max_size=3))
def test_what_is_told_aside_after_a_report_changes_none_of_it(text: str, asides: list[tuple[str, str]]) -> None:
    reports = read(text).reports
    assert reports
    assert read("\n\n".join([text, *(aside for _, aside in asides)])).reports == reports


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(2, 99),
    thing=st.sampled_from(
        ["людей поранено", "будинків пошкоджено", "областей без світла", "пожеж загасили", "годин тривала тривога"]
    ),
)
def test_a_count_of_other_things_is_none_of_drones(count: int, thing: str) -> None:
    text = f"У ніч на 21 травня ворог атакував дронами. Збито 24 БпЛА. {count} {thing}."
    assert drones(text) is None
    good = text.replace("атакував дронами", "атакував 91 дроном")
    assert (drones(good) or pytest.fail("no report")).launched == 91


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("з 22:00 вчора до 5:15 сьогодні", "05-20 22:00", "05-21 05:15"),
        ("from 10 p.m. yesterday to 5:15 a.m. today", "05-20 22:00", "05-21 05:15"),
        ("з вечора 20 травня до ранку 21 травня", "05-20 18:00", "05-21 08:00"),
        ("from the evening of May 20 to the morning of May 21", "05-20 18:00", "05-21 08:00"),
        ("із (20.00 20 травня) у ніч на 21 травня", "05-20 20:00", "05-21 08:00"),
        ("із 22-ї години 20-го по 05 годину 21 травня", "05-20 22:00", "05-21 05:00"),
        ("з восьмої вечора 20 травня до шостої ранку 21 травня", "05-20 20:00", "05-21 06:00"),
        ("із 19:30 20 травня до опівночі 21 травня", "05-20 19:30", "05-21 00:00"),
        ("from midnight to 6 a.m. on May 21", "05-21 00:00", "05-21 06:00"),
        ("у ніч на середу", "05-19 18:00", "05-20 08:00"),
    ],
)
def test_windows_as_they_are_told(text: str, start: str, end: str) -> None:
    report = drones(f"{text} ворог атакував 46 дронами. Збито 38.")
    assert report is not None
    assert (f"{report.window_start:%m-%d %H:%M}", f"{report.window_end:%m-%d %H:%M}") == (start, end)


def test_an_attack_that_began_and_lasted_has_both_times() -> None:
    report = drones(
        "The raid began on May 20 at 9:40 p.m. and lasted until 5:05 a.m. on May 21. 46 drones were launched."
    )
    assert report is not None
    assert report.window_start == datetime(2026, 5, 20, 21, 40)
    assert report.window_end == datetime(2026, 5, 21, 5, 5)


@pytest.mark.parametrize("aside", ["Це перший удар по мосту з березня 2023 року.", "Так було й у липні 2024 року."])
def test_the_receipt_settles_the_year_and_no_other_clause(aside: str) -> None:
    report = drones(f"У ніч на 21 травня випустили 73 дрони. Збито 66. {aside}")
    assert report is not None
    assert report.window_end.year == 2026


@pytest.mark.parametrize(
    ("text", "launched", "jets"),
    [
        ("64 БпЛА типу Shahed, а також 9 реактивними дронами", 73, 9),
        ("73 БпЛА (понад 30 із них - реактивні)", 73, 30),
        ("73 БпЛА, серед них близько 50 «шахедів» і 12 реактивних", 73, 12),
        ("19 реактивними БпЛА", 19, 19),
        ("40 БпЛА типу Shahed, 11 реактивними БпЛА та 20 імітаторами. Усього 71 БпЛА", 71, 11),
    ],
)
def test_jets_listed_apart_belong_to_the_total(text: str, launched: int, jets: int) -> None:
    report = drones(f"У ніч на 21 травня ворог атакував {text}.")
    assert report is not None
    assert (report.launched, report.jet_drones) == (launched, jets)


def test_a_correction_wins_over_what_it_corrects() -> None:
    text = (
        "У ніч на 21 травня ворог атакував 91 БпЛА. Станом на 07:00 збито 71. Оновлено: станом на 09:00 збито 83 БпЛА."
    )
    report = drones(text)
    assert report is not None
    assert (report.shot_down, report.window_end) == (83, datetime(2026, 5, 21, 9))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("У ніч на 21 травня ворог атакував 91 БпЛА. Збито 103 БпЛА.", "more than the 91 launched"),
        ("У ніч на 21 травня ворог атакував 52 000 БпЛА.", "far beyond what one attack can bring"),
        ("В ночь на 21 мая противник атаковал 91 БПЛА. Сбито 83.", "in Russian, which is not read"),
    ],
)
def test_what_has_not_the_shape_of_a_report_is_held_with_its_reason(text: str, problem: str) -> None:
    bulletin = read(text)
    assert bulletin.reports == ()
    assert problem in "; ".join(bulletin.problems)


def test_a_count_without_losses_while_the_attack_goes_on_is_an_alert() -> None:
    text = "Уночі ворог запустив 30 БпЛА."
    at_two = parse_bulletin(text, received=datetime.fromisoformat("2026-05-21T02:00+03:00"))
    assert at_two.reports == ()
    assert "an alert, no report" in at_two.problems[0]
    assert drones(text) is not None


def test_a_regional_command_that_signs_speaks_of_its_own_area() -> None:
    report = drones(
        "У ніч на 21 травня противник атакував південь 17 БпЛА. Збито 12.\nПовітряне командування «Південь»"
    )
    assert report is None or report.target_area == "south"
    named = drones("Повітряне командування «Захід»: у ніч на 21 травня ворог запустив 14 БпЛА, на Львівщині збито 12.")
    assert named is not None
    assert (named.target_area, named.shot_down) == ("west", 12)


@pytest.mark.parametrize("text", REPORTS)
@pytest.mark.parametrize(
    "before",
    [
        "Уночі 14 травня дрони атакували енергетику.",
        "Drones hit power plants overnight on May 14, and officials counted the damage.",
        "A Russian drone on the ground, on Nov. 7, 2024. Photo: agency",
        "У ніч на 14 травня збито 60 БпЛА.",
    ],
)
def test_another_night_that_is_mentioned_before_a_report_changes_none_of_it(text: str, before: str) -> None:
    assert read(f"{before}\n\n{text}").reports == read(text).reports


@pytest.mark.parametrize(
    ("losses", "shot_down"),
    [
        ("Збито майже всі.", None),
        ("Almost all of them were shot down.", None),
        ("Усі збито.", 91),
        ("Air defence shot down 30 drones in the north of the country.", None),
        ("Збито 21 із них над Одещиною, повідомив губернатор.", None),
        ("Збито 38 БпЛА, з них 8 над Полтавщиною.", 38),
        ("Збито 83 БпЛА в Одеській, Сумській та Київській областях.", 83),
        ("83 drones were shot down over Kharkiv, Sumy and Poltava regions.", 83),
    ],
)
def test_losses_are_those_of_the_whole_country_or_none(losses: str, shot_down: int | None) -> None:
    report = drones(f"У ніч на 21 травня ворог атакував 91 БпЛА. {losses}")
    assert report is not None
    assert report.shot_down == shot_down


def test_a_round_number_of_a_heading_is_not_the_count() -> None:
    heading = "Росія атакувала сотнею дронів"
    assert drones(f"{heading}\n\nУ ніч на 21 травня збито 83 БпЛА.") is None
    report = drones(f"{heading}\n\nУ ніч на 21 травня ворог запустив 119 БпЛА.")
    assert report is not None
    assert report.launched == 119


GOOD = "Overnight Russia launched 91 drones at Ukraine, and air defence shot down 70 of them, the Air Force said."
MORNING_AFTER = "Цієї ночі ворог запустив 91 дрон. Збито 70 дронів."


@pytest.mark.parametrize(
    "text",
    [
        # A photo of other years, opening hours, a recollection, a headline of another piece
        f"A crater after a strike in Kyiv, Ukraine, March 3, 2024. (Agency)\n\n{GOOD}",
        f"{GOOD}\n\nOn the radio\n\n10:00am - Noon\n\nNoon - 7:00pm",
        f"{GOOD}\n\nAn attack on 2 May killed three people.",
        f"{GOOD}\n\nUkraine downs 96 drones in latest overnight strike",
        # Sent at one town, at the other side's land, from it
        f"{GOOD} Of 25 drones fired at the southern port city of Odesa 19 were shot down.",
        f"{GOOD} One drone returned to Russian territory.",
        "Overnight Russia launched 91 drones from Cape Chauda in occupied Crimea. Air defence shot down 70 of them.",
        f"{MORNING_AFTER} Найбільше випустили по Одещині: очільник повідомив, що над областю зафіксували 17 дронів.",
        f"{MORNING_AFTER} Зеніт: знищено всі дрони у повітряному просторі Києва.",
        # Those shot down are not those fired, though both words stand beside them
        "Overnight Russia fired 91 drones. The Air Force said that 70 drones fired by Russia were shot down.",
        # One attack is one of nothing; a bound that the count keeps
        f"{GOOD} They came in one coordinated attack.",
        f"{GOOD} The minister said that over 60 had been shot down.",
        # An evening is the beginning of its night
        f"{MORNING_AFTER} Про перші пуски повідомляли ще ввечері 20 травня.",
    ],
)
def test_what_stands_beside_a_report_in_an_article_changes_none_of_it(text: str) -> None:
    report = drones(text) or pytest.fail("; ".join(read(text).problems))
    assert (report.launched, report.shot_down, report.suppressed) == (91, 70, None)
    assert report.attack_day.isoformat() == "2026-05-21"


@pytest.mark.parametrize(
    ("text", "day", "launched", "shot_down"),
    [
        ("Минулої доби ворог застосував 31 БпЛА типу Shahed. 26 з них знищено.", "2026-05-20", 31, 26),
        ("Over the past day the enemy used 31 Shahed UAVs. 26 of them were destroyed.", "2026-05-20", 31, 26),
        (
            "Russia attacked with 31 drones, the Air Force said on Thursday. It downed 26.",
            "2026-05-21",
            31,
            26,
        ),
        ("The Air Force said on Wednesday that Russia launched 31 drones overnight.", "2026-05-20", 31, None),
        ("З вечора 20 травня росіяни атакували 31 БпЛА. Збито 26.", "2026-05-21", 31, 26),
        ("On the evening of May 20 Russia launched 31 drones. Air defence downed 26.", "2026-05-20", 31, 26),
    ],
)
def test_the_receipt_dates_what_it_can_without_doubt(text: str, day: str, launched: int, shot_down: int | None) -> None:
    report = drones(text) or pytest.fail("; ".join(read(text).problems))
    assert (report.attack_day.isoformat(), report.launched, report.shot_down) == (day, launched, shot_down)


@pytest.mark.parametrize(
    "text",
    [
        "Russia attacked with 31 drones, the Air Force said on Wednesday.",  # the night to it, or after it?
        "On 20 May Russia launched 31 drones. Fires burned overnight.",
        "War update: 31 Ukrainian airstrikes overnight. Russia launched drones.",
        "Overnight Russia launched 31 drones and missiles.",
        "Цієї ночі ворог запустив 31 дрон і ракети.",
    ],
)
def test_what_the_receipt_cannot_settle_is_not_stored(text: str) -> None:
    assert drones(text) is None


def test_a_bound_and_a_number_that_break_each_other_are_neither() -> None:
    report = drones("Цієї ночі ворог запустив 91 дрон. Збито понад 60 дронів. ППО знищила 47 БпЛА.")
    assert report is not None
    assert (report.launched, report.shot_down) == (91, None)


def test_a_night_that_a_message_tells_twice_is_one_report() -> None:
    text = (
        "Сили оборони збили вночі 38 ворожих дронів з 71\nЗахисники збили в ніч на четвер, 21 травня, 38 БпЛА. "
        "Станом на 9:00 підтверджено збиття 38 БпЛА. 25 імітаторів локаційно втрачено. "
        "У ніч на 21 травня 2026 року (із 19.00 20 травня) противник атакував 71 ударним БпЛА."
    )
    (report,) = read(text).reports
    assert (report.launched, report.shot_down, report.suppressed) == (71, 38, 25)


def test_an_attack_by_day_after_that_of_the_night_is_apart_from_it() -> None:
    by_day = "Росіяни вдень запустили дрони після нічної атаки: 53 БпЛА. Збито 48."
    text = f"{by_day}\n\nУ ніч на 21 травня ворог запустив 150 БпЛА. Збито 120."
    told = {(one.launched, one.shot_down, one.hours) for one in read_at(text, "2026-05-21T16:30+03:00").reports}
    assert told == {(53, 48, Hours.PART_OF_DAY), (150, 120, Hours.NIGHT)}
