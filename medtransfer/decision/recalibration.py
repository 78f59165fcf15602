"""Recalibrate what a network says: which scores a calibrator sees of each kind of question, and what becomes of them.

two classes       one score, of the positive class; the other class gets the rest
more classes      all at once where the calibrator can (temperature, prior shift); otherwise each class against the
                  rest, and rows divided by their sums (Zadrozny, Elkan 2002)
ordered classes   the cuts between them (temperature), or as more classes (prior shift); no other calibrator is sure
                  to leave P(y > k) falling in k
several labels    each by itself, on the studies where it is known
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np

from medtransfer.core.config.decision import CALIBRATORS
from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.types import ClassIndices, ClassProbabilities, StudyTargets, Task
from medtransfer.decision.calibrators._scores import Fitted, Parameters, Scores, classes, cuts, odds

FEW: Final = 10
"""With fewer calibration studies of either class than this a note says so."""

_OF = "/"
"""Between a class and the name of its parameter."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the probabilities are of."""

    task: Task
    classes: tuple[str, ...]
    positive: str | None

    @property
    def found(self) -> int:
        """Of two classes, the one whose score is seen."""
        return self.classes.index(self.positive) if self.positive else len(self.classes) - 1


def check_calibrator(name: str, question: Question) -> None:
    """Refuse a calibrator that the question has no use for.

    Raises:
        CatalogueError: There is no such calibrator.
        ConfigError: `NotForOrder`.
    """
    if question.task == "ordinal" and not _kinds(name) & {"cuts", "classes"}:
        raise ConfigError(
            f"{name} calibrates each class by itself, and could put ordered classes out of order",
            code="NotForOrder",
            path="decision.calibrator",
            hint="Use temperature or prior_shift for ordered classes.",
        )


def check_truth(truth: StudyTargets, question: Question) -> None:
    """Refuse calibration studies that say nothing of some class or label.

    Raises:
        PredictionsError: `OneClass`.
    """
    for name, counts in _sides(truth, question):
        if min(counts) == 0:
            raise PredictionsError(
                f"of {sum(counts)} calibration studies {counts[0]} are {name!r}, and {counts[1]} are not",
                code="OneClass",
                hint="Calibration needs studies with and without each class or label: give its split more patients.",
            )


def fit_calibrator(
    name: str,
    truth: StudyTargets,
    probability: ClassProbabilities,
    *,
    question: Question,
    priors: Mapping[str, float],
    settings: Mapping[str, Any],
) -> Fitted:
    """Fit a calibrator to calibration studies, which nothing else was fitted to or chosen on.

    Args:
        name: Entry of `decision/calibrators/`.
        truth: Of the calibration studies.
        probability: Theirs, of every class or label.
        question: What the probabilities are of.
        priors: Share of each class or label to which they are calibrated; for calibrators that ask.
        settings: The entry's own.

    Raises:
        ConfigError: `NotForOrder`, or what the entry refuses.
        PredictionsError: `OneClass`, or what the entry refuses.
    """
    check_calibrator(name, question)
    check_truth(truth, question)
    asks = "priors" in CALIBRATORS.hyperparameters(name) and "priors" not in settings
    parameters: Parameters = {}
    notes = list(_few(truth, question))
    for prefix, columns, scores, answers in _parts(name, truth, probability, question):
        own = {key: _of_columns(value, prefix, question) for key, value in settings.items()}
        if asks:
            own["priors"] = [priors.get(question.classes[k], float("nan")) for k in columns]
        found: Fitted = CALIBRATORS.get(name)(scores, answers, **own)
        parameters |= {f"{prefix}{key}": value for key, value in found.parameters.items()}
        notes += [f"{prefix.replace(_OF, ': ')}{note}" for note in found.notes]
    return Fitted(parameters, tuple(notes))


def recalibrated(
    name: str, parameters: Mapping[str, Sequence[float]], probability: ClassProbabilities, *, question: Question
) -> ClassProbabilities:
    """The probabilities as the calibrator gives them; rows of exclusive classes sum to 1.

    Args:
        name: Entry of `decision/calibrators/`.
        parameters: What `fit_calibrator` found.
        probability: Of every class or label.
        question: What the probabilities are of.
    """
    apply = _module(name).apply
    if len(probability) == 0:
        return probability
    result = np.empty_like(probability)
    for prefix, columns, scores, _ in _parts(name, None, probability, question):
        own = {key.removeprefix(prefix): tuple(values) for key, values in parameters.items() if key.startswith(prefix)}
        found = apply(scores, own)
        if scores.kind == "cuts":
            edge = np.ones((len(found), 1))
            found = -np.diff(np.hstack([edge, found, 0 * edge]), axis=1)
        result[:, columns] = found
    if question.task == "multilabel":
        return result
    if len(question.classes) == 2 and question.task == "multiclass":
        result[:, 1 - question.found] = 1 - result[:, question.found]
        return result
    return result / result.sum(axis=1, keepdims=True)


def _parts(
    name: str, truth: StudyTargets | None, probability: ClassProbabilities, question: Question
) -> Iterator[tuple[str, list[int], Scores, ClassIndices]]:
    """Each regression of its own: prefix of its parameters, the columns that it gives, scores and truth."""
    kinds, count = _kinds(name), len(question.classes)
    everyone = np.zeros(len(probability), dtype=np.int64)
    answers = everyone if truth is None or truth.ndim == 2 else truth.astype(np.int64)
    if question.task == "multilabel":
        for k, label in enumerate(question.classes):
            known = slice(None) if truth is None else ~np.isnan(truth[:, k])
            own = everyone if truth is None else truth[known, k].astype(np.int64)
            yield f"{label}{_OF}", [k], odds(probability[known, k]), own
    elif question.task == "ordinal" and "cuts" in kinds:
        yield "", list(range(count)), cuts(probability), answers
    elif question.task == "multiclass" and count == 2:
        k = question.found
        yield "", [k], odds(probability[:, k], probability[:, 1 - k]), (answers == k).astype(np.int64)
    elif "classes" in kinds:
        yield "", list(range(count)), classes(probability), answers
    else:
        for k, label in enumerate(question.classes):
            rest = np.delete(probability, k, axis=1).sum(axis=1)
            yield f"{label}{_OF}", [k], odds(probability[:, k], rest), (answers == k).astype(np.int64)


def _of_columns(value: object, prefix: str, question: Question) -> object:
    """Of a setting that has a number for each label, the one of this label."""
    if prefix and isinstance(value, list | tuple) and len(value) == len(question.classes):
        return [value[question.classes.index(prefix.removesuffix(_OF))]]
    return value


def _sides(truth: StudyTargets, question: Question) -> Iterator[tuple[str, tuple[int, int]]]:
    """Of each class or label: how many studies are it, and how many known ones are not."""
    for k, name in enumerate(question.classes):
        if truth.ndim == 2:
            yield name, (int((truth[:, k] == 1).sum()), int((truth[:, k] == 0).sum()))
        else:
            yield name, (int((truth == k).sum()), int((truth != k).sum()))


def _few(truth: StudyTargets, question: Question) -> Iterator[str]:
    for name, (those, others) in _sides(truth, question):
        if min(those, others) < FEW:
            yield f"recalibration saw {those} studies that are {name!r} and {others} that are not: fewer than {FEW}"


def _kinds(name: str) -> frozenset[str]:
    return _module(name).KINDS


def _module(name: str) -> ModuleType:
    return sys.modules[CALIBRATORS.get(name).__module__]
