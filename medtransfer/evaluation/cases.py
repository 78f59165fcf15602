"""Which studies are measured, and every check a prediction table must pass first.

Measured are the rows with status `read` and a truth, in order of their study id, so that the order of
the table can change no figure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd

from medtransfer.core.errors import PredictionsError
from medtransfer.core.files import patient_digest
from medtransfer.core.results import PROBABILITY, Predictions, Status
from medtransfer.core.types import ClassProbabilities, Groups, StudyTargets
from medtransfer.data.cohort import patients
from medtransfer.data.targets import strange_labels, targets_of
from medtransfer.evaluation.decisions import check_points, decisions_of

_NEEDED = ("study_id", "patient_id", "truth", "status", "error")
_TOLERANCE = 1e-6
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Cases:
    """The studies that are measured."""

    truth: StudyTargets
    """Index into the classes; of several labels 1, 0 or NaN (unknown) each."""
    probability: ClassProbabilities
    groups: Groups
    table: pd.DataFrame
    """Their rows of the prediction table, in the same order."""
    namesakes: int = 0
    """Patient ids that also occur among the training patients of another site."""


def measured_cases(predictions: Predictions) -> Cases:
    """Check the predictions and pick what is measured, sorted by study id.

    Rows without a patient id are refused, or, where `predictions.patients_unknown` allows them, become
    patients of their own; who is one patient, `data.cohort.patients` says.

    Raises:
        PredictionsError: With the codes of `checked_table`, and `NoCases`, `PatientUnknown` or
            `PatientInTraining`.
    """
    table = checked_table(predictions)
    table = table[(table["status"] == "read") & (table["truth"] != "")].sort_values("study_id")
    if table.empty:
        raise PredictionsError(
            "no study was read and has a truth",
            code="NoCases",
            hint="Give the cohort labels, and look at the ledger for why images were not read.",
        )
    refuse_unknown_patients(table, predictions)
    namesakes = refuse_training_patients(table, predictions)
    return Cases(
        truth=targets_of(table["truth"], predictions.classes, predictions.task),
        probability=_probabilities(table, predictions),
        groups=pd.factorize(patients(table), sort=False)[0].astype(np.int64),
        table=table,
        namesakes=namesakes,
    )


def checked_table(predictions: Predictions) -> pd.DataFrame:
    """The prediction table with its text columns as plain text, if it can be trusted.

    Raises:
        PredictionsError: `MissingColumn`, `UnknownStatus`, `DuplicateStudy`, `UnknownLabel`, `OtherBundle`,
            `MissingProbability`, `NotProbabilities`, `OtherOperatingPoint`, `OtherThreshold` or `PositiveOfSeveral`.
    """
    columns = [PROBABILITY + name for name in predictions.classes]
    missing = [name for name in (*_NEEDED, *columns) if name not in predictions.table.columns]
    if missing:
        raise PredictionsError(
            f"no column {', '.join(missing)}",
            code="MissingColumn",
            hint="Write the table with `medtransfer predict`, or add the column.",
        )
    table = predictions.table.assign(
        **{
            name: as_text(predictions.table[name])
            for name in (*_NEEDED, "bundle_sha256", "decision")
            if name in predictions.table.columns
        }
    )
    _check_words(table, predictions)
    read = table[table["status"] == "read"]
    _check_probabilities(read, predictions)
    _check_decisions(read, predictions)
    return table


def as_text(column: pd.Series) -> pd.Series:
    """The column as plain text, empty where a value is missing; equal values are one object, which saves memory."""
    if isinstance(column.dtype, pd.StringDtype):
        codes, words = column.fillna("").factorize()
        return pd.Series(np.asarray(words, dtype=object)[codes], index=column.index, name=column.name, dtype=object)
    if pd.api.types.infer_dtype(column, skipna=False) == "string":
        return column
    return column.astype(object).where(column.notna(), "").map(str)


def with_text_once(predictions: Predictions) -> Predictions:
    """The same predictions with their text as Python's own strings, which every later look at the table then shares."""
    table = predictions.table
    strings = [name for name in table.columns if isinstance(table[name].dtype, pd.StringDtype)]
    return replace(predictions, table=table.assign(**{name: as_text(table[name]) for name in strings}))


def _check_words(table: pd.DataFrame, predictions: Predictions) -> None:
    if predictions.positive is not None and predictions.positive not in predictions.classes:
        raise PredictionsError(
            f"the positive class {predictions.positive!r} is none of {', '.join(predictions.classes)}",
            code="UnknownLabel",
            hint="Declare one of the classes positive.",
        )
    if predictions.positive is not None and predictions.task == "multilabel":
        raise PredictionsError(
            f"{predictions.positive!r} is positive, but studies have several labels at once",
            code="PositiveOfSeveral",
            hint="Declare none positive: every label is judged by itself.",
        )
    _refuse(
        table[~table["status"].isin(get_args(Status))],
        "status",
        code="UnknownStatus",
        hint=f"Status is one of {', '.join(get_args(Status))}.",
    )
    _refuse(
        table[table["study_id"].duplicated(keep=False)],
        "study_id",
        code="DuplicateStudy",
        hint="One row per study: average the images of a study before evaluating it.",
    )
    several = predictions.task == "multilabel"
    _refuse(
        table[table["truth"].isin(strange_labels(table["truth"], predictions.classes, predictions.task))],
        "truth",
        code="UnknownLabel",
        hint=f"Use {'such as a=1;b=0 of' if several else 'one of'} {', '.join(predictions.classes)}, or leave it empty "
        "where the truth is unknown.",
    )
    if "bundle_sha256" in table.columns:
        _refuse(
            table[~table["bundle_sha256"].isin(["", predictions.bundle_sha256])],
            "bundle_sha256",
            code="OtherBundle",
            hint=f"All rows must come from bundle {predictions.bundle_sha256[:12]}…; predict again.",
        )


def _check_probabilities(read: pd.DataFrame, predictions: Predictions) -> None:
    values = _probabilities(read, predictions)
    _refuse(
        read[np.asarray(np.isnan(values).any(axis=1), dtype=bool)],
        "study_id",
        code="MissingProbability",
        hint="A study without probabilities has status `failed` or `excluded`, with its reason in `error`.",
    )
    outside = ((values < 0) | (values > 1)).any(axis=1)
    exclusive = predictions.task != "multilabel"
    if exclusive:
        outside |= np.abs(values.sum(axis=1) - 1) > _TOLERANCE
    if outside.any():
        study = read["study_id"].to_numpy()[outside][0]
        found = ", ".join(f"{p:.6g}" for p in values[outside][0])
        law = " and a row must sum to 1 within 1e-6; logits need a softmax" if exclusive else "; logits need a sigmoid"
        raise PredictionsError(
            f"{int(outside.sum())} studies have no probabilities: first {study!r}: {found}",
            code="NotProbabilities",
            hint=f"Each must lie in [0, 1]{law} first.",
        )


def _check_decisions(read: pd.DataFrame, predictions: Predictions) -> None:
    check_points(predictions)
    if predictions.points and "decision" in read.columns:
        locked = ", ".join(f"{one.threshold!r} of {name!r}" for name, one in predictions.points.items())
        _refuse(
            read[(read["decision"] != "") & (read["decision"] != decisions_of(read, predictions))],
            "decision",
            code="OtherThreshold",
            hint=f"The decisions do not follow from the locked thresholds ({locked}); they may not be moved after "
            "predicting. Predict again.",
        )


def refuse_unknown_patients(table: pd.DataFrame, predictions: Predictions) -> None:
    """Refuse studies without a patient id, unless the user allowed them."""
    if not predictions.patients_unknown:
        _refuse(
            table[table["patient_id"] == ""],
            "study_id",
            what="studies without a patient id",
            code="PatientUnknown",
            hint="Add patient ids, or allow it with --patients-unknown: intervals may then be too narrow.",
        )


def refuse_training_patients(table: pd.DataFrame, predictions: Predictions) -> int:
    """Refuse patients that were trained on; how many other ids occur among the training patients of another site.

    A patient was trained on where site and id match, or where the site is unknown and the id matches.
    """
    known = table[table["patient_id"] != ""]
    sites = as_text(known["site"]) if "site" in known else pd.Series("", index=known.index)
    pairs = set(zip(sites, known["patient_id"], strict=True))
    named = {(site, name): patient_digest(name, site=site) for site, name in pairs}
    seen = {pair: digest for pair, digest in named.items() if digest in predictions.training_patients}
    if seen:
        raise PredictionsError(
            f"{len(seen)} of {len(pairs)} patients were trained on, with digests {_some(sorted(seen.values()))}",
            code="PatientInTraining",
            hint="Evaluate on patients the bundle has not seen, such as the test split.",
        )
    return sum(patient_digest(name) in predictions.training_patients for name in {name for _, name in pairs})


def _probabilities(table: pd.DataFrame, predictions: Predictions) -> ClassProbabilities:
    columns = [PROBABILITY + name for name in predictions.classes]
    try:
        return table[columns].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionsError(
            f"a probability is no number: {error}",
            code="NotProbabilities",
            hint="Write plain decimal numbers.",
        ) from error


def _refuse(bad: pd.DataFrame, column: str, *, code: str, hint: str, what: str = "") -> None:
    """Raise where there are bad rows, naming a few of the offending values."""
    if not bad.empty:
        values = sorted(set(bad[column]))
        what = what or f"unusable {column}"
        raise PredictionsError(f"{len(bad)} {what}: {_some(values)}", code=code, hint=hint)


def _some(values: list[str]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(repr, values[:_SHOWN])) + more
