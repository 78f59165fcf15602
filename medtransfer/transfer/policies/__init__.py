"""Catalogue: what may move now, and how fast; `groups(model, progress, *, …) -> rates`, and more in `_contract.py`."""
