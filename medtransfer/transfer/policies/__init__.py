"""Catalogue: what may move now, and how fast; `groups(model, progress, *, …) -> rates`."""
