"""`salvocast gc`: what need not be kept any longer goes."""

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Annotated

import typer

from features.home import ledger_url, salvocast_home
from features.logs import LogFormatOption, log_timed, set_up_log


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go, and change nothing.")] = False,
    log_format: LogFormatOption = None,
) -> None:
    """Delete runs, models and rows in quarantine that are older than [retention] in settings.toml says.

    Never the champion, its predecessor, a model that an issued forecast names, an issued forecast or a report.
    """
    from experiments.retention import RetentionDatabase, surplus
    from experiments.settings import load_settings
    from experiments.stored_runs import stored_runs
    from experiments.tracking import tracking_uri
    from forecasting.registry import Registry
    from forecasting.report.layout import table

    set_up_log(log_format)
    settings = load_settings().retention
    with (
        log_timed("tidied", dry_run=dry_run) as fields,
        Registry.open() as registry,
        stored_runs() as runs,
        RetentionDatabase.open(ledger_url()) as shelf,
        nullcontext() if dry_run else registry.lock(),
    ):
        found = surplus(registry, runs, shelf, settings, salvocast_home(), datetime.now(UTC))
        if not dry_run:
            for each in found:
                each.remove()
        n_bytes = sum(each.n_bytes for each in found)
        fields |= {"things": len(found), "bytes": n_bytes}
    if not found:
        print("nothing to delete")
        return
    rows = [[each.kind, each.name, f"{each.since:%Y-%m-%d}", f"{each.n_bytes / 1e6:.3f}"] for each in found]
    print("\n".join(table(["what", "which", "of", "MB"], rows, left=(0, 1, 2), fold=False)))
    done = "would be deleted; nothing was changed" if dry_run else "deleted"
    print(f"{len(found):,} {'things' if len(found) > 1 else 'thing'}, {n_bytes / 1e6:.3f} MB on this machine: {done}")
    if tracking_uri().startswith(("http:", "https:")) and any(each.kind == "run" for each in found):
        print("the runs' artefacts lie with the tracking server: its own `mlflow gc` frees them, for who runs it")
