"""`salvocast doctor`: whether all is well, for a person and for a monitor."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from experiments.options import USUAL_TIMES, TimezoneOption


class DoctorFormat(StrEnum):
    """How the checks are written."""

    TABLE = "table"
    JSON = "json"


def doctor(
    cron: Annotated[
        str | None,
        typer.Option(help="When the job runs; without it, as it was run last.", show_default=USUAL_TIMES),
    ] = None,
    timezone: TimezoneOption = "Europe/Kyiv",
    output: Annotated[DoctorFormat, typer.Option("--format", help="How to write it.")] = DoctorFormat.TABLE,
) -> int:
    """Look at everything that a running Salvocast rests on: disk, settings, ledger, registry, champions, scheduled job.

    Exit code 0: all is well; 3: something needs a person; 1: something has failed.
    """
    from experiments.doctor import Health, health_checks

    checks = health_checks(datetime.now(UTC), cron, timezone)
    if output is DoctorFormat.JSON:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(check) for check in checks], indent=2, ensure_ascii=False))
    else:
        for check in checks:
            print(f"{check.health:<8} {check.name}: {check.found}")
            if check.advice:
                print(f"         -> {check.advice}")
    found = {check.health for check in checks}
    return 1 if Health.FAILURE in found else 3 if Health.WARNING in found else 0
