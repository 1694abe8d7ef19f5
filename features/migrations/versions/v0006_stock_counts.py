"""Counts of stocks, each as somebody told it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_count",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("theatre", sa.String(40), nullable=False),
        sa.Column("layer", sa.String(40), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False, comment="interceptors in hand"),
        sa.Column("counted_on", sa.Date, nullable=False, comment="after the night that ends on that day"),
        sa.Column("known_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("source", sa.String(200), nullable=False, comment="who says so"),
        sa.Column("recorded_at", sa.DateTime, nullable=False, comment="UTC"),
    )
