"""Totals of a month as they were stated."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stated_total",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("theatre", sa.String(40), nullable=False),
        sa.Column("weapon_class", sa.String(40), nullable=False),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("launched", sa.Integer, nullable=False),
        sa.Column("bound", sa.String(20), nullable=False, comment="exactly, about, at_least or up_to"),
        sa.Column("hours", sa.String(20), nullable=False, comment="of its days: night, part_of_day or all_hours"),
        sa.Column("source", sa.String(200), nullable=False, comment="who says so"),
        sa.Column("published_on", sa.Date, nullable=False),
        sa.Column("recorded_at", sa.DateTime, nullable=False, comment="UTC"),
    )
