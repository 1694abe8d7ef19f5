"""What commands that speak of the schedule have in common."""

from typing import Annotated

import typer

CronOption = Annotated[str, typer.Option(help="When: minute, hour, day, month, weekday (names: mon-fri).")]
USUAL_TIMES = "30 9 * * *"
"""Of the retraining, by the clock of Kyiv: the reports of the night are in by then."""
TimezoneOption = Annotated[str, typer.Option(metavar="NAME", help="Whose clock that is.")]
