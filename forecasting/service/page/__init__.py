"""The planner's page: its link, its form, its view, its pictures."""
