"""AUROC on the validation studies after an epoch: to look at, beside the log-loss by which an epoch is chosen.

Of two classes it is that of the positive one, with its interval; of more classes, or of several labels, the mean over
those that can be estimated, which has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtransfer.evaluation.roc import auroc_estimate
from medtransfer.models.answers import probabilities

if TYPE_CHECKING:
    from torch import Tensor

    from medtransfer.core.results import Estimate
    from medtransfer.data.dataset import StudySet
    from medtransfer.training.loop import Loop


def validation_auroc(loop: Loop, studies: StudySet, logits: Tensor) -> dict[str, float | None]:
    """The fields of an `EpochRow`; none where no finding can be estimated."""
    target, task = loop.plan.target, loop.model.task
    given, labels = probabilities(task, logits.numpy()), studies.labels
    if task != "multilabel" and target.positive is not None and len(target.classes) == 2:
        index = target.classes.index(target.positive)
        known = labels >= 0
        found = auroc_estimate(labels[known] == index, given[known, index], studies.patients[known])
        ends = {"validation_auroc_low": found.low, "validation_auroc_high": found.high}
        return {"validation_auroc": found.value, **ends}
    each = [_one(studies, given, index, several=task == "multilabel") for index in range(len(target.classes))]
    values = [one.value for one in each if one.value is not None]
    return {"validation_auroc": float(np.mean(values))} if values else {}


def _one(studies: StudySet, given: np.ndarray, index: int, *, several: bool) -> Estimate:
    """A class against the rest, or a label where it is known."""
    truth = studies.labels[:, index] if several else np.where(studies.labels < 0, np.nan, studies.labels == index)
    known = ~np.isnan(truth)
    return auroc_estimate(truth[known] == 1, given[known, index], studies.patients[known])
