"""The HTTP API: routes under /api/v1, their bodies and their definition."""
