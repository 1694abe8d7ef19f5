"""What a command finds wrong: a line on stderr for the person, and the same as data for the program that runs it."""

import os
import sys
from pathlib import Path

from features.printable import printable

FILE_VARIABLE = "SALVOCAST_COMPLAINTS"
"""Where a program that runs a command, such as the schedule, wants its complaints: a line each."""


def complain(message: str) -> None:
    """Says in one line on stderr what is wrong; so it is told by every command."""
    line = printable(" ".join(message.split()))  # what was given may hold what steers a terminal
    sys.stderr.write(f"salvocast: {line}\n")
    if file := os.environ.get(FILE_VARIABLE):
        with Path(file).open("a", encoding="utf-8") as complaints:
            complaints.write(f"{line}\n")
