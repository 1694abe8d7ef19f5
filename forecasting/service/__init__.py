"""The planner's page and the HTTP API: the same answers as the command line, byte for byte."""
