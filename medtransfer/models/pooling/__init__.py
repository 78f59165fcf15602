"""Catalogue: slices and views → study; `build(feature_dim, *, …) -> nn.Module` (`_contract.py`)."""
