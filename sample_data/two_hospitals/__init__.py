"""Two invented hospitals that photograph invented chests: the parts of `generate.py`."""
