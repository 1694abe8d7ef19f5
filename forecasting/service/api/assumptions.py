"""The API's routes to what an answer rests on: scenarios, defences and models."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from features.records import SHAHED, UKRAINE
from features.scenarios import bundled_scenarios
from features.stated import Source, SourcedRange, Stated, tables
from forecasting.answers.context import FALLBACK_MODEL
from forecasting.answers.defences import BUNDLED_DEFENCES, bundled_defence
from forecasting.answers.request import Name
from forecasting.answers.scenarios import stated_scenario
from forecasting.salvos.model import MODELS
from forecasting.service.api.bodies import (
    ChampionBody,
    DefenceBody,
    DefenceHead,
    ModelsBody,
    ScenarioBody,
    ScenarioHead,
    StatedNumber,
    StatedSource,
)
from forecasting.service.api.definition import UNCHANGED, problems
from forecasting.service.http.exchange import dispatcher_of, tagged_json
from forecasting.service.http.problems import Refusal

router = APIRouter(tags=["assumptions"])


@router.get(
    "/scenarios",
    summary="The bundled scenarios",
    response_model=list[ScenarioHead],
    responses=UNCHANGED | problems(),
)
def get_scenarios(request: Request) -> Response:
    return tagged_json(request, TypeAdapter(list[ScenarioHead]), [_scenario_head(name) for name in bundled_scenarios()])


@router.get(
    "/scenarios/{name}",
    summary="A scenario with all that it states, as known on its own day",
    response_model=ScenarioBody,
    responses=UNCHANGED | problems(404, 422),
)
def get_scenario(request: Request, name: str) -> Response:
    if name not in bundled_scenarios():
        raise Refusal(404, f"there is no scenario '{name[:80]}': known are {', '.join(bundled_scenarios())}")
    scenario = stated_scenario(name)
    known = scenario.as_known(scenario.as_of)
    body = ScenarioBody(**dict(_scenario_head(name)), **_in_full(known, scenario.about, known.sources))
    return tagged_json(request, TypeAdapter(ScenarioBody), body)


@router.get(
    "/defences",
    summary="The bundled defences",
    response_model=list[DefenceHead],
    responses=UNCHANGED | problems(),
)
def get_defences(request: Request) -> Response:
    return tagged_json(request, TypeAdapter(list[DefenceHead]), [_defence_head(name) for name in BUNDLED_DEFENCES])


@router.get(
    "/defences/{name}",
    summary="A defence with all that it states",
    response_model=DefenceBody,
    responses=UNCHANGED | problems(404, 422),
)
def get_defence(request: Request, name: str) -> Response:
    if name not in BUNDLED_DEFENCES:
        raise Refusal(404, f"there is no defence '{name[:80]}': known are {', '.join(BUNDLED_DEFENCES)}")
    stated = bundled_defence(name)
    body = DefenceBody(**dict(_defence_head(name)), **_in_full(stated, stated.about, stated.sources))
    return tagged_json(request, TypeAdapter(DefenceBody), body)


@router.get(
    "/models",
    summary="The models, and the champion of a series with its scores and its age",
    response_model=ModelsBody,
    responses=problems(422),
)
def get_models(request: Request, theatre: Name = UKRAINE, weapon_class: Name = SHAHED) -> ModelsBody:
    champions = dispatcher_of(request).champions
    found = champions.known_champions.get((theatre, weapon_class))
    champion = None
    if found:
        champion = ChampionBody(
            theatre=theatre,
            weapon_class=weapon_class,
            model_id=found.model_id,
            version=found.version,
            digest=found.digest,
            trained_through=str(found.origin),
            registered_at=found.registered_at.isoformat(),
            age_days=round((datetime.now(UTC) - found.registered_at).total_seconds() / 86_400, 2),
            scores=dict(found.scores),
        )
    unanswered = (theatre, weapon_class) in champions.problems
    answers = champion.model_id if champion else None if unanswered else FALLBACK_MODEL
    problem = "the registry did not answer for it lately: the log of the server says why" if unanswered else None
    return ModelsBody(models=list(MODELS), champion=champion, answers=answers, problem=problem)


def _scenario_head(name: str) -> ScenarioHead:
    scenario = stated_scenario(name)
    return ScenarioHead(
        name=scenario.name,
        title=scenario.title,
        as_of=str(scenario.as_of),
        based_on=scenario.based_on,
        theatres=list(scenario.theatre_ids),
    )


def _defence_head(name: str) -> DefenceHead:
    stated = bundled_defence(name)
    return DefenceHead(
        name=name,
        title=stated.title,
        theatre=stated.theatre,
        as_of=str(stated.as_of),
        layers=[layer.id for layer in stated.layers],
    )


def _in_full(stated: Stated, about: str, sources: Iterable[Source]) -> dict[str, Any]:
    """What a scenario or a defence tells besides its head."""
    return {
        "about": " ".join(about.split()),
        "numbers": _numbers(stated),
        "sources": [StatedSource(**each.model_dump(mode="json")) for each in sources],
    }


def _numbers(stated: Stated) -> list[StatedNumber]:
    return [
        StatedNumber(
            where=where,
            low=number.low,
            mode=number.mode,
            high=number.high,
            unit=getattr(number, "unit", None),
            basis=number.basis,
            confidence=number.confidence,
            date=str(number.date),
            sources=list(number.sources),
            note=" ".join(number.note.split()),
        )
        for where, number in tables(stated)
        if isinstance(number, SourcedRange)
    ]
