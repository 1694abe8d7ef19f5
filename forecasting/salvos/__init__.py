"""How many drones come: models of salvos, their contract, and what they have learned as files."""
