"""What the defence does with the drones of a night: layers, engagements, fire channels, stocks."""
