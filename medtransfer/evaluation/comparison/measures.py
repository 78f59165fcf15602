"""Which figures a question has, and which of them is the primary one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CatalogueError
from medtransfer.core.results import Predictions
from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.comparison.class_measures import class_measures
from medtransfer.evaluation.comparison.decisions import decided, locked_points
from medtransfer.evaluation.comparison.finding_measures import METRICS, Decisions, decision_measures, metric_measure
from medtransfer.evaluation.comparison.label_measures import label_measures
from medtransfer.evaluation.comparison.measure import Measure
from medtransfer.evaluation.comparison.pairing import Paired

AUROC = "auroc"
MACRO_AUROC = "macro_auroc"


class View(NamedTuple):
    """The positive class against the rest."""

    truth: Truths
    probabilities: tuple[Probabilities, ...]
    called: Decisions | None
    """None unless every model has an operating point."""


def positive_view(paired: Paired, predictions: Sequence[Predictions]) -> View | None:
    """None where no class is positive."""
    first = predictions[0]
    if first.positive is None:
        return None
    index = first.classes.index(first.positive)
    probabilities = tuple(np.ascontiguousarray(one.probability[:, index]) for one in paired.cases)
    points = locked_points(predictions)
    return View(paired.cases[0].truth == index, probabilities, decided(probabilities, points) if points else None)


def measures_of(
    paired: Paired, predictions: Sequence[Predictions], view: View | None, *, primary: str | None
) -> tuple[Measure, ...]:
    """Every figure of the question, the primary one first.

    Raises:
        CatalogueError: The question has no such figure.
    """
    groups = paired.cases[0].groups
    found = _overall(paired, predictions[0], view, primary)
    if view is not None and view.called is not None:
        found = (*found, *decision_measures(view.truth, view.called, groups))
    known = {one.metric: one for one in found}
    primary = primary or (AUROC if AUROC in known else MACRO_AUROC)
    if primary not in known:
        raise CatalogueError(
            f"Unknown metric '{primary}' for this question.{did_you_mean(primary, known)}",
            code="UnknownEntry",
            hint=f"Available: {', '.join(known)}; with an operating point in every bundle also sensitivity and "
            "specificity.",
        )
    return (known.pop(primary), *sorted(known.values(), key=lambda one: one.metric != AUROC))


def _overall(paired: Paired, first: Predictions, view: View | None, primary: str | None) -> tuple[Measure, ...]:
    if first.task == "multilabel":
        return label_measures(paired.cases)
    if view is None or len(first.classes) > 2:
        return class_measures(paired.cases, first.classes, ordered=first.task == "ordinal")
    own = (primary,) if primary and ":" in primary else ()
    names = (*METRICS.names(), *own)
    return tuple(metric_measure(one, view.truth, view.probabilities, paired.cases[0].groups) for one in names)
