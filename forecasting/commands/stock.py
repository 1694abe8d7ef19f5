"""`salvocast stock`: what is in hand, as it is counted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError
from features.opening import open_ledger
from features.options import name_and_value, parse_day

if TYPE_CHECKING:
    from features.sources.counts import CountRow
    from forecasting.defence.layers import Defence

stocks = typer.Typer(help="Stocks in hand: count them, see when they end.", no_args_is_help=True)
DefenceOption = Annotated[
    str, typer.Option(metavar="NAME|FILE.toml", help="The defence whose layers are counted.", show_default="ukraine")
]


@stocks.command("count")
def count_command(
    counts: Annotated[
        list[str] | None,
        typer.Argument(metavar="LAYER=N|FILE", help="Such as interceptor_drone=12000; or a CSV or XLSX table."),
    ] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="The day of the count, after its night.")] = None,
    source: Annotated[str, typer.Option(metavar="TEXT", help="Who says so.")] = "",
    known: Annotated[
        str | None, typer.Option(metavar="DATE", help="By when it was known; without it, the day of the count.")
    ] = None,
    correct: Annotated[
        bool, typer.Option("--correct", help="It goes before another count of that day, which is kept.")
    ] = False,
    defence: DefenceOption = "ukraine",
) -> None:
    """Keep counts of interceptors in hand: plans start from the last one that was known by their origin."""
    from forecasting.answers.counting import count_stocks

    stated = _stated_defence(defence)
    rows = _rows(counts or [])
    with open_ledger() as ledger:
        kept, new = count_stocks(
            ledger,
            stated,
            rows,
            datetime.now(UTC),
            on=parse_day(on, "--on"),
            known=parse_day(known, "--known"),
            source=source,
            correct=correct,
        )
    for each in kept[:20]:
        print(f"{each.layer}: {each.quantity:,} in hand on {each.counted_on} ({each.source})")
    print(f"{new:,} of {len(kept):,} counts are new; salvocast stock show tells when they end")


@stocks.command("show")
def show_command(
    defence: DefenceOption = "ukraine",
    origin: Annotated[str | None, typer.Option(metavar="DATE", help="As known by then; without it, now.")] = None,
    horizon: Annotated[str, typer.Option(metavar="DAYS", help="How far to look.")] = "28",
) -> None:
    """What is in hand, and when it ends; how the count before was rolled forward, beside what was counted."""
    from features.typed import typed_count
    from forecasting.answers.local import local_context, local_document
    from forecasting.answers.request import PlanRequest
    from forecasting.commands.request_options import read_request, typed_at
    from forecasting.report.document import PlanDocument
    from forecasting.report.stock_text import stock_text

    given: dict[str, object] = {"defence": defence, "theatre": _stated_defence(defence).theatre}
    with typed_at("--horizon"):
        given["horizon"] = typed_count(horizon)
    request = read_request(PlanRequest, given | ({"origin": origin} if origin else {}))
    with open_ledger() as ledger:
        document = local_document(ledger, request, local_context(request))
        counts = ledger.stock_counts(request.theatre, request.origin)
    assert isinstance(document, PlanDocument)
    print(stock_text(document, counts), end="")


def _rows(given: list[str]) -> "list[CountRow]":
    """The counts of a command line: pairs, or a file."""
    from features.sources.counts import CountRow, read_counts_table
    from features.typed import typed_count
    from forecasting.commands.request_options import typed_at

    files = [each for each in given if "=" not in each]
    if len(files) > 1 or (files and len(given) > 1):
        raise InputError("expected one file, or counts such as interceptor_drone=12000")
    if files:
        return list(read_counts_table(Path(files[0])))
    rows = []
    for pair in given:
        layer, number = name_and_value(pair, "LAYER=NUMBER, such as interceptor_drone=12000")
        with typed_at(layer):
            rows.append(CountRow("", layer, typed_count(number), None, None, ""))
    return rows


def _stated_defence(name_or_file: str) -> "Defence":
    from forecasting.answers.defences import stated_defence
    from forecasting.answers.request import PlanRequest
    from forecasting.commands.request_options import defence_value

    return stated_defence(PlanRequest.model_validate({"defence": defence_value(name_or_file)}).defence)
