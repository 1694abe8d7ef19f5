"""What was undone and what is held. Nights that were told more than once the ledger marks itself when it is opened."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    held = "a report, too odd to be used"
    op.add_column("quarantine", sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false(), comment=held))
    op.create_table(
        "undone_sighting",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("report_id", sa.Integer, sa.ForeignKey("report.id"), nullable=False),
        sa.Column("known_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("stated", sa.Boolean, nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batch.id"), nullable=False),
        sa.Column("undone_at", sa.DateTime, nullable=False, comment="UTC"),
    )
    op.create_table(
        "undone_batch",
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batch.id"), primary_key=True),
        sa.Column("undone_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("reason", sa.Text, nullable=False),
    )
