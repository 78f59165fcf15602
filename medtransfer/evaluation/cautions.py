"""What a reader has to bear in mind about the figures of an evaluation, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from medtransfer.core.results import Predictions
from medtransfer.data.targets import absences, counts
from medtransfer.evaluation.cases import Cases

FEW = 10
"""With fewer events or non-events than this, figures say little, and a warning says so."""

QUOTABLE_REPLICATES = 2000
"""Fewer bootstrap replicates than this draw a warning."""


def cautions(cases: Cases, predictions: Predictions, *, replicates: int, left_out: int = 0) -> Iterator[str]:
    """Sentences on rare answers, on what was not measured, on patients, and on the bootstrap."""
    yield from (
        _rare_labels(cases, predictions) if predictions.task == "multilabel" else _rare_classes(cases, predictions)
    )
    yield from _unmeasured(predictions)
    if left_out:
        who = "1 patient is" if left_out == 1 else f"{left_out} patients are"
        yield f"{who} left out: their studies belong to several classes, so they have no one truth"
    if predictions.patients_unknown:
        yield "Some patients are unknown: intervals may be too narrow, leakage cannot be excluded"
    if cases.namesakes:
        what = "1 patient id also occurs" if cases.namesakes == 1 else f"{cases.namesakes} patient ids also occur"
        yield (
            f"{what} among the training patients of another site: if they are the same people, "
            "these figures are too good"
        )
    if replicates < QUOTABLE_REPLICATES:
        yield f"Only {replicates} bootstrap replicates: do not quote these intervals"


def _rare_classes(cases: Cases, predictions: Predictions) -> Iterator[str]:
    classes = predictions.classes
    found = dict(zip(classes, counts(cases.truth, len(classes)).tolist(), strict=True))
    present = [name for name, count in found.items() if count]
    if len(present) == 1:
        yield f"OneClass: all {sum(found.values())} studies are {present[0]!r}; AUROC cannot be estimated"
        return
    for name, count in found.items():
        if count < FEW:
            yield f"Few studies of class {name!r}: {count}, fewer than {FEW}; read its figures with caution"


def _rare_labels(cases: Cases, predictions: Predictions) -> Iterator[str]:
    labels = predictions.classes
    answers = zip(labels, counts(cases.truth, len(labels)).tolist(), absences(cases.truth).tolist(), strict=True)
    for name, present, absent in answers:
        for word, count in (("with", present), ("without", absent)):
            if count < FEW:
                yield f"Few studies {word} {name!r}: {count}, fewer than {FEW}; read its figures with caution"


def _unmeasured(predictions: Predictions) -> Iterator[str]:
    if predictions.task == "multilabel":
        yield "Several labels have no common operating point: no sensitivity, no specificity"
    elif predictions.task == "ordinal":
        yield "Ordered classes have no positive one: no operating point"
    elif predictions.positive is None:
        yield "No positive class is declared: no operating point"
    elif predictions.operating_point is None:
        yield "No operating point came with the predictions: no sensitivity, no specificity"
