"""`salvocast demo`: a morning on a copy of the bundled reports, in a home that is gone afterwards."""

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from features.files import write_file
from features.home import ledger_url
from forecasting.commands.options import check_brief_file

if TYPE_CHECKING:
    from features.records import SalvoReport

BULLETIN = """On the night of {day} (from {start} on {eve}) the enemy attacked with
{launched} Shahed-type drones. As of {end}, air defence had shot down or suppressed {shot_down}
drones.
"""
INTRODUCTION = """A morning with Salvocast, on the reports that come with it; the bulletin holds
the numbers of their last night. The stocks are placeholders: nothing here is
for orders."""
FEW_PATHS = ("--paths", "500")
SENTENCE, ORDERS, CHANGES = 1, -5, -3
"""Paragraphs of a short plan: that after its head, that before what other money buys, that before the closing two."""
DemoOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.pdf", help="Where to keep the brief; without it nothing is kept.")
]


def demo_command(context: typer.Context, out: DemoOption = None) -> None:
    """Walk through a morning on the bundled reports: yesterday's plan, a bulletin, what has changed, orders, a brief.

    Your own reports and plans are neither read nor changed.
    """
    if out is not None:
        check_brief_file(out)
        out = out.absolute()
    morning = _Morning(context)
    with TemporaryDirectory(prefix="salvocast-demo-") as folder, _home(Path(folder)):
        bulletin = _fill_ledger_but_last_night()
        print(INTRODUCTION)
        morning.show("Yesterday's plan was kept when it was given out.", "plan", "--issue", *FEW_PATHS, only=[SENTENCE])
        Path("bulletin.txt").write_text(bulletin, encoding="utf-8")
        print(f"\n# The Air Force has reported, in bulletin.txt:\n{bulletin.rstrip()}")
        morning.show("It goes into the ledger.", "ingest", "bulletin", "bulletin.txt")
        morning.show(
            "The new plan; what has changed since yesterday's, and why; what to order.",
            *("plan", "--issue", "--since", "last", *FEW_PATHS),
            only=[SENTENCE, CHANGES, ORDERS],
        )
        morning.show("One page for whoever signs.", "brief", "--out", "brief.pdf", *FEW_PATHS)
        if out is not None:
            write_file(out, Path("brief.pdf").read_bytes())
    kept = f"but {out.name}." if out else "here: salvocast demo --out brief.pdf keeps the brief."
    print(f"\n# Nothing of this is kept {kept}")


class _Morning:
    """Runs commands of the program that the demo belongs to, and shows them with what they print."""

    def __init__(self, context: typer.Context) -> None:
        self._program = context.find_root().command

    def show(self, said: str, *arguments: str, only: list[int] | None = None) -> None:
        """only: the paragraphs to show, in this order; all where not given. Raises what the command raises."""
        print(f"\n# {said}\n$ salvocast {' '.join(arguments)}")
        sys.stdout.flush()
        printed = TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True)
        with redirect_stdout(printed), redirect_stderr(TextIOWrapper(BytesIO(), encoding="utf-8")):
            self._program.main(list(arguments), prog_name="salvocast", standalone_mode=False)
        paragraphs = printed.buffer.getvalue().decode().strip().split("\n\n")
        print("\n\n".join(paragraphs if only is None else [paragraphs[number] for number in only]))


def _fill_ledger_but_last_night() -> str:
    """Reads the bundled reports without those of their last night; returns a bulletin that says what it launched."""
    from features.ledger import Ledger
    from features.records import KYIV, SHAHED, SalvoReport
    from features.sources.bundled import read_bundled

    reading = read_bundled()
    rows = list(reading.rows)
    last = max(
        (row for row in rows if isinstance(row, SalvoReport) and row.weapon_class == SHAHED),
        key=lambda report: report.window_start,
    )
    before = [row for row in rows if not isinstance(row, SalvoReport) or row.window_end <= last.window_start]
    eve = last.window_start.replace(tzinfo=KYIV)
    with Ledger.open(ledger_url()) as ledger:
        ledger.ingest(replace(reading, rows=iter(before), published_at=eve), eve)
    return _bulletin_of(last)


def _bulletin_of(report: "SalvoReport") -> str:
    start, end = report.window_start, report.window_end
    return BULLETIN.format(
        day=f"{end:%-d %B %Y}",
        eve=f"{start:%-d %B}",
        start=f"{start:%H:%M}",
        end=f"{end:%H:%M}",
        launched=report.launched,
        shot_down=report.shot_down,
    )


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """The folder is where files are kept, and read, until the end; then all is as it was."""
    places = {"SALVOCAST_HOME": str(folder), "SALVOCAST_LEDGER_URL": "", "MLFLOW_TRACKING_URI": "", "COLUMNS": "80"}
    before = {name: os.environ.get(name) for name in places}
    os.environ.update(places)
    try:
        with chdir(folder):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
