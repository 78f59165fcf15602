"""Logits whose Fisher information is asked for.

Those of source studies are under a head fitted to them, those of target planes under the weights' own last layer. Which
studies are drawn, and all that follows, depends on their names and the seed, not on the order they stand in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import UNKNOWN, ClassIndices, FeatureRows, StudyTargets, Task
from medtransfer.data.dataset import StudySet
from medtransfer.models.classifier import Classifier
from medtransfer.models.encode import Items
from medtransfer.models.features import frozen_features
from medtransfer.models.weights.load import PretrainedHead
from medtransfer.transfer.parameters._fisher import CaseLogits


def source_cases(model: Classifier, studies: StudySet, task: Task, *, samples: int, seed: int) -> Iterator[CaseLogits]:
    """Logits of at most `samples` studies, under a head fitted on the frozen features of all.

    Raises:
        ObjectiveError: `OneClass`.
    """
    ordered = _by_name(studies)
    head = fitted_head(frozen_features(model, ordered), ordered.labels, task)
    for case in _drawn(ordered, samples, np.random.default_rng(seed)):
        batch, _ = ordered.batch(np.array([case]))
        (features,) = model(batch).features
        yield _logits(features, head)


def target_cases(
    model: Classifier, studies: StudySet, head: PretrainedHead, *, samples: int, seed: int
) -> Iterator[CaseLogits]:
    """Logits of one plane (in 3-D: view) each of at most `samples` studies: the head never saw a pooled study."""
    ordered, generator = _by_name(studies), np.random.default_rng(seed)
    for case in _drawn(ordered, samples, generator):
        batch, _ = ordered.batch(np.array([case]))
        items = model.items(batch)
        one = generator.integers(len(items.study), size=1)
        (features,) = model.encode(batch, Items(*(column[one] for column in items))).features
        yield _logits(features, head)


def fitted_head(features: FeatureRows, labels: StudyTargets, task: Task) -> PretrainedHead:
    """A logistic head on frozen features; ordered classes are taken as unordered, a label that never varies left out.

    DELTA's attention fits another one, to the question as it is; why there are two stands in `_linear_head.py`.

    The ridge penalty is such that logits have standard deviation 1 a priori, however many features there are.

    Raises:
        ObjectiveError: `OneClass`: the labels are all alike.
    """
    if task == "multilabel":
        known = [~np.isnan(column) for column in labels.T]
        parts = [
            _logistic(features[k], column[k]) for k, column in zip(known, labels.T, strict=True) if _varies(column[k])
        ]
    else:
        known = labels != UNKNOWN
        parts = [_logistic(features[known], labels[known])] if _varies(labels[known]) else []
    if not parts:
        raise ObjectiveError(
            "EWC fits a head to a source cohort, and all of its labels are alike",
            code="OneClass",
            path="objective.parameters.ewc",
            hint="Give a source cohort with at least two classes, or use l2_sp.",
        )
    weight, bias = (np.concatenate(column) for column in zip(*parts, strict=True))
    if task != "multilabel" and len(bias) == 1:  # of two classes, the first one's logit is 0
        weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    return PretrainedHead(torch.from_numpy(weight).float(), torch.from_numpy(bias).float())


def _logistic(features: FeatureRows, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and intercepts on the features as they are, fitted to standardised ones."""
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=1 / features.shape[1], max_iter=1000))
    scaler, regression = (step for _, step in fitted.fit(features.astype(np.float64), labels).steps)
    weight = regression.coef_ / scaler.scale_
    return weight, regression.intercept_ - weight @ scaler.mean_


def _varies(labels: np.ndarray) -> bool:
    return len(np.unique(labels)) > 1


def _logits(features: torch.Tensor, head: PretrainedHead) -> CaseLogits:
    return head.weight.to(features) @ features + head.bias.to(features)


def _drawn(studies: StudySet, samples: int, generator: np.random.Generator) -> list[int]:
    return generator.permutation(len(studies))[:samples].tolist()


def _by_name(studies: StudySet) -> StudySet:
    """Sorted by name, and without features: what was encoded before has no gradient."""
    order: ClassIndices = np.argsort(np.array(studies.names), kind="stable")
    return replace(
        studies,
        rows=tuple(studies.rows[case] for case in order),
        labels=studies.labels[order],
        patients=studies.patients[order],
        names=tuple(studies.names[case] for case in order),
        encoded=None,
    )
