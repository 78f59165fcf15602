"""Catalogue: what executes a bundle's network; `load(bundle, *, …) -> Runtime`."""
