"""Which normalisation weights expect, told by batch statistics."""
