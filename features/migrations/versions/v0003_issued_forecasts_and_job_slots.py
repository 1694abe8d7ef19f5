"""Forecasts as they were given out, and which run of a scheduled job was whose."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issued_forecast",
        sa.Column("number", sa.Integer, primary_key=True, comment="in the order of issue"),
        sa.Column("id", sa.String(64), nullable=False, unique=True, comment="SHA-256 of the document"),
        sa.Column("issued_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("channel", sa.String(20), nullable=False, comment="cli, api, page or schedule"),
        sa.Column("kind", sa.String(20), nullable=False, comment="plan or forecast"),
        sa.Column("theatre", sa.String(40), nullable=False),
        sa.Column("weapon_class", sa.String(40), nullable=False),
        sa.Column("origin", sa.Date, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False),
        sa.Column("model_id", sa.String(80), nullable=False),
        sa.Column("model_version", sa.Integer, comment="of the registry; null for a model that is not registered"),
        sa.Column("scenario", sa.String(40), comment="null without one"),
        sa.Column("data_digest", sa.String(64), nullable=False),
        sa.Column("request", sa.Text, nullable=False, comment="JSON"),
        sa.Column("document", sa.LargeBinary, nullable=False, comment="zlib of the JSON, byte for byte as given out"),
    )
    op.create_table(
        "job_slot",
        sa.Column("job", sa.String(80), primary_key=True),
        sa.Column("slot", sa.DateTime, primary_key=True, comment="UTC; when the job was due: one row, one run"),
        sa.Column("claimed_by", sa.String(120), nullable=False, comment="host and process id"),
        sa.Column("started_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("heartbeat_at", sa.DateTime, nullable=False, comment="UTC; a run that stopped moving is dead"),
        sa.Column("ended_at", sa.DateTime, comment="UTC; null while it runs"),
        sa.Column("status", sa.String(20), nullable=False, comment="running, done, failed, skipped or lost"),
        sa.Column("message", sa.Text, nullable=False),
    )
