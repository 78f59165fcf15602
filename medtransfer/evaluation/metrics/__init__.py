"""Catalogue of metrics: one module per metric, `measure(truth, probability) -> float`.

Every entry also has `weighted(truth, probability, weights)`, the same figure under many sets of case
weights at once: this is what the patient bootstrap asks for.
"""
