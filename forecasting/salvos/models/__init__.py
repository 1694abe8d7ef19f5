"""One model per file, each by the contract of `forecasting.salvos.model`."""
