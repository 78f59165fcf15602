"""From studies to patients: one row a patient, for questions that are asked of people and not of pictures.

    probability   the mean over the patient's studies, or the largest of the finding's ("once seen, it is there")
    truth         of two classes the positive one, where any study has it; of ordered classes the highest; of several
                  labels present where any study has it, absent where all are known not to have it, else unknown

A patient whose studies belong to several of more than two unordered classes has no one truth: such patients are left
out and counted. Only studies that were read and have a truth are pooled, so that a patient is judged by the same
pictures as the truth speaks of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float64

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import ATTRIBUTE, PROBABILITY, UNCALIBRATED, Predictions
from medtransfer.data.targets import label_text, targets_of
from medtransfer.evaluation.cases import as_text, checked_table, refuse_unknown_patients

if TYPE_CHECKING:
    from pandas.core.groupby import DataFrameGroupBy, SeriesGroupBy

Pooling = Literal["mean", "max"]

SEVERAL = "several"
"""What stands in place of a site or an attribute in which a patient's studies differ."""


@dataclass(frozen=True, kw_only=True)
class PatientLevel:
    """Predictions of patients.

    Attributes:
        predictions: One row a patient; its `study_id` is made of the patient's site and id.
        left_out: Patients without one truth.
    """

    predictions: Predictions
    left_out: int


def patient_level(predictions: Predictions, *, pooling: Pooling = "mean") -> PatientLevel:
    """Pool the studies of each patient. Patients of equal id at different sites are different patients.

    Args:
        predictions: Of studies.
        pooling: `max` is for a declared positive class of two, or several labels.

    Raises:
        PredictionsError: The table cannot be trusted (`cases.checked_table`), `PatientUnknown`, or `NoCases`.
        ConfigError: `PoolingDoesNotFit`.
    """
    several = predictions.task == "multilabel"
    if pooling == "max" and not several and (predictions.positive is None or len(predictions.classes) != 2):
        raise ConfigError(
            "the largest probability of several studies is no distribution over more than two classes",
            code="PoolingDoesNotFit",
            hint="Pool by the mean, or declare the positive one of two classes.",
        )
    table = checked_table(predictions)
    table = table[(table["status"] == "read") & (table["truth"] != "")].sort_values("study_id")
    refuse_unknown_patients(table, predictions)
    people = table.groupby(whose(table), sort=True)
    made = pd.DataFrame(
        {"patient_id": people["patient_id"].first(), "truth": _truth(table["truth"], people, predictions)}
    )
    made = made.assign(study_id=made.index, status="read", error="", flags="")
    for name in filter(_is_words, map(str, table.columns)):
        made[name] = _agreed(people[name])
    for prefix in (PROBABILITY, UNCALIBRATED):
        columns = [f"{prefix}{name}" for name in predictions.classes]
        if set(columns) <= set(table.columns):
            made[columns] = _probabilities(people, columns, predictions, pooling)
    judged = made[made["truth"] != ""].reset_index(drop=True)
    if judged.empty:
        raise PredictionsError(
            "no patient has a study that was read and has one truth",
            code="NoCases",
            hint="Give the cohort labels, and look at the ledger for why images were not read.",
        )
    columns = [str(name) for name in table.columns if name in judged]
    pooled = replace(predictions, table=judged[columns], features=None)
    return PatientLevel(predictions=pooled, left_out=len(made) - len(judged))


def whose(table: pd.DataFrame) -> pd.Series:
    """Who each study is of; studies of unknown patients are each their own."""
    site = as_text(table["site"]) if "site" in table else ""
    named = site + "/" + table["patient_id"]
    return named.where(table["patient_id"] != "", "?" + table["study_id"])


def _truth(cells: pd.Series, people: DataFrameGroupBy, predictions: Predictions) -> pd.Series:
    """The truth of each patient; empty where there is no one."""
    classes, task = predictions.classes, predictions.task
    targets = pd.DataFrame(targets_of(cells, classes, task), index=cells.index)
    found = targets.groupby(people.ngroup())
    lowest, highest = found.min(), found.max()
    if task == "multilabel":
        known = (highest == 1) | found.count().eq(found.size(), axis=0)
        answers = [
            label_text(
                {name: bool(value == 1) for name, value, sure in zip(classes, row, is_known, strict=True) if sure}
            )
            for row, is_known in zip(highest.to_numpy(), known.to_numpy(), strict=True)
        ]
    elif predictions.positive is not None and len(classes) == 2:
        chosen = highest[0] if classes[1] == predictions.positive else lowest[0]
        answers = [classes[index] for index in chosen]
    else:
        one = (lowest[0] == highest[0]) | (task == "ordinal")
        answers = [classes[index] if sure else "" for index, sure in zip(highest[0], one, strict=True)]
    return pd.Series(answers, index=people.size().index, dtype=object)


def _probabilities(
    people: DataFrameGroupBy, columns: list[str], predictions: Predictions, pooling: Pooling
) -> Float64[np.ndarray, "patient class"]:
    if pooling == "mean":
        return people[columns].mean().to_numpy()
    if predictions.task == "multilabel":
        return people[columns].max().to_numpy()
    positive = columns[predictions.classes.index(str(predictions.positive))]
    return people.obj.loc[people[positive].idxmax(), columns].to_numpy()


def _agreed(cells: SeriesGroupBy) -> pd.Series:
    """The one value of each patient, or `SEVERAL`, or nothing; the earliest of dates."""
    said = cells.obj.where(cells.obj != "").groupby(cells.ngroup())
    found, first = said.nunique(), (said.min() if cells.obj.name == "date" else said.first()).fillna("")
    if cells.obj.name != "date":
        first = first.where(found < 2, SEVERAL)
    return first.set_axis(cells.size().index)


def _is_words(name: str) -> bool:
    return name in {"site", "split", "date", "bundle_sha256"} or name.startswith(ATTRIBUTE)
