"""What the page's form holds and offers: every field of a request, as it was sent or as it stands by default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, TypeVar

from features.errors import InputError
from features.records import UKRAINE
from features.scenarios import PUBLISHED, ProductionScenario, bundled_scenarios
from forecasting.answers.defences import BUNDLED_DEFENCES, bundled_defence, stated_defence
from forecasting.answers.request import CHAMPION, PlanRequest, Text
from forecasting.answers.scenarios import stated_scenario
from forecasting.report.language import Translator
from forecasting.report.policy_text import policy_names
from forecasting.salvos.model import MODELS
from forecasting.service.page.link import (
    COUNT,
    DUE,
    DUE_PARTS,
    LAYER,
    OF_LAYERS,
    OWN,
    PLAIN,
    SAFETY,
    SET,
    FieldProblem,
    Query,
    number_text,
    safety_text,
)
from forecasting.service.page.writing import quantities, typed_rows

BLANK_ROWS = 2
"""Of deliveries, for the planner to fill."""
DEFAULTS = {
    name: number_text(getattr(PlanRequest(), field))
    for name, field in PLAIN.items()
    if getattr(PlanRequest(), field) is not None
} | {SAFETY: safety_text(PlanRequest().service_level)}
"""What a field holds where nothing was stated: the defaults of a request."""
_IN_SIGHT = {"days", SAFETY, "origin", "scenario"}
_BELOW = {
    COUNT,
    DUE,
    SET,
    "of",
    "leak",
    "budget",
    "policy",
    "review",
    "model",
    "theatre",
    "threats",
    "defence",
    "paths",
    "seed",
}
"""Fields that tell what is wrong with them; so do those below, the stocks among them, where they are out of sight."""
_Stated = TypeVar("_Stated")


@dataclass(frozen=True)
class SubmittedForm:
    """What a form says. query: its names and values. wrong: what is wrong with them. own: `scenario` or `defence` ->
    a text of it that could not be taken."""

    query: Query = ()
    wrong: Mapping[str, FieldProblem] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)


class Form(dict[str, str]):
    """What the fields hold; nothing where nothing was stated."""

    def __missing__(self, name: str) -> str:
        return ""

    def __getattr__(self, name: str) -> str:
        return self[name]


def form_context(request: PlanRequest, sent: SubmittedForm, t: Translator) -> dict[str, Any]:
    """What the templates use of the form of a request, as it was sent."""
    form = Form(DEFAULTS | dict(sent.query))
    scenario, defence = (
        _read_or_none(lambda: stated_scenario(request.scenario)),
        _read_or_none(lambda: stated_defence(request.defence).facing(request.classes)),
    )
    owns = {"scenario": isinstance(request.scenario, Text), "defence": isinstance(request.defence, Text)}
    form.update({name: OWN for name, own in owns.items() if own})
    errors = {name: wrong.line(t) for name, wrong in sent.wrong.items()}
    layers = list(defence.layers) if defence else []
    below = {*_BELOW, *(prefix + layer.id for prefix in OF_LAYERS for layer in layers)}
    planned = {value for name, value in sent.query if name == LAYER}
    theatres = [UKRAINE, *(scenario.theatre_ids if scenario else ()), form.theatre]
    names = {"scenario": scenario and scenario.name, "defence": defence and defence.name}
    return {
        "form": form,
        "errors": errors,
        "alerts": [(name if name in below else "", line) for name, line in errors.items() if name not in _IN_SIGHT],
        "scenarios": [stated_scenario(name) for name in bundled_scenarios()],
        "chosen": scenario,
        "policies": policy_names(t),
        "models": [CHAMPION, *MODELS],
        "theatres": list(dict.fromkeys(theatres)),
        "defences": [*BUNDLED_DEFENCES],
        "layers": layers,
        "stocked": [layer for layer in layers if layer.interceptor],
        "planned": planned or {layer.id for layer in layers},
        "due_rows": _due_rows(sent.query),
        "set_rows": typed_rows(sent.query),
        "set_quantities": quantities(t),
        "facilities": (scenario or stated_scenario(PUBLISHED)).facilities,
        "own_names": {name: names[name] or "" for name, own in owns.items() if own},
        "own_texts": {
            "scenario": sent.own.get("scenario") or _own_scenario(request, scenario),
            "defence": sent.own.get("defence") or _own_defence(request),
        },
        "writing": SET in errors,
        "own_open": {name for name, own in owns.items() if name in errors and (own or name in sent.own)}
        | ({"defence"} & {*errors}),
    }


def _read_or_none(read: Callable[[], _Stated]) -> _Stated | None:
    """What is stated, where it can be read; where not, the plan says what is wrong with it."""
    try:
        return read()
    except InputError:
        return None


def _due_rows(query: Query) -> list[tuple[str, str, str]]:
    """The rows of deliveries that the form shows: those that were stated, and some to fill."""
    rows = [(*value.split(":"), "", "", "")[:3] for name, value in query if name == DUE]
    rows += zip(*([value for name, value in query if name == part] for part in DUE_PARTS), strict=False)
    stated = [(layer, day, quantity) for layer, day, quantity in rows if day or quantity]
    return stated + [("", "", "")] * BLANK_ROWS


def _own_scenario(request: PlanRequest, scenario: ProductionScenario | None) -> str:
    """The planner's own scenario; without one, a text to begin with: a variant of the scenario that is shown."""
    if isinstance(request.scenario, Text):
        return request.scenario.toml
    base = scenario or stated_scenario(PUBLISHED)
    return _template_text("scenario_template.toml", name="my_scenario", base=base.name, as_of=base.as_of)


def _own_defence(request: PlanRequest) -> str:
    """The planner's own defence; without one, a text to begin with, of the theatre that is planned for."""
    if isinstance(request.defence, Text):
        return request.defence.toml
    as_of = request.origin or bundled_defence(UKRAINE).as_of
    text = _template_text("defence_template.toml", name="my_defence", as_of=as_of)
    return text.replace(f'theatre = "{UKRAINE}"', f'theatre = "{request.theatre}"')


def _template_text(template: str, **values: object) -> str:
    """A bundled template, filled in, without what stands above it about files and commands."""
    text = resources.files("features.bundled").joinpath(template).read_text(encoding="utf-8")
    _, _, text = text.partition("#\n")
    return text.format(**values)
