"""What is known: reports of launches, the ledger that keeps them, and the series made from them."""
