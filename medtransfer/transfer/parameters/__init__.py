"""Catalogue: terms on parameters; `build(model, start, data, *, …) -> Term`."""
