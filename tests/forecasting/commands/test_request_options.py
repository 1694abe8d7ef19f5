"""The options of a command are the fields of its request: none is missing, and none says another default or limit."""

from typing import Any

import pytest
import typer

from forecasting.answers.request import ForecastRequest, PlanRequest
from forecasting.commands.main import app
from forecasting.commands.request_options import option_name

COMMANDS: dict[str, type[ForecastRequest]] = {"forecast": ForecastRequest, "plan": PlanRequest}

NOT_SHOWN = {"defence"}
"""Its default is that of the theatre, which the request knows."""


def options_of(command: str) -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    found = group.commands[command]
    context = found.context_class(found)
    return {option.name: option for option in found.get_params(context)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_field_is_an_option_with_its_default(command: str) -> None:
    options, request = options_of(command), COMMANDS[command]()
    for name, field in COMMANDS[command].model_fields.items():
        assert option_name(name) in options[name].opts
        stated = None if name in NOT_SHOWN else getattr(request, name)
        if isinstance(stated, str | int | float):
            assert options[name].default == stated
        else:
            assert options[name].default in (None, [])  # the request's own default
        assert field.description, f"{name} has no description"
        assert field.description[1:] in options[name].help


def test_limits_are_those_of_the_request() -> None:
    options = options_of("plan")
    assert options["horizon"].help.endswith("1 to 730.")
    assert options["paths"].help.endswith("1 to 1,000,000.")
