"""The ledger of this machine, as every command, server and notebook opens it."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from features.home import ledger_url

if TYPE_CHECKING:  # loaded when it is opened: `salvocast --help` must answer at once
    from features.ledger import Ledger


def open_ledger() -> "Ledger":
    """The ledger of this machine; an empty one gets the bundled reports first, and says so on stderr.

    Returns
    -------
    Ledger
        To be closed, or used in a `with`.
    """
    from features.ledger import Ledger
    from features.sources.bundled import read_bundled

    ledger = Ledger.open(ledger_url())
    if not ledger.series():
        counts = ledger.ingest(read_bundled(), datetime.now(UTC))
        sys.stderr.write(f"the ledger was empty: ingested the {counts.added:,} reports bundled with salvocast\n")
    return ledger
