"""Catalogue of calibrators: one module per entry, `fit(scores, truth, *, …) -> Fitted`.

Every entry also has `apply(scores, parameters)`, which needs nothing but what `fit` found, and `KINDS`, the kinds of
scores that it takes (`_scores.py`). None of them changes which of two studies has the higher probability, save that
isotonic regression makes some equal.
"""
