"""Batches, reports, their sightings, and the quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("published_at", sa.DateTime, comment="UTC"),
        sa.Column("recorded_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("rows_read", sa.Integer, nullable=False),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("revised", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Integer, nullable=False),
    )
    op.create_table(
        "report",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_digest", sa.LargeBinary(16), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(16), nullable=False),
        sa.Column("theatre", sa.String(40), nullable=False),
        sa.Column("weapon_class", sa.String(40), nullable=False),
        sa.Column("window_start", sa.DateTime, nullable=False, comment="local time of the theatre"),
        sa.Column("window_end", sa.DateTime, nullable=False, comment="local time of the theatre"),
        sa.Column("window_end_utc", sa.DateTime, nullable=False),
        sa.Column("attack_day", sa.Date, nullable=False, comment="of window_end"),
        sa.Column("target_area", sa.Text, nullable=False),
        sa.Column("reporter", sa.Text, nullable=False),
        sa.Column("launched", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.Integer)
            for name in (
                "shot_down",
                "suppressed",
                "still_airborne",
                "strike_drones",
                "jet_drones",
                "impact_sites",
                "debris_sites",
                "launch_areas",
            )
        ),
        sa.Column("shot_down_by_area", sa.Text),
        sa.Column(
            "agreed_at", sa.DateTime, comment="UTC; since when known, null where the sightings must be looked at"
        ),
        sa.Column("agreed_source", sa.String(40), comment="the source that stated it first, where agreed"),
        sa.UniqueConstraint("key_digest", "content_digest", name="uq_report_version"),
    )
    op.create_index(
        "ix_report_daily",
        "report",
        [
            "theatre",
            "weapon_class",
            "attack_day",
            "agreed_source",
            "agreed_at",
            "launched",
            "shot_down",
            "suppressed",
            "strike_drones",
        ],
    )
    disputed = sa.text("agreed_at IS NULL")
    op.create_index(
        "ix_report_disputed",
        "report",
        ["theatre", "weapon_class"],
        sqlite_where=disputed,
        postgresql_where=disputed,
    )
    op.create_table(
        "sighting",
        sa.Column("report_id", sa.Integer, sa.ForeignKey("report.id"), primary_key=True),
        sa.Column("known_at", sa.DateTime, primary_key=True, comment="UTC"),
        sa.Column("stated", sa.Boolean, primary_key=True),
        sa.Column("source", sa.String(40), primary_key=True),
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batch.id"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batch.id"), nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
