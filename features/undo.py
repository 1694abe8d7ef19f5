"""Taking back a read: what a file stated counts no more, and is kept beside as what was undone.

Nothing is deleted. Its sightings are set aside with the time and the reason, its snapshot covers nothing, its rows in
quarantine wait no longer. A file that is undone can be read again; so can one of its source that was read before the
undoing, since what both stated was kept once.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.errors import InputError
from features.tables import batch_table, report_table, sighting_table, undone_batch_table, undone_sighting_table


def undo_batch(connection: Connection, batch_id: int, reason: str, moment: datetime) -> int:
    """Takes back one read, as of `moment` (UTC, without zone); the number of sightings that it had stated.

    Raises InputError for a number that no read has, or one that was undone before.
    """
    if connection.scalar(sa.select(batch_table.c.id).where(batch_table.c.id == batch_id)) is None:
        raise InputError(f"there is no read {batch_id}: expected a number that salvocast data status lists")
    earlier = connection.execute(sa.select(undone_batch_table).where(undone_batch_table.c.batch_id == batch_id)).first()
    if earlier is not None:
        raise InputError(f"read {batch_id} was undone on {earlier.undone_at:%Y-%m-%d} ({earlier.reason})")
    connection.execute(undone_batch_table.insert().values(batch_id=batch_id, undone_at=moment, reason=reason))
    of_batch = sighting_table.c.batch_id == batch_id
    names = ("report_id", "known_at", "stated", "source", "batch_id")
    stated = sa.select(*(sighting_table.c[name] for name in names), sa.literal(moment, sa.DateTime)).where(of_batch)
    connection.execute(undone_sighting_table.insert().from_select([*names, "undone_at"], stated))
    versions = report_table.alias()
    touched = (
        sa.select(versions.c.key_digest)
        .join(sighting_table, sighting_table.c.report_id == versions.c.id)
        .where(of_batch)
    )
    connection.execute(
        report_table.update()
        .where(report_table.c.key_digest.in_(touched))
        .values(agreed_at=None, agreed_source=None)  # looked at one by one from now on
    )
    return connection.execute(sighting_table.delete().where(of_batch)).rowcount
