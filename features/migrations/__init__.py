"""The ledger's schema, as a chain of Alembic migrations."""
