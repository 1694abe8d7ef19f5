"""The tables of the ledger. A change here needs a migration, and SCHEMA_REVISION moves with it."""

import sqlalchemy as sa

SCHEMA_REVISION = "0006"
"""The newest migration. Compared before Alembic is loaded, because loading it costs more than the whole query."""

metadata = sa.MetaData()

batch_table = sa.Table(
    "batch",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("published_at", sa.DateTime, comment="UTC"),
    sa.Column("recorded_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("read_as", sa.Text, comment="JSON: how the file was read"),
    sa.Column("rows_read", sa.Integer, nullable=False),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("revised", sa.Integer, nullable=False),
    sa.Column("unchanged", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Integer, nullable=False),
)
report_table = sa.Table(
    "report",
    metadata,
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
    sa.Column("shot_down", sa.Integer),
    sa.Column("suppressed", sa.Integer),
    sa.Column("still_airborne", sa.Integer),
    sa.Column("strike_drones", sa.Integer),
    sa.Column("jet_drones", sa.Integer),
    sa.Column("impact_sites", sa.Integer),
    sa.Column("debris_sites", sa.Integer),
    sa.Column("launch_areas", sa.Integer),
    sa.Column("shot_down_by_area", sa.Text),
    # Derived from the sightings, so that a sum over a million reports need not look at them: see features/views.py.
    sa.Column("agreed_at", sa.DateTime, comment="UTC; since when known, null where the sightings must be looked at"),
    sa.Column("agreed_source", sa.String(40), comment="the source that stated it first, where agreed"),
    sa.UniqueConstraint("key_digest", "content_digest", name="uq_report_version"),
)
sa.Index(
    "ix_report_daily",
    report_table.c.theatre,
    report_table.c.weapon_class,
    report_table.c.attack_day,
    report_table.c.agreed_source,
    report_table.c.agreed_at,
    report_table.c.launched,
    report_table.c.shot_down,
    report_table.c.suppressed,
    report_table.c.strike_drones,
)
# On PostgreSQL too, by its migration: to say so here as well loads that dialect at the start of every command.
sa.Index(
    "ix_report_disputed",
    report_table.c.theatre,
    report_table.c.weapon_class,
    sqlite_where=report_table.c.agreed_at.is_(None),
)
sighting_table = sa.Table(
    "sighting",
    metadata,
    sa.Column("report_id", sa.ForeignKey("report.id"), primary_key=True),
    sa.Column("known_at", sa.DateTime, primary_key=True, comment="UTC"),
    sa.Column("stated", sa.Boolean, primary_key=True),
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("batch_id", sa.ForeignKey("batch.id"), nullable=False),
    sqlite_with_rowid=False,
)
undone_batch_table = sa.Table(
    "undone_batch",
    metadata,
    sa.Column("batch_id", sa.ForeignKey("batch.id"), primary_key=True),
    sa.Column("undone_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("reason", sa.Text, nullable=False),
)
undone_sighting_table = sa.Table(
    "undone_sighting",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("report_id", sa.ForeignKey("report.id"), nullable=False),
    sa.Column("known_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("stated", sa.Boolean, nullable=False),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("batch_id", sa.ForeignKey("batch.id"), nullable=False),
    sa.Column("undone_at", sa.DateTime, nullable=False, comment="UTC"),
)
undone = sa.select(undone_batch_table.c.batch_id)
"""The reads that were taken back."""
stated = sa.or_(
    report_table.c.agreed_at.is_not(None),
    sa.select(sighting_table.c.report_id).where(sighting_table.c.report_id == report_table.c.id).exists(),
)
"""Whether a version of a report is stated by a read that stands."""

quarantine_table = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.ForeignKey("batch.id"), nullable=False),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false(), comment="a report, too odd to be used"),
)
decision_table = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("quarantine_id", sa.ForeignKey("quarantine.id"), nullable=False),
    sa.Column("decided_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("kind", sa.String(20), nullable=False, comment="repaired or released"),
    sa.Column("reason", sa.Text, nullable=False, comment="why it was released, or the corrected cells"),
)
total_table = sa.Table(
    "stated_total",
    metadata,
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
stock_table = sa.Table(
    "stock_count",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("theatre", sa.String(40), nullable=False),
    sa.Column("layer", sa.String(40), nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False, comment="interceptors in hand"),
    sa.Column("counted_on", sa.Date, nullable=False, comment="after the night that ends on that day"),
    sa.Column("known_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("source", sa.String(200), nullable=False, comment="who says so"),
    sa.Column("recorded_at", sa.DateTime, nullable=False, comment="UTC"),
)
coverage_table = sa.Table(
    "coverage",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.ForeignKey("batch.id"), nullable=False),
    sa.Column("known_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("theatre", sa.String(40), nullable=False),
    sa.Column("weapon_class", sa.String(40), nullable=False),
    sa.Column("first_end", sa.DateTime, nullable=False, comment="window_end of the oldest salvo; local time"),
    sa.Column("last_end", sa.DateTime, nullable=False, comment="window_end of the newest salvo; local time"),
)
issued_table = sa.Table(
    "issued_forecast",
    metadata,
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
slot_table = sa.Table(
    "job_slot",
    metadata,
    sa.Column("job", sa.String(80), primary_key=True),
    sa.Column("slot", sa.DateTime, primary_key=True, comment="UTC; when the job was due: one row, one run"),
    sa.Column("claimed_by", sa.String(120), nullable=False, comment="host and process id"),
    sa.Column("started_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("heartbeat_at", sa.DateTime, nullable=False, comment="UTC; a run that stopped moving is dead"),
    sa.Column("ended_at", sa.DateTime, comment="UTC; null while it runs"),
    sa.Column("status", sa.String(20), nullable=False, comment="running, done, failed, skipped or lost"),
    sa.Column("message", sa.Text, nullable=False),
)
