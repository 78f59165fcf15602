"""Log-loss: mean negative log-likelihood in nats; 0 is perfect, log 2 is what p = ½ everywhere reaches.

    log-loss = −1/n · Σᵢ yᵢ·log pᵢ + (1−yᵢ)·log(1−pᵢ)

Probabilities are clipped to [ε, 1−ε] with ε = 2⁻⁵² (float64 machine epsilon), so a certain and wrong
probability costs 36.04 rather than infinity.

Reference: Good 1952; equal to `sklearn.metrics.log_loss`, which clips alike.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.types import CaseWeights, Probabilities, Truths
from medtransfer.evaluation.intervals import weighted_mean
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights

SMALLEST = float(np.finfo(np.float64).eps)
"""ε of the clipping."""


def measure(truth: Truths, probability: Probabilities) -> float:
    """Log-loss of the positive class, in nats."""
    return float(losses(truth, probability).mean())


def weighted(truth: Truths, probability: Probabilities, weights: ReplicateWeights) -> ReplicateValues:
    """Log-loss under each row of case weights."""
    return weighted_mean(losses(truth, probability))(weights)


def losses(truth: Truths, probability: Probabilities) -> CaseWeights:
    """Negative log-likelihood of each study."""
    return -np.log(np.clip(np.where(truth, probability, 1 - probability), SMALLEST, 1 - SMALLEST))
