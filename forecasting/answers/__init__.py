"""Request -> document: the only way in, for command, API, page, schedule and notebooks."""
