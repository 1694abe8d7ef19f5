"""What `salvocast doctor` finds, for the page /status: the same command, so that both say the same."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

DOCTOR = (sys.executable, "-P", "-m", "forecasting.commands.main", "doctor", "--format", "json")
LONGEST = 60.0
"""Seconds that it may take; a registry that says nothing is given up earlier."""
KEPT = 30.0
"""Seconds for which what was found is shown again: a page that reloads itself must not keep a core busy."""


class StatusCheck(BaseModel):
    """One check of `salvocast doctor`: see `experiments.doctor.Check`."""

    name: str
    health: Literal["ok", "warning", "failure"]
    found: str
    advice: str = ""


_checks = TypeAdapter(list[StatusCheck])


class Status:
    """The checks, made anew at most every KEPT seconds, and once for all who ask meanwhile. command: makes them."""

    def __init__(self, command: Sequence[str] = DOCTOR) -> None:
        self._command = command
        self._lock = asyncio.Lock()
        self._made_at, self._checks = float("-inf"), list[StatusCheck]()

    async def checks(self) -> list[StatusCheck]:
        """Every check, in the order in which a person would mend things; one that failed where there are none."""
        async with self._lock:
            if time.monotonic() - self._made_at > KEPT:
                self._checks, self._made_at = await self._run(), time.monotonic()
            return self._checks

    async def _run(self) -> list[StatusCheck]:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={key: value for key, value in os.environ.items() if key != "PROMETHEUS_MULTIPROC_DIR"},
        )
        try:
            out, errors = await asyncio.wait_for(process.communicate(), LONGEST)
            return _checks.validate_json(out)
        except TimeoutError:
            found = f"it did not end within {LONGEST:.0f} s"
        except (ValidationError, json.JSONDecodeError):
            found = (errors.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return [StatusCheck(name="salvocast doctor", health="failure", found=found, advice="run it by hand")]
