"""How we know: backtests through the ledger, tracked in MLflow."""
