"""Brier score: mean squared distance between probability and truth; 0 is perfect.

    Brier = 1/n · Σᵢ (pᵢ − yᵢ)²

Reference: Brier 1950, halved for two classes as is usual; equal to `sklearn.metrics.brier_score_loss`.
"""

from __future__ import annotations

from medtransfer.core.types import CaseWeights, Probabilities, Truths
from medtransfer.evaluation.intervals import weighted_mean
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights


def measure(truth: Truths, probability: Probabilities) -> float:
    """Brier score of the positive class, in [0, 1]."""
    return float(losses(truth, probability).mean())


def weighted(truth: Truths, probability: Probabilities, weights: ReplicateWeights) -> ReplicateValues:
    """Brier score under each row of case weights."""
    return weighted_mean(losses(truth, probability))(weights)


def losses(truth: Truths, probability: Probabilities) -> CaseWeights:
    """Squared error of each study."""
    return (probability - truth) ** 2
