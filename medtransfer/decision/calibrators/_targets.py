"""Targets that are never quite 0 or 1.

    with the finding  (n₊ + 1) / (n₊ + 2)        without it  1 / (n₋ + 2)

Fitted to plain 0 and 1, a curve may promise certainty that so many studies cannot vouch for; and where the classes are
separated there is no best curve at all.

Reference: Platt 1999, Probabilistic outputs for support vector machines, 2.2.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.types import CaseWeights, ClassIndices


def targets(truth: ClassIndices, *, smooth: bool) -> CaseWeights:
    """Of each study: Platt's, or plain 0 and 1."""
    if not smooth:
        return truth.astype(np.float64)
    positives = int((truth == 1).sum())
    return np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (truth.size - positives + 2))
