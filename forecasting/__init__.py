"""What will come: models of salvos, the defence's demand for interceptors, stock and orders."""
