"""What all routes share: problems, media types, safety."""
