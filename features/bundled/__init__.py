"""The embedded default: reports and defence layers, each fact with its source and date."""
