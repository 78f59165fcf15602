"""Several labels at once, some of them unknown, and classes that have an order: cohort tables, and predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medtransfer.core.errors import CohortError
from medtransfer.core.results import Estimate, Predictions
from medtransfer.core.types import Task
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.targets import label_text

Rows = dict[str, list[str]]

LABELS = ("pneumonia", "effusion", "hernia")
GRADES = ("none", "mild", "moderate", "severe")


def read_four(folder: Path, columns: Rows, **asked: object) -> Cohort:
    """Read a table of four studies with such columns; the files are never looked at."""
    own: Rows = {"path": ["a.png", "b.png", "c.png", "d.png"], "patient_id": ["1", "2", "3", "4"]}
    pd.DataFrame({**own, **columns}).to_csv(folder / "cohort.csv", index=False)
    return read_cohort(folder, allow_missing=True, **asked)  # pyright: ignore[reportArgumentType]


def refused(folder: Path, columns: Rows, code: str, **asked: object) -> CohortError:
    """The error that such a table gives."""
    with pytest.raises(CohortError) as caught:
        read_four(folder, columns, **asked)
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Lower end, value and upper end of a figure that has an interval."""
    assert estimate.low is not None
    assert estimate.value is not None
    assert estimate.high is not None
    return estimate.low, estimate.value, estimate.high


def predictions_of(
    truth: list[str], probability: np.ndarray, classes: tuple[str, ...], task: Task, *, patients: np.ndarray
) -> Predictions:
    """A table in which every study was read."""
    table = pd.DataFrame(
        {
            "study_id": [f"s{i:04}" for i in range(len(truth))],
            "patient_id": [f"p{patient}" for patient in patients],
            "truth": truth,
            "status": "read",
            "error": "",
        }
    )
    for name, column in zip(classes, probability.T, strict=True):
        table[f"probability_{name}"] = column
    return Predictions(
        table=table, classes=classes, positive=None, operating_point=None, bundle_sha256="b" * 64, task=task
    )


def label_truths(cases: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """1, 0 or NaN of each label, and a probability that knows something; `case label`."""
    generator = np.random.default_rng(seed)
    truth = (generator.random((cases, 3)) < (0.4, 0.3, 0.1)).astype(np.float64)
    probability = 1 / (1 + np.exp(-(generator.normal(size=(cases, 3)) + 1.5 * truth - 1)))
    truth[generator.random((cases, 3)) < (0.1, 0.3, 0.2)] = np.nan
    return truth, probability


def label_cells(truth: np.ndarray) -> list[str]:
    """What a table says of such truths."""
    return [label_text({n: bool(v) for n, v in zip(LABELS, row, strict=True) if not np.isnan(v)}) for row in truth]


def several_labels(cases: int = 160, seed: int = 0) -> Predictions:
    """Two studies a patient; a label is known of 70 to 90 % of them."""
    truth, probability = label_truths(cases, seed)
    return predictions_of(label_cells(truth), probability, LABELS, "multilabel", patients=np.arange(cases) // 2)


def grade_truths(cases: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Index of the grade, and probabilities of all four; `case`, `case class`."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 4, cases)
    distance = np.abs(np.arange(4) - (truth + generator.normal(0, 0.9, cases))[:, None])
    scores = np.exp(-2 * distance)
    return truth, scores / scores.sum(axis=1, keepdims=True)


def ordered_classes(cases: int = 120, seed: int = 0) -> Predictions:
    """Two studies a patient."""
    truth, probability = grade_truths(cases, seed)
    cells = [GRADES[index] for index in truth]
    return predictions_of(cells, probability, GRADES, "ordinal", patients=np.arange(cases) // 2)
