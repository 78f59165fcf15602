"""The mean of several AUROCs, one a class or label, under many sets of case weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from medtransfer.core.types import Truths
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.ranking import ranking
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic


class Side(NamedTuple):
    """One class or label against the rest."""

    column: int
    """Of the probabilities."""
    known: Truths
    """Studies of which it is known."""
    has: Truths
    """Of all studies; False too where it is not known."""


def macro_auroc(cases: Cases, sides: Sequence[Side]) -> Statistic:
    """Mean over the sides; one that a replicate has no patients for counts for nothing there. NaN without any."""
    parts = [
        auroc.statistic(ranking(has[known], cases.probability[known, column], np.flatnonzero(known)))
        for column, known, has in sides
    ]

    def macro(weights: ReplicateWeights) -> ReplicateValues:
        nothing = np.full(len(weights), np.nan)
        if not parts:
            return nothing
        each = np.stack([part(weights) for part in parts])
        found = (~np.isnan(each)).sum(axis=0)
        return np.divide(np.nansum(each, axis=0), found, out=nothing, where=found > 0)

    return macro
