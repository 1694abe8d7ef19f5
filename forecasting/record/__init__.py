"""What was given out and what came: archive, scores, scoreboard, track record."""
