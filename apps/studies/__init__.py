"""Studies: which there are, which is open, whose it is, and whether the model may speak of it."""
