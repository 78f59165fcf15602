"""What the classes of pretrained weights say of the target's, and how sharp their probabilities may be.

    p(s | y) = mean of p_T(s | x_i) over the cases with y_i = y,    p_T(· | x) = softmax(logits(x) / T)

T is that with which the target's labels are told best through the source's classes,

    min over T   −Σ_i log Σ_s p(y_i | s) · p_T(s | x_i)

on a grid and cross-fitted over patients: p(y | s) comes from the other folds, by maximum likelihood (EM, which a
concave function leads to its one maximum), each source class with one case more of the overall shares. Probabilities
that are too sharp are punished as overconfident, those too flat as saying nothing; where pictures tell of the label
through the source's class alone, the minimum is at the T which calibrates the source's probabilities.

Reference: You, Kou, Long, Wang 2020, Co-tuning for transfer learning; Guo et al. 2017, On calibration of modern
neural networks, §4.2 (temperature). Choosing T on the target is ours.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import ClassIndices, Groups

SourceValues = Float64[np.ndarray, "case source_class"]
Relation = Float64[np.ndarray, "class source_class"]

TEMPERATURES = tuple(2.0 ** (step / 2) for step in range(-4, 7))
"""From ¼ to 8."""

_FOLDS = 5
_ROUNDS = 25
_CASES = 500
"""As many tell the temperature well enough."""


def softmax(logits: SourceValues) -> SourceValues:
    """Probabilities, each row 1 in sum."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def relation(probabilities: SourceValues, labels: ClassIndices, *, classes: int) -> Relation:
    """p(s | y), each row 1 in sum; every class has a case."""
    return np.stack([probabilities[labels == label].mean(axis=0) for label in range(classes)])


def calibrated_temperature(logits: SourceValues, labels: ClassIndices, patients: Groups, *, classes: int) -> float:
    """The T with which the target's labels are told best; the flattest of equally good ones.

    Raises:
        ObjectiveError: `TooFewPatients`: there is one patient only.
    """
    everyone = np.unique(patients)
    if len(everyone) < 2:
        raise ObjectiveError(
            "the labelled training cases are all of one patient, and the temperature is chosen across patients",
            code="TooFewPatients",
            path="objective.parameters.co_tuning.temperature",
            hint="Set the temperature (1 takes the probabilities as they are), or label cases of other patients.",
        )
    generator = np.random.default_rng(0)
    folds = generator.permutation(len(everyone))[np.searchsorted(everyone, patients)] % _FOLDS
    few = np.sort(generator.permutation(len(labels))[:_CASES])
    losses = [log_loss(softmax(logits[few] / each), labels[few], folds[few], classes) for each in TEMPERATURES]
    return max(
        each for each, loss in zip(TEMPERATURES, losses, strict=True) if np.isclose(loss, min(losses), rtol=1e-9)
    )


def log_loss(probabilities: SourceValues, labels: ClassIndices, folds: Groups, classes: int) -> float:
    """−Σ log p(y_i | x_i), every case told by the folds that it is not in."""
    total = 0.0
    for fold in np.unique(folds):
        theirs, ours = folds != fold, folds == fold
        told = probabilities[ours] @ _labels_given_source(probabilities[theirs], labels[theirs], classes).T
        total -= float(np.log(told[np.arange(len(told)), labels[ours]]).sum())
    return total


def _labels_given_source(probabilities: SourceValues, labels: ClassIndices, classes: int) -> Relation:
    """p(y | s), each column 1 in sum: shares of the cases that each source class explains."""
    shares = (np.bincount(labels, minlength=classes) + 1.0) / (len(labels) + classes)
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    given = np.repeat(shares[:, None], probabilities.shape[1], axis=1)
    for _ in range(_ROUNDS):
        explained = probabilities * given[labels]
        explained /= explained.sum(axis=1, keepdims=True)
        counts = member @ explained + shares[:, None]
        given = counts / counts.sum(axis=0)
    return given
