"""What a scenario says of its workforces, in words: who comes when, where they sleep, and what they make."""

from collections.abc import Iterator

from features.scenario_parts import Facility, Workforce
from features.scenarios import ProductionScenario
from features.stated import SourcedRange

_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 8: "eight"}


def workforce_sentences(scenario: ProductionScenario) -> Iterator[str]:
    """A sentence or two for each facility whose workforce is stated.

    Parameters
    ----------
    scenario : ProductionScenario
        Well stated.

    Returns
    -------
    iterator of str

    Examples
    --------
    >>> from features.scenarios import load_scenario
    >>> next(workforce_sentences(load_scenario("workers_25000"))).split(". ")[1]
    'Beds for 4,000 to 12,000 by 2026-04-01, four to a room: 1,000 to 3,000 rooms'
    """
    for facility in scenario.facilities:
        if facility.workforce is not None:
            yield " ".join(f"{each}." for each in _sentences(facility, facility.workforce))


def _sentences(facility: Facility, workforce: Workforce) -> Iterator[str]:
    arrivals = sorted(workforce.arrivals, key=lambda each: each.date)
    yield f"{facility.id}: workers arrive: {', '.join(f'{_range(each)} on {each.date}' for each in arrivals)}"
    if workforce.occupants is not None:
        to_a_room = workforce.occupants
        word = _NUMBERS.get(round(to_a_room.mode), f"{to_a_room.mode:g}") if _certain(to_a_room) else _range(to_a_room)
        for each in sorted(workforce.rooms, key=lambda point: point.date):
            beds = _span(each.low * to_a_room.low, each.high * to_a_room.high)
            yield f"Beds for {beds} by {each.date}, {word} to a room: {_range(each)} rooms"
        yield "Who finds no bed waits for one"
    yield (
        f"A worker is trained for {_range(workforce.training)} days, then makes {_range(workforce.output)} drones a "
        f"month once experienced: at first {_range(workforce.starting_output, 100)} % of it, and half of what is "
        f"missing is learned every {_range(workforce.learning_half_life)} days"
    )


def _certain(number: SourcedRange) -> bool:
    return number.low == number.high


def _range(number: SourcedRange, times: float = 1.0) -> str:
    return _span(number.low * times, number.high * times)


def _span(low: float, high: float) -> str:
    return " to ".join(f"{end:,.6g}" for end in dict.fromkeys((low, high)))
