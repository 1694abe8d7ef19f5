"""The ledger as a server sees it: what changes while it runs."""

import sqlalchemy as sa

from features.ledger import Ledger
from features.tables import batch_table, decision_table, stock_table, undone_batch_table


class LiveLedger(Ledger):
    """A ledger that others write to meanwhile."""

    def data_version(self) -> str:
        """Another text after every change of what the ledger knows. One quick query: reports come in batches, and what
        is undone or decided is added to it."""
        columns = batch_table.c
        count = [
            sa.select(sa.func.count()).select_from(one) for one in (undone_batch_table, decision_table, stock_table)
        ]
        query = sa.select(columns.id, columns.digest, *(one.scalar_subquery() for one in count))
        with self._connection() as connection:
            last = connection.execute(query.order_by(columns.id.desc()).limit(1)).first()
        if last is None:
            return "empty"
        number, digest, *changes = last
        return "-".join([str(number), digest[:16], *(str(change) for change in changes if any(changes))])
