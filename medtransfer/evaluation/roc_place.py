"""Where one study stands among those that were scored before it: what a threshold at its own probability would do."""

from __future__ import annotations

import numpy as np

from medtransfer.core.records import Record
from medtransfer.core.results import SCORE_DECIMALS, Curve, Estimate, ScoredStudies
from medtransfer.evaluation.operating_points import at_threshold
from medtransfer.evaluation.roc import roc_curve


class RocPlace(Record):
    """A study's place on the ROC curve of the scored studies."""

    of: str
    split: str
    curve: Curve
    """False-positive rate against sensitivity; empty where all or none of the studies have the finding."""
    sensitivity: Estimate
    """Were every study called positive from this one's probability on: its place on the curve is (1 − specificity,
    sensitivity)."""
    specificity: Estimate


def roc_place(scored: ScoredStudies, probability: float, *, level: float = 0.95) -> RocPlace:
    """Put a study beside the scored ones.

    Args:
        scored: Of the same class or label, from the bundle that gave the probability.
        probability: As the bundle gives it.
        level: Coverage of the intervals aimed at.
    """
    truth = np.array(scored.present, dtype=bool)
    values = np.array(scored.probabilities, dtype=np.float64)
    owners = np.array(scored.patients, dtype=np.int64)
    sensitivity, specificity, *_ = at_threshold(
        truth, values, float(np.round(probability, SCORE_DECIMALS)), owners, level=level
    )
    both = bool(truth.any()) and not truth.all()
    return RocPlace(
        of=scored.of,
        split=scored.split,
        curve=roc_curve(truth, values) if both else Curve(x=(), y=()),
        sensitivity=sensitivity,
        specificity=specificity,
    )
