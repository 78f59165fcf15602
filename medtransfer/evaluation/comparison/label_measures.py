"""Measures of several labels at once, each over the studies of which it is known.

macro AUROC   mean over the labels that two patients or more have, and two or more have not
log-loss      mean over all pairs (study, label) of which the truth is known; Brier score likewise
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from medtransfer.core.types import CaseWeights, Groups, Probabilities, Truths
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.comparison.macro_auroc import Side, macro_auroc
from medtransfer.evaluation.comparison.measure import Measure, side_by_side
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.many_labels import FEWEST_PATIENTS
from medtransfer.evaluation.metrics import brier, log_loss
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic

Losses = Callable[[Truths, Probabilities], CaseWeights]


def label_measures(cases: Sequence[Cases]) -> tuple[Measure, ...]:
    """Macro AUROC, log-loss, Brier score."""
    truth, groups = cases[0].truth, cases[0].groups
    known = ~np.isnan(truth)
    every = [Side(label, known[:, label], truth[:, label] == 1) for label in range(truth.shape[1])]
    patients = {side.column: _patients_of_rarer_side(side, groups) for side in every}
    sides = [side for side in every if patients[side.column] >= FEWEST_PATIENTS]
    rarest = min(sides, key=lambda side: patients[side.column], default=None)
    # Within strata of what is known of the rarest label, no replicate lacks it (see `many_labels`).
    answers = None if rarest is None else np.nan_to_num(truth[:, rarest.column], nan=2).astype(np.int64)
    return (
        Measure(
            metric="macro_auroc",
            better="higher",
            statistic=side_by_side([macro_auroc(one, sides) for one in cases]),
            strata=None if answers is None else class_strata(answers, groups),
            otherwise=f"no label that {FEWEST_PATIENTS} patients have and {FEWEST_PATIENTS} have not",
        ),
        _mean("log_loss", cases, log_loss.losses),
        _mean("brier", cases, brier.losses),
    )


def _mean(metric: str, cases: Sequence[Cases], losses: Losses) -> Measure:
    return Measure(metric=metric, better="lower", statistic=side_by_side([_over_known(one, losses) for one in cases]))


def _over_known(cases: Cases, losses: Losses) -> Statistic:
    known = ~np.isnan(cases.truth)
    columns = [losses(cases.truth[:, k] == 1, cases.probability[:, k]) for k in range(known.shape[1])]
    each = np.where(known, np.stack(columns, axis=1), 0.0).sum(axis=1)
    labels = known.sum(axis=1).astype(np.float64)

    def mean(weights: ReplicateWeights) -> ReplicateValues:
        return (weights @ each) / (weights @ labels)

    return mean


def _patients_of_rarer_side(side: Side, groups: Groups) -> int:
    return min(np.unique(groups[side.known & one]).size for one in (side.has, ~side.has))
