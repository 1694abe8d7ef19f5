"""What to order: service levels, the least-cost mix, rules of thumb."""
