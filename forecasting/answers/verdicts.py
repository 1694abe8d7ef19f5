"""What the record said of a scenario at the end of each month, by what was known then."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

import numpy as np

from features.errors import InputError
from features.scenarios import ProductionScenario
from features.stated import tables
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import ForecastRequest
from forecasting.answers.scenarios import stated_scenario
from forecasting.report.document import versions
from forecasting.report.supply_document import quantiles
from forecasting.report.verdicts_document import MonthVerdict, VerdictsDocument
from forecasting.supply.assimilation import AssimilatedSupply
from forecasting.supply.coupling import LEVELS
from forecasting.supply.verdict import scenario_verdict


def past_verdicts(
    answerer: Answerer,
    request: ForecastRequest,
    context: AnswerContext,
    on_months: Callable[[list[date]], Iterable[date]] = list,
) -> VerdictsDocument:
    """The verdict on the scenario that is asked for at the end of each month that is on record, as `salvocast scenarios
    check` gives it with that origin: reports and statements published later are not in it. on_months: is given the
    months' ends and gives them back one by one, as they are asked for.

    Raises InputError where no month has ended since the scenario's opening stock was published, and as
    `Answerer.assimilated_supply`.
    """
    scenario, history = stated_scenario(request.scenario), answerer.history(request, context)
    known_from = max(_account_known_from(scenario), history.first_day)
    last_known = history.first_day + timedelta(days=int(np.flatnonzero(~np.isnan(history.launched))[-1]))
    ends = month_ends(known_from, history.last_day)
    origins = [end for end in ends if end.replace(day=1) <= last_known]  # of a month without a report nothing is known
    if not origins:
        raise InputError(
            f"no month has ended from {known_from}, when the opening stock of scenario {scenario.name} is known, to "
            f"{history.last_day}: expected a later origin",
            field="origin",
        )
    asked = (request.model_copy(update={"origin": day}) for day in on_months(origins))
    met = (answerer.assimilated_supply(each, context) for each in asked)
    return VerdictsDocument(
        theatre=request.theatre,
        weapon_class=request.weapon_class,
        origin=history.last_day,
        data_digest=history.digest,
        seed=request.seed,
        scenario=scenario.name,
        title=scenario.title,
        as_of=scenario.as_of,
        known_from=known_from,
        months=[*map(_month_verdict, met)],
        versions=versions(),
    )


def _month_verdict(met: AssimilatedSupply) -> MonthVerdict:
    verdict = scenario_verdict(met)
    return MonthVerdict(
        origin=met.origin,
        compatible=verdict.compatible,
        share=verdict.share,
        stated_over_launched=verdict.stated_over_launched,
        output_ratio=quantiles(met.quantiles(met.output_ratio, LEVELS)),
        verdict=verdict.reason,
    )


def month_ends(first: date, last: date) -> list[date]:
    """The last days of months from first through last."""
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return [day for day in days if (day + timedelta(days=1)).day == 1]


def _account_known_from(scenario: ProductionScenario) -> date:
    """The first day on which the account of its store can be kept by what was published."""
    published = {source.id: source.date for source in scenario.sources}
    said = [published[name] for _, number in tables(scenario.stock) for name in getattr(number, "sources", ())]
    return max(scenario.stock.opening.date, *said)
