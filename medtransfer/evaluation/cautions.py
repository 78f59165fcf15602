"""What a reader has to bear in mind about the figures of an evaluation, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from medtransfer.core.results import Predictions
from medtransfer.data.targets import absences, counts
from medtransfer.evaluation.cases import Cases, as_text
from medtransfer.evaluation.patient_level import SEVERAL

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
    if wandering := _at_several_sites(cases):
        who = "1 patient id occurs" if wandering == 1 else f"{wandering} patient ids occur"
        yield f"{who} at several sites, each taken for one person; where they are not, put the site into the id"
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


def _at_several_sites(cases: Cases) -> int:
    """Patients, of studies as of patients that are pooled already."""
    table = cases.table
    if "site" not in table:
        return 0
    sites = as_text(table["site"])
    codes = pd.factorize(sites)[0]
    pairs = np.unique(np.stack([cases.groups, codes])[:, (sites != "").to_numpy()], axis=1)
    who, often = np.unique(pairs[0], return_counts=True)
    pooled = cases.groups[(sites == SEVERAL).to_numpy()]
    return len({*who[often > 1].tolist(), *pooled.tolist()})


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
    if predictions.task == "multilabel" and predictions.points:
        lacking = [repr(name) for name in predictions.classes if name not in predictions.points]
        if lacking:
            yield f"No operating point came with {', '.join(lacking)}: no sensitivity, no specificity there"
    elif predictions.task == "multilabel":
        yield "No operating points came with the predictions: no sensitivity, no specificity"
    elif predictions.task == "ordinal":
        yield "Ordered classes have no positive one: no operating point"
    elif predictions.positive is None:
        yield "No positive class is declared: no operating point"
    elif predictions.operating_point is None:
        yield "No operating point came with the predictions: no sensitivity, no specificity"
