"""One file per step of the ledger's schema, oldest first."""
