"""Catalogue: terms on features of both domains; `build(feature_dim, n_classes, *, …) -> nn.Module`."""
