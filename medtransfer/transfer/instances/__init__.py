"""Catalogue: weights for source cases; `weigh(source, target, *, …) -> SampleWeights`."""
