"""Scenarios of production that planners can start from, each number with its source and date."""
