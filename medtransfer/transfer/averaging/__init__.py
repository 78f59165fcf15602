"""Catalogue: averages of a run's weights; `build(model, start, *, …) -> Averaging`."""
