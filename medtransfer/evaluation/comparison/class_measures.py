"""Measures of several classes, and of ordered ones; formulas as in `many_classes` and `ordered_classes`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from medtransfer.core.types import CaseWeights
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.comparison.macro_auroc import Side, macro_auroc
from medtransfer.evaluation.comparison.measure import ONE_CLASS, Measure, side_by_side
from medtransfer.evaluation.intervals import class_strata, weighted_mean
from medtransfer.evaluation.many_classes import brier_losses, log_losses
from medtransfer.evaluation.ordered_classes import quadratic_kappa, ranked_losses


def class_measures(cases: Sequence[Cases], classes: tuple[str, ...], *, ordered: bool) -> tuple[Measure, ...]:
    """Macro AUROC, log-loss, Brier score; with an order, weighted kappa and ranked probability score too."""
    truth, groups = cases[0].truth, cases[0].groups
    absent = [name for k, name in enumerate(classes) if not (truth == k).any()]
    everyone = np.ones(truth.size, dtype=bool)
    sides = [] if absent else [Side(k, everyone, truth == k) for k in range(len(classes))]
    area = Measure(
        metric="macro_auroc",
        better="higher",
        statistic=side_by_side([macro_auroc(one, sides) for one in cases]),
        strata=class_strata(truth, groups),
        otherwise=f"no study of class {', '.join(absent)}",
    )
    losses = (_mean("log_loss", cases, log_losses), _mean("brier", cases, brier_losses))
    if not ordered:
        return (area, *losses)
    kappa = Measure(
        metric="quadratic_kappa",
        better="higher",
        statistic=side_by_side([quadratic_kappa(one) for one in cases]),
        strata=class_strata(truth, groups),
        otherwise=ONE_CLASS,
    )
    return (area, kappa, _mean("ranked_probability_score", cases, ranked_losses), *losses)


def _mean(metric: str, cases: Sequence[Cases], losses: Callable[[Cases], CaseWeights]) -> Measure:
    return Measure(metric=metric, better="lower", statistic=side_by_side([weighted_mean(losses(one)) for one in cases]))
