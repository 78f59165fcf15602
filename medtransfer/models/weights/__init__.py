"""Pretrained weights: foreign files into networks, completely or not at all; `load.py` alone opens them."""
