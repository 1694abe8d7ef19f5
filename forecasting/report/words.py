"""The words of the coded messages of documents: the one place that turns a code and its values into a sentence."""

import string
from collections.abc import Mapping
from datetime import date
from typing import Any

from features.messages import Message
from features.records import MISSILES, SHAHED, weapons
from features.sources import ATTRIBUTION
from features.unknown_days import ADVICE
from forecasting.report.assumption_document import Assumption
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layout import QUANTITIES
from forecasting.report.supply_document import ASSUMPTION_ONLY

_LEAK = "with all that can be bought {leakers:drones} armed drones leak, the target is {target:drones}: "
_JOINT_RISK = "some stock still runs out in {risk:percent} of the futures, {without:percent} with no order"
_AND_RISK = "and some stock runs out in {risk:percent} of the futures"
SENTENCES: Mapping[str, str | tuple[str, str]] = {
    # What the record says of a production scenario
    "record_allows": "the record allows it: {share:percent} of the draws, as stated, could have made the launches on "
    "record",
    "record_allows_at_edge": "the record allows it only at the edge of its ranges: {share:percent} of the draws, as "
    "stated, could have made the launches on record",
    "record_exceeds_supply": "the record does not allow it: launches from {start:day} to {end:day} exceed stock plus "
    "production by {missing:whole} (median draw); the opening stock would have to be at least {needed:whole}",
    "supply_exceeds_record": "the record makes it unlikely: over the last {days} days the output stated is "
    "{ratio:tenths} times what was launched; of 100 drones made, {used:whole} were launched, and {piled:whole} would "
    "be in store, {supply:whole} days of launches (median draw)",
    "no_record": "no record can bear the scenario out, or refute it",
    # Which limit keeps the leakers above the target, and what limits are worth
    "deliveries_limit": _LEAK + "deliveries are the limit, {missing} more would do",
    "interceptors_of_layer": "{n} {layer:layer}",
    "lead_time_limits": _LEAK
    + "the lead time is the limit, with orders at hand on the first night {without:drones} would leak",
    "reach_limits": _LEAK
    + "reach and kill probability are the limit, {without:drones} leak with any stock and capacity",
    "capacity_limits": _LEAK
    + "capacity is the limit, {engagements} more engagements a night of {layers:layer} would do",
    "budget_limits": "the budget of {budget_usd:usd} is the limit: with it {leakers:drones} armed drones leak; the "
    "target of {target:drones} needs {needed_usd:usd}, {more_usd:usd} more",
    "one_leaker_fewer": "one armed leaker fewer costs {usd:usd} or more",
    "one_more": ("one more {limit} {worth} over the {n} night", "one more {limit} {worth} over the {n} nights"),
    "million_usd": "million USD",
    "fire_channel": "fire unit of {layer:layer}, a fire channel,",
    "fire_unit": "fire unit of {layer:layer}, {engagements} engagements a night,",
    "thousand_interceptors": "thousand interceptors of {layer:layer} that can be bought",
    "saves": "saves up to {usd:usd}",
    "stops": "stops up to {drones:drones} more armed drones",
    # What orders buy
    "order_buys": "of {leakers:drones} armed drones that get through, the order stops {avoided:tenths} ± "
    "{error:tenths}, for {each_usd:usd} each; " + _JOINT_RISK,
    "order_buys_mass": "the warheads of these leakers weigh {kg:whole} ± {error:whole} kg",
    "order_no_effect": "the order, for {cost_usd:usd}, has no measurable effect on the {leakers:drones} armed drones "
    "that get through; " + _JOINT_RISK,
    "nothing_ordered": "with nothing ordered, {leakers:drones} armed drones get through on average, and some stock "
    "runs out in {without:percent} of the futures",
    "mix_below": "for less money, {cost_usd:usd}, the mix that leaks least stops {avoided:tenths}, " + _AND_RISK,
    "mix_above": "for more money, {cost_usd:usd}, the mix that leaks least stops {avoided:tenths}, " + _AND_RISK,
    "next_best": "more money is best spent on {layer:layer}: {pieces:whole} more, for {cost_usd:usd}, stop "
    "{avoided:hundredths} more armed drones",
    "count_first": "count the stock of {layer:layer} before you order: to know it is worth {usd:usd}, more than any "
    "other number of the defence",
    "find_out_first": "before you order find out of {layer:layer}: {quantity:quantity}; to know it is worth {usd:usd}, "
    "more than any other number of the defence",
    "policy_on_first_paths": "The policy is found on the first {n:whole} of the {paths:whole} futures, of which every "
    "night is kept.",
    "orders_look_further": "Orders are made for {nights:whole} days, as far as lead and review times ask; the forecast "
    "and the stocks are told for the {horizon:whole} days asked.",
    "next_no_effect": "no more of any layer would have a measurable effect",
    # How the ranges of the defence were taken
    "not_calibrated": "The ranges of the defence are taken as stated, not held against the reported losses.",
    "no_record_of_theatre": "No record of theatre {theatre:theatre}: the ranges of the defence are taken as stated.",
    "no_reported_losses": "No report of the last months tells losses: the ranges are taken as stated.",
    "defence_after_origin": "The defence is stated as of {day:day}, after the origin {origin:day}: its ranges rest on "
    "what was not known then, only the record ends there.",
    "kill_shares_left_out": "{late} of {all} published shares of kills came after the origin and are left out.",
    "few_effective_draws": "The calibrated draws are worth {n} independent ones: the record is at the edge of the "
    "ranges.",
    "no_electronic_warfare": "The defence has no electronic warfare: all its kills are taken as shot down.",
    "planned_without": "What if: the defence is planned without {layers:layer}. It is held against the record with all "
    "its layers, and the others are taken to do no more than before.",
    "sizes_beyond_record": "{share:percent} of the nights are larger or smaller, beside the 28 nights before them, "
    "than any on record: the effect of the size is held at the edge of what was seen.",
    # What is in hand and comes in, as stated, counted and assumed
    "stock_stated": "Stock of {layer:layer}: {count:whole} as the request states, in place of the {low:whole} to "
    "{high:whole} that the defence assumes.",
    "stock_stated_over_count": "Stock of {layer:layer}: what the request states goes before the count of {day:day}, "
    "{count:whole}.",
    "stock_counted": "Stock of {layer:layer}: {count:whole} counted on {day:day} ({source}), in place of what the "
    "defence assumes.",
    "stock_rolled_forward": (
        "Stock of {layer:layer}: {count:whole} counted on {day:day} ({source}), in place of what the defence assumes; "
        "rolled forward {n} day by deliveries, supply and modelled use, {low:whole} to {high:whole} are in hand "
        "(80 %).",
        "Stock of {layer:layer}: {count:whole} counted on {day:day} ({source}), in place of what the defence assumes; "
        "rolled forward {n} days by deliveries, supply and modelled use, {low:whole} to {high:whole} are in hand "
        "(80 %).",
    ),
    "count_against_model": (
        "The count of {layer:layer} before that one, rolled forward {n} day, had {low:whole} to {high:whole} in hand "
        "on {day:day} (80 %); {count:whole} were counted.",
        "The count of {layer:layer} before that one, rolled forward {n} days, had {low:whole} to {high:whole} in hand "
        "on {day:day} (80 %); {count:whole} were counted.",
    ),
    "use_of_drones_alone": "Stock of {layer:layer}: rolled forward by its use against drones alone; what other classes "
    "of weapon took of it since the count is not taken off: count it again.",
    "count_too_old": (
        "The last count of {layer:layer}, of {day:day}, is {n} day old: the stock is taken as the defence assumes it; "
        "count it again.",
        "The last count of {layer:layer}, of {day:day}, is {n} days old: the stock is taken as the defence assumes it; "
        "count it again.",
    ),
    "supply_a_day": "Supply of {layer:layer}: {count:amount} a day as stated, in place of the {low:whole} to "
    "{high:whole} a month that the defence assumes.",
    "supply_a_week": "Supply of {layer:layer}: {count:amount} a week as stated, in place of the {low:whole} to "
    "{high:whole} a month that the defence assumes.",
    "supply_a_month": "Supply of {layer:layer}: {count:amount} a month as stated, in place of the {low:whole} to "
    "{high:whole} a month that the defence assumes.",
    "deliveries_beside_supply": "Deliveries of {layer:layer} come beside the supply of {low:whole} to {high:whole} a "
    "month that the defence assumes: if they are all there is, state a supply of 0/week.",
    # What comes with the drones
    "threat_without_series": "{weapons:weapons} are on no record here: {n} a week are taken as stated, by chance and "
    "apart from the drones.",
    "threat_met_by_none": "No layer of the defence meets {weapons:weapons}: all of them get through.",
    "defence_below_record": "The record says that {reported:percent} were lost, the defence reaches {reached:percent} "
    "at the edge of its ranges: a part of the theatre's defence is better taken as stated (--no-calibrate).",
    # Which nights, or which published share, a comparison is of
    "month": "{month:month}",
    "last_nights": ("last {n} night", "last {n} nights"),
    "large_nights": "nights of {drones} and more",
    "published_share": "{source}",
    # What a document of the first format says in English
    "as_issued": "{text}",
    # What the counts of a record are of
    "all_hours": "all hours of the whole theatre",
    "nights_left_out": "all hours of the whole theatre; {nights} of the last {days} days are left out, of which only "
    "the night is known",
    # Rules
    "two_per_drone": "two per drone",
    "thousand_a_day": "1,000 a day",
    "last_month_plus_fifth": "last month plus 20 %",
    "massed_by_days_before": "a day of at least {multiple} times the median of the last {window} attack days before "
    "its week, known or forecast",
    "massed_by_launch_days_before": "a day of at least {multiple} times the median of the last {window} attack days "
    "before its week, known or forecast, of those with launches",
    "massed_by_forecast_days": "a day of at least {multiple} times the median of the forecast days with launches",
}
"""Code -> the sentence in English, or its forms for one and for many {n}; what the catalogues translate.

After the colon stands what a value is: a number where nothing stands, or a text that is put in as it was given.
"""
UNIT_WORDS = {
    "launched_weapons": "weapons of the class launched per attack day; of Shahed-type drones decoys included",
    "kyiv_date": "calendar date (Europe/Kyiv) on which a reported window ends",
    "interceptors": "whole interceptors of the layer's kind",
    "attack_days": "attack days from the origin that stock and supply cover in full",
    "us_dollars": "US dollars",
    "armed_drones": "armed drones that no layer kills; with decoys where the two are not told apart",
    "kilograms": "kilograms",
    "share_of_paths": "share of the simulated paths",
}
"""Unit of a document -> what it says in English."""
QUANTITY_WORDS = QUANTITIES | {
    "available_share": "share of stock and supply for these drones",
    "daylight_share": "share in daylight",
    "warhead_kg": "warhead, kg",
    "drone_cost_usd": "cost of a drone, USD",
    "share": "share of the armed drones",
}
AGAINST_KIND = {
    "reach": "times the engaged share",
    "kill_probability": "times the kill prob.",
    "interceptors": "times the interceptors",
}
"""What a layer does against a kind of drone, as it is stated."""
COUNTS = {"lost": "neutralised", "shot_down": "shot down", "kills": "killed by {layer}"}
"""What a compared share counts."""
HOLDBACKS = {"line": "lines", "parts": "parts", "workforce": "workforce", "beds": "beds"}
"""What holds a plant back."""


class Words:
    """The messages of one document in the words of one language.

    Parameters
    ----------
    t : Translator
        The language, and whether the words are for a terminal.
    document : PlanDocument or ForecastDocument, optional
        Whose layers the messages name, by id.

    Examples
    --------
    >>> from forecasting.report.language import translator
    >>> english = Words(translator("en"))
    >>> english(Message.of("saves", usd=1_234_567))
    'saves up to 1.23 M USD'
    """

    def __init__(self, t: Translator, document: PlanDocument | ForecastDocument | None = None) -> None:
        layers = document.layers if isinstance(document, PlanDocument) else ()
        self.t = t
        self._layers = {layer.layer: layer.name for layer in layers}
        self._writer = _Writer(self)

    def __call__(self, message: Message) -> str:
        """The words of a message."""
        english, values = SENTENCES[message.code], message.values
        if isinstance(english, str):
            text = self.t(english)
        else:
            n = values["n"]
            assert isinstance(n, int)
            text = self.t.ngettext(*english, n)
        return self._writer.vformat(text, (), values)

    def sentence(self, message: Message) -> str:
        """The words as a sentence by themselves."""
        said = self(message)
        return capital(said).rstrip(".") + "."

    def layer(self, layer_id: str) -> str:
        """The name of a layer of the document."""
        return self.t.stated(self._layers[layer_id]) if layer_id in self._layers else layer_id

    def quantity(self, stated: Assumption) -> str:
        """What a number of the defence is of: its layer or the drones have it, in all or against a kind of drone."""
        against = stated.kind if stated.layer else ""
        return self._quantity(stated.quantity, stated.weapon_class, against, "" if against else stated.kind)

    def drawn_quantity(self, name: str) -> str:
        """What a number is of that a path has drawn of a layer: `stock`, `against.jet.reach`,
        `meets.cruise.kill_probability`."""
        match name.split("."):
            case ["against", kind, quantity]:
                return self._quantity(quantity, against=kind)
            case ["meets", weapon_class, quantity]:
                return self._quantity(quantity, weapon_class)
        return self._quantity(name)

    def _quantity(self, quantity: str, weapon_class: str = "", against: str = "", kind: str = "") -> str:
        names = AGAINST_KIND if against else QUANTITY_WORDS
        what = self.t(names[quantity]) if quantity in names else quantity
        if weapon_class:
            return self.t("{what} ({kind})", what=what, kind=weapon_name(weapon_class, self.t))
        of = self.t.stated((against or kind).replace("_", " "))
        return self.t("{what} ({kind})", what=what, kind=of) if of else what

    def unit(self, unit: str) -> str:
        """A unit of a document; one of the first format, which said it in English, stays as it was said."""
        return self.t(UNIT_WORDS[unit]) if unit in UNIT_WORDS else unit

    def holdback(self, cause: str) -> str:
        """What holds a plant back."""
        return self.t(HOLDBACKS[cause])

    def source(self, name: str) -> str:
        """Whose facts the launch counts of a source are; the first format said it in English."""
        return self.t.stated(ATTRIBUTION.get(name, name))

    def compared_drones(self, counts: str, layer_id: str | None) -> str:
        """What a compared share of the drones counts."""
        return self.t(COUNTS[counts], layer=self.layer(layer_id or ""))


class _Writer(string.Formatter):
    """Puts values into a sentence, each as what the sentence takes it for."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def format_field(self, value: Any, format_spec: str) -> str:
        t = self._words.t
        if isinstance(value, list | tuple):
            return f" {t('and')} ".join(self.format_field(each, format_spec) for each in value)
        match format_spec:
            case "percent":
                return t.percent(value)
            case "drones":
                return drones(value, t)
            case "whole":
                return t.number(value)
            case "amount":
                return t.figure(value)
            case "tenths":
                return t.number(value, 1)
            case "quantity":
                return self._words.drawn_quantity(value)
            case "hundredths":
                return t.number(value, 2)
            case "usd":
                return money(value, t)
            case "day":
                return t.day(date.fromisoformat(value))
            case "month":
                return t.month(date.fromisoformat(f"{value}-01"))
            case "layer":
                return self._words.layer(value)
            case "theatre":
                return theatre_name(value, t)
            case "weapons":
                return weapon_name(value, t)
        if isinstance(value, Message):
            return self._words(value)
        return t.figure(value) if isinstance(value, int | float) else str(value)


def assumption_prefix(assumption_only: bool, t: Translator) -> str:
    """What stands before everything that no record stands behind."""
    return f"{t(ASSUMPTION_ONLY)}: " if assumption_only else ""


def cautions(forecast: ForecastDocument, t: Translator) -> list[str]:
    """What a forecast says of the record it rests on: days that are mostly unknown, counts that wait for a person."""
    told, lines = forecast.unknown_days, list[str]()
    if forecast.scope and "nights" in forecast.scope.values:
        lines.append(t("Note: {advice}.", advice=Words(t)(forecast.scope)))
    if told:
        lines.append(t("Note: {advice}.", advice=t(ADVICE, unknown=told.unknown, days=told.days)))
    for one in forecast.held:
        lines.append(
            t(
                "Held: {n} launched on {day} are not used until confirmed ({reason}): salvocast data quarantine "
                "release {row} --reason TEXT",
                n=t.number(one.launched),
                day=t.day(one.attack_day),
                reason=one.reason,
                row=one.row,
            )
        )
    return lines


def data_age(forecast: ForecastDocument, t: Translator) -> str:
    """What stands first in what is said of a forecast whose record is old; nothing where it is fresh."""
    age = forecast.data_age
    if age is None:
        return ""
    told = {"known": t.day(forecast.last_attack_day_known), "day": t.day(max(age.asked_on, forecast.origin))}
    if age.not_for_orders:
        old = t.plural(
            "The record used ends on {known}, {n} day before {day}; newer reports: {command}.",
            "The record used ends on {known}, {n} days before {day}; newer reports: {command}.",
            age.days,
            command=age.newer_reports,
            **told,
        )
        return f"{t('NOT FOR ORDERS')}: {old} "
    return (
        t.plural(
            "The record used ends on {known}, {n} day before {day}.",
            "The record used ends on {known}, {n} days before {day}.",
            age.days,
            **told,
        )
        + " "
    )


def not_for_orders(forecast: ForecastDocument, t: Translator) -> str:
    """The mark of a document that nothing is to be ordered by, with its reason; nothing where it may."""
    if forecast.data_age is None or not forecast.data_age.not_for_orders:
        return ""
    known = t.day(forecast.last_attack_day_known)
    return f"{t('NOT FOR ORDERS')}: {t('the record used ends on {known}', known=known)}"


def few_known_days(forecast: ForecastDocument, t: Translator) -> str:
    """What stands first in what is said of a forecast that rests on few days; nothing where enough are known."""
    told = forecast.unknown_days
    if told is None:
        return ""
    known = told.days - told.unknown
    return (
        t.plural(
            "Only {n} of the last {days} days is known, so all that follows is uncertain.",
            "Only {n} of the last {days} days are known, so all that follows is uncertain.",
            known,
            days=t.number(told.days),
        )
        + " "
    )


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def theatre_name(theatre: str, t: Translator) -> str:
    """South Korea, for south_korea."""
    return t.stated(theatre.replace("_", " ").title())


def weapon_name(weapon_class: str, t: Translator) -> str:
    """What the weapons of a class are called in the plural: drones."""
    name = weapons(weapon_class)
    return t(name) if weapon_class in (SHAHED, *MISSILES) else name


def full_weapon_name(weapon_class: str, t: Translator) -> str:
    """What they are called where nothing else tells their type: Shahed-type drones."""
    return t("Shahed-type drones") if weapon_class == SHAHED else weapon_name(weapon_class, t)


def drones(number: float, t: Translator) -> str:
    """A number of drones on average: whole from ten on, else to two figures."""
    return t.number(number) if number >= 10 else t.figure(float(f"{number:.2g}"))


def money(usd: float, t: Translator) -> str:
    """US dollars to three figures.

    >>> from forecasting.report.language import translator
    >>> money(1_234_567, translator("en")), money(45_612, translator("en"))
    ('1.23 M USD', '45,600 USD')
    """
    if usd >= 1e6:
        return t("{n} M USD", n=t.figure(float(f"{usd / 1e6:.3g}")))
    return t("{n} USD", n=t.figure(float(f"{usd:.3g}")))
