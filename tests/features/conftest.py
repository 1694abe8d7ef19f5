"""Shared by the tests of the lower room: reports, readings and ledgers in one line each.

The factories are of session scope, so that property tests may use them too.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading, RejectedRow


@pytest.fixture(scope="session")
def make_report() -> Callable[..., SalvoReport]:
    """make_report("2026-01-10", 12): the usual night window, 18:00 to 08:00, that ends on that day."""

    def make(day: str = "2026-01-10", launched: int = 10, **fields: Any) -> SalvoReport:
        end = datetime.fromisoformat(f"{day}T08:00")
        window = {"window_start": end - timedelta(hours=14), "window_end": end, "source": "table"}
        return SalvoReport(**{**window, "launched": launched, **fields})

    return make


@pytest.fixture(scope="session")
def make_reading() -> Callable[..., Reading]:
    """A file of these rows. Its digest is of what it holds, unless another is given."""

    def make(
        rows: Sequence[SalvoReport | RejectedRow],
        published_at: datetime | None = None,
        source: str = "table",
        digest: str | None = None,
    ) -> Reading:
        held = hashlib.sha256(repr((list(rows), published_at)).encode()).hexdigest()
        return Reading(source, digest or held, iter(rows), published_at)

    return make


@pytest.fixture(scope="session")
def fresh_ledger(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Ledger]:
    """A new, empty ledger at every call: a copy of one that was migrated once. Use it in a `with`."""
    folder = tmp_path_factory.mktemp("ledgers")
    template = folder / "template.db"
    with Ledger.open(f"sqlite:///{template}"):
        pass
    numbers = count()

    def fresh() -> Ledger:
        path: Path = folder / f"{next(numbers)}.db"
        shutil.copyfile(template, path)
        return Ledger.open(f"sqlite:///{path}")

    return fresh
