"""The rows of a prediction table as these parts look at them: in order of study id, truth as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64

from medtransfer.core.results import ATTRIBUTE, PROBABILITY, Predictions
from medtransfer.core.types import ClassProbabilities, Groups, Probabilities, Truths
from medtransfer.data.cohort import patients
from medtransfer.data.targets import targets_of
from medtransfer.evaluation.cases import as_text, checked_table

PartialTruths = Float64[np.ndarray, " case"]
"""1 where the study has the finding, 0 where it has not, NaN where nobody knows."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding against the rest, row by row of the studies that were read.

    Attributes:
        name: Of the positive class, of a label, or `severe or higher` of ordered classes.
        truth: Of each study.
        probability: Of the finding.
        threshold: From which on a study is called positive, where there is one.
    """

    name: str
    truth: PartialTruths
    probability: Probabilities
    threshold: float | None = None


def read_rows(predictions: Predictions) -> pd.DataFrame:
    """The studies that were read, labelled or not, sorted by study id: `study_id`, `patient_id`, …, and attributes.

    Attributes have their plain names, `truth` is called `label` as in a cohort, all of it is text.

    Raises:
        PredictionsError: The table cannot be trusted (`cases.checked_table`).
    """
    table = checked_table(predictions)
    return plain(table[table["status"] == "read"].sort_values("study_id"))


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """What the table says of its studies, under the names that a cohort has for it."""
    attributes = [name for name in map(str, table.columns) if name.startswith(ATTRIBUTE)]
    names = {"study_id": "study_id", "patient_id": "patient_id", "site": "site", "date": "date", "truth": "label"}
    names |= {name: name.removeprefix(ATTRIBUTE) for name in attributes}
    kept = {new: as_text(table[old]).to_numpy() for old, new in names.items() if old in table}
    return pd.DataFrame(kept, dtype=object).reset_index(drop=True)


def labelled_rows(predictions: Predictions) -> pd.DataFrame:
    """Of the studies that were read, those with a truth: the evaluated ones."""
    rows = read_rows(predictions)
    return rows[rows["label"] != ""].reset_index(drop=True)


def groups_of(rows: pd.DataFrame) -> Groups:
    """The patient of each row; a row without one is its own."""
    return pd.factorize(patients(rows), sort=True)[0].astype(np.int64)


def of_some_patients(groups: Groups, patients: int, generator: np.random.Generator) -> Truths:
    """Which rows belong to so many patients, drawn without replacement; all where there are no more."""
    who = np.unique(groups)
    if who.size <= patients:
        return np.ones(groups.size, dtype=bool)
    return np.isin(groups, generator.choice(who, size=patients, replace=False))


def findings(predictions: Predictions) -> tuple[Finding, ...]:
    """What is looked at one by one, aligned with `read_rows`.

    The positive class where there is one; of several labels each; of ordered classes each cut, "this class or higher";
    of other classes each against the rest (of two, the last).
    """
    table = checked_table(predictions)
    read = table[table["status"] == "read"].sort_values("study_id")
    classes, points = predictions.classes, predictions.points
    values = read[[PROBABILITY + name for name in classes]].to_numpy(dtype=np.float64)
    targets = targets_of(read["truth"], classes, predictions.task)
    if predictions.task == "multilabel":
        return tuple(
            Finding(
                name=name,
                truth=targets[:, i].astype(np.float64),
                probability=values[:, i],
                threshold=points[name].threshold if name in points else None,
            )
            for i, name in enumerate(classes)
        )
    truth = np.where(targets < 0, np.nan, targets)
    if predictions.task == "ordinal":
        return tuple(_cut(classes, k, truth, values) for k in range(1, len(classes)))
    positive = predictions.positive or (classes[-1] if len(classes) == 2 else None)
    wanted = classes if positive is None else (positive,)
    return tuple(
        Finding(
            name=name,
            truth=np.where(np.isnan(truth), np.nan, truth == classes.index(name)),
            probability=np.ascontiguousarray(values[:, classes.index(name)]),
            threshold=points[name].threshold if name in points else None,
        )
        for name in wanted
    )


def _cut(classes: tuple[str, ...], k: int, truth: PartialTruths, values: ClassProbabilities) -> Finding:
    """Class k or a higher one. A sum of probabilities may exceed 1 by rounding."""
    return Finding(
        name=classes[k] if k == len(classes) - 1 else f"{classes[k]} or higher",
        truth=np.where(np.isnan(truth), np.nan, truth >= k),
        probability=np.clip(values[:, k:].sum(axis=1), 0.0, 1.0),
    )
