"""Catalogue: how origins name their tensors; `recognise(state) -> Recognised | None` (`_contract.py`)."""
