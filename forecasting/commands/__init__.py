"""The `salvocast` command: thin parsers that nothing imports."""
