"""`salvocast serve`: the planner's page and the HTTP API."""

import os
from pathlib import Path
from typing import Annotated

import typer

from features.logs import LogFormat, LogFormatOption
from features.options import whole_number


def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; any but a loopback one needs SALVOCAST_TOKENS.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(callback=whole_number(0, 65_535), help="Port to listen at; 0: any that is free.")
    ] = 8000,
    workers: Annotated[
        int, typer.Option(callback=whole_number(1, 64), help="Server processes, which share the cores.")
    ] = 1,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A host name that requests may be addressed to; repeatable."),
    ] = None,
    accept_reports: Annotated[bool, typer.Option("--accept-reports", help="Let clients add reports.")] = False,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Serve the planner's page and the HTTP API, until it is interrupted."""
    # Before NumPy is loaded, here and in every process that is started: they share the cores among themselves.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    from features.errors import InputError
    from forecasting.service.workers.pool import PRELOADED, load_ahead

    if workers == 1:
        load_ahead([PRELOADED])  # while this process loads much the same
    from forecasting.service.workers.settings import (
        TOKENS_FILE_VARIABLE,
        TOKENS_VARIABLE,
        Settings,
        parse_tokens,
        read_tokens,
    )

    stated, file = os.environ.get(TOKENS_VARIABLE, ""), os.environ.get(TOKENS_FILE_VARIABLE)
    if stated and file:
        raise InputError(f"both {TOKENS_VARIABLE} and {TOKENS_FILE_VARIABLE} are set: expected one of them")
    tokens = read_tokens(Path(file).absolute()) if file else parse_tokens(stated)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = max(1, cores // workers)
    settings = Settings(
        host=host,
        port=port,
        workers=workers,
        names=tuple(each.lower() for each in name or ()),
        tokens=tokens,
        tokens_file=Path(file).absolute() if file else None,
        accept_reports=accept_reports,
        n_processes=processes,
    )
    from forecasting.service.server import run

    run(settings, log_format or LogFormat.TEXT)
