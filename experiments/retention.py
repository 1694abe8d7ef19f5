"""What need not be kept any longer: runs, models, leftovers, and rows in quarantine that stand again in a later file.

Never among it: a version that serves or may at once serve again, one that an issued forecast names, the run of such a
version with all of its artefacts, a run that retraining rests on, an issued forecast, a report.

The list says everything that goes, in the order in which it goes: nothing is taken away that something still listed
needs, so a run that was killed half-way is finished by the next one.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from experiments.settings import RetentionSettings
from experiments.stored_runs import StoredRuns
from features.database import Database, utc
from features.errors import SalvocastError
from features.tables import batch_table, decision_table, issued_table, quarantine_table
from forecasting.registry import Registry, copies_of_models, noted_champions, registered_name

LEFTOVER = timedelta(days=1)
"""A file that was being written so long ago was not finished."""


@dataclass(frozen=True, slots=True)
class Surplus:
    """One thing that goes. kind, name: in words. since: so old (UTC). n_bytes: that it takes on this machine."""

    kind: str
    name: str
    since: datetime
    n_bytes: int
    remove: Callable[[], object] = field(repr=False, compare=False)


class RetentionDatabase(Database):
    """The parts of the ledger's database that retention looks at. Use `with Shelf.open(url) as shelf`."""

    def issued_versions(self) -> set[tuple[str, int]]:
        """The (registered name, version) that issued forecasts name."""
        columns = issued_table.c
        query = sa.select(columns.theatre, columns.weapon_class, columns.model_version).distinct()
        with self._connection() as connection:
            named = connection.execute(query.where(columns.model_version.is_not(None)))
            return {(registered_name(theatre, weapon_class), version) for theatre, weapon_class, version in named}

    def repeated_rows(self, before: datetime) -> tuple[int, int, datetime | None]:
        """How many rows in quarantine that were read before then (with zone) stand again in a later file of the same
        source, read in the same way, and no decision refers to; their bytes; when the oldest was read (UTC)."""
        query = sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sa.func.length(quarantine_table.c.raw)), 0),
            sa.func.min(batch_table.c.recorded_at),
        ).select_from(quarantine_table.join(batch_table, batch_table.c.id == quarantine_table.c.batch_id))
        with self._connection() as connection:
            count, size, oldest = connection.execute(query.where(_is_repeated(before))).one()
        return count, int(size), oldest.replace(tzinfo=UTC) if oldest else None

    def remove_repeated_rows(self, before: datetime) -> None:
        """Deletes them, in one transaction."""
        ids = sa.select(quarantine_table.c.id).join(batch_table).where(_is_repeated(before))
        with self._transaction() as connection:
            connection.execute(quarantine_table.delete().where(quarantine_table.c.id.in_(ids)))


def _is_repeated(before: datetime) -> sa.ColumnElement[bool]:
    later, later_batch = quarantine_table.alias(), batch_table.alias()
    again = (
        sa.select(later.c.id)
        .join(later_batch, later_batch.c.id == later.c.batch_id)
        .where(
            later.c.raw == quarantine_table.c.raw,
            later.c.batch_id > quarantine_table.c.batch_id,
            later_batch.c.source == batch_table.c.source,
            later_batch.c.read_as.is_not_distinct_from(batch_table.c.read_as),
        )
        .correlate(quarantine_table, batch_table)
    )
    decided = sa.select(decision_table.c.id).where(decision_table.c.quarantine_id == quarantine_table.c.id)
    return sa.and_(batch_table.c.recorded_at < utc(before), ~decided.exists(), again.exists())


def surplus(
    registry: Registry,
    runs: StoredRuns,
    shelf: RetentionDatabase,
    settings: RetentionSettings,
    home: Path,
    now: datetime,
) -> list[Surplus]:
    """All that goes by the settings, in the order in which to remove it; nothing is changed.

    home: of Salvocast. now: with zone. To be removed under the registry's lock, which was held when it was listed.
    """
    artefacts_until = now - timedelta(days=settings.artefacts_days)
    runs_until = now - timedelta(days=settings.runs_days)
    rows_until = now - timedelta(days=settings.quarantine_days)
    issued = shelf.issued_versions()
    all_versions = registry.all_versions()
    found: list[Surplus] = []
    at_hand = noted_champions()
    gone = set()
    for name in sorted({name for name, _, _ in all_versions}):
        near, others = registry.versions_of(name)
        at_hand |= {version.digest for version in near}
        for version in reversed(others):
            if version.registered_at < artefacts_until and (name, version.version) not in issued:
                gone.add((name, version.version))
                told = f"{name} version {version.version}"
                found.append(Surplus("model", told, version.registered_at, 0, partial(registry.delete, version)))
    kept_runs = {run_id for name, version, run_id in all_versions if (name, version) not in gone}
    stored = [run for run in runs.all() if not run.needed and run.id not in kept_runs]
    for run in stored:
        if run.folder is not None and run.began < max(artefacts_until, runs_until):
            told = f"{run.name} ({run.id})"
            found.append(Surplus("artefacts", told, run.began, _size(run.folder), partial(_remove, run.folder)))
        if run.began < runs_until:
            found.append(Surplus("run", f"{run.name} ({run.id})", run.began, 0, partial(runs.delete, run.id)))
    found += [*_copies(at_hand, now - LEFTOVER), *_unfinished_backtests(home / "unfinished", artefacts_until)]
    count, size, oldest = shelf.repeated_rows(rows_until)
    if oldest is not None:
        told = f"{count:,} rows that stand again in a later file"
        found.append(Surplus("quarantine", told, oldest, size, partial(shelf.remove_repeated_rows, rows_until)))
    return found


def _copies(at_hand: set[str], leftover_until: datetime) -> Iterator[Surplus]:
    """Of models that are not at hand, and what a killed process began to write."""
    for path in copies_of_models():
        since = _modified_at(path)
        if re.fullmatch("[0-9a-f]{64}", path.name) and path.name not in at_hand:
            yield Surplus("copy of a model", path.name[:12], since, _size(path), partial(_remove, path))
        elif path.name.startswith(".") and since < leftover_until:
            yield Surplus("unfinished copy", path.name, since, _size(path), partial(_remove, path))


def _unfinished_backtests(folder: Path, until: datetime) -> Iterator[Surplus]:
    for path in sorted(folder.glob("*.jsonl")):
        if _modified_at(path) < until:
            yield Surplus("unfinished backtest", path.stem, _modified_at(path), _size(path), partial(_remove, path))


def _modified_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC)


def _size(path: Path) -> int:
    return sum(each.lstat().st_size for each in (path, *path.rglob("*")) if not each.is_dir())


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise SalvocastError(
            f"cannot delete {error.filename} ({error.strerror}): see who may write there, and run salvocast gc again"
        ) from error
