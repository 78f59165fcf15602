"""Do probabilities mean what they say: intercept and slope, Brier score and its parts, bins, and a smooth curve."""
