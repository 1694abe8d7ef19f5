"""What a snapshot covers, how a file was read, and what was decided about rows in quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch", sa.Column("read_as", sa.Text, comment="JSON: how the file was read"))
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("quarantine_id", sa.Integer, sa.ForeignKey("quarantine.id"), nullable=False),
        sa.Column("decided_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("kind", sa.String(20), nullable=False, comment="repaired or released"),
        sa.Column("reason", sa.Text, nullable=False, comment="why it was released, or the corrected cells"),
    )
    op.create_table(
        "coverage",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batch.id"), nullable=False),
        sa.Column("known_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("theatre", sa.String(40), nullable=False),
        sa.Column("weapon_class", sa.String(40), nullable=False),
        sa.Column("first_end", sa.DateTime, nullable=False, comment="window_end of the oldest salvo; local time"),
        sa.Column("last_end", sa.DateTime, nullable=False, comment="window_end of the newest salvo; local time"),
    )
