"""What commands that speak of the schedule have in common."""

from typing import Annotated

import typer

CronOption = Annotated[str, typer.Option(help="When: minute, hour, day, month, weekday (names: mon-fri).")]
TimezoneOption = Annotated[str, typer.Option(metavar="NAME", help="Whose clock that is.")]
