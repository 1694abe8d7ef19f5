"""Which scenario of production a request means, bundled or of its own, and which speak of a theatre."""

from collections.abc import Iterable
from functools import cache, lru_cache

from features.errors import InputError, at_field, unknown_name
from features.scenarios import ProductionScenario, bundled_scenarios, load_scenario, parse_scenario
from forecasting.answers.request import BASELINE, ComparisonRequest, Text

KEPT = 32
"""Scenarios of requests kept, each small: the next request often differs in something else."""


def stated_scenario(scenario: str | Text) -> ProductionScenario:
    """A bundled scenario by its name, or one from its text, which reads no file."""
    return _own_scenario(scenario.toml) if isinstance(scenario, Text) else bundled_scenario(scenario)


@lru_cache(KEPT)
def _own_scenario(text: str) -> ProductionScenario:
    with at_field("scenario"):
        return parse_scenario(text, "the scenario given", on_files=False)


@cache
def bundled_scenario(name: str) -> ProductionScenario:
    """A bundled scenario. Raises InputError, with the known names, where there is none of that name."""
    if name not in bundled_scenarios():
        raise unknown_name("scenario", name, bundled_scenarios(), field="scenario")
    return load_scenario(name)


def unknown_theatre(theatre: str, known: Iterable[str]) -> InputError:
    """The error for a theatre that nothing is known of: what would give it a forecast, or which theatre is meant."""
    scenarios = [name for name in bundled_scenarios() if theatre in bundled_scenario(name).theatre_ids]
    if not scenarios:
        return unknown_name("theatre", theatre, known, field="theatre")
    return InputError(
        "no launch against theatre {theatre} is on record: expected a scenario that gives it a forecast: "
        "{scenarios:or}",
        field="scenario",
        theatre=theatre,
        scenarios=scenarios,
    )


def compared_scenarios(request: ComparisonRequest) -> tuple[str | Text, ...]:
    """The scenarios to compare, the baseline first, each once. Raises InputError where there is none."""
    baseline = request.baseline
    if baseline is None and request.theatre in stated_scenario(BASELINE).theatre_ids:
        baseline = BASELINE
    sides = (*request.scenarios,) if baseline is None else (baseline, *request.scenarios)
    if not sides:
        raise InputError("no scenario to compare is given: expected one or more", field="scenarios")
    return tuple(dict.fromkeys(sides))
