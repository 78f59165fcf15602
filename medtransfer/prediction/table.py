"""From rows of the journal to a prediction table, a ledger and features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from medtransfer.core.results import (
    ATTRIBUTE,
    COHORT_COLUMNS,
    PREDICTION_COLUMNS,
    PROBABILITY,
    UNCALIBRATED,
    Predictions,
)
from medtransfer.data.ledger import LedgerRow
from medtransfer.data.listing import About
from medtransfer.data.names import PICKS
from medtransfer.data.several_labels import COMMA
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.stored import COLUMNS, unpacked


def attributes_of(about: About, classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of a cohort that say something of the study: neither names of series, nor the labels themselves."""
    labels = {*about.label.split(COMMA), *(classes if about.task == "multilabel" else ())}
    known = {*COHORT_COLUMNS, *PICKS, *labels}
    return tuple(name for name in about.columns if name not in known)


def table_columns(bundle: Bundle, attributes: Sequence[str]) -> tuple[str, ...]:
    """`PREDICTION_COLUMNS` in their order, one for each class and attribute."""
    classes = bundle.manifest.classes
    several = {
        f"{PROBABILITY}<class>": [f"{PROBABILITY}{name}" for name in classes],
        f"{UNCALIBRATED}<class>": [f"{UNCALIBRATED}{name}" for name in classes if bundle.manifest.calibrator],
        f"{ATTRIBUTE}<name>": [f"{ATTRIBUTE}{name}" for name in attributes],
    }
    return tuple(column for name in PREDICTION_COLUMNS for column in several.get(name, [name]))


def without_rows(
    bundle: Bundle, *, columns: Sequence[str], stored: Sequence[str], patients_unknown: bool
) -> Predictions:
    """The bundle's predictions before there are any: table and features have columns alone."""
    manifest = bundle.manifest
    return Predictions(
        table=pd.DataFrame(columns=list(columns)),
        classes=manifest.classes,
        positive=manifest.positive,
        operating_point=manifest.operating_point,
        operating_points=manifest.operating_points,
        bundle_sha256=bundle.sha256,
        training_patients=frozenset(manifest.training.patients),
        patients_unknown=patients_unknown,
        task=manifest.task,
        priors=manifest.priors,
        spectrum=manifest.training.spectrum,
        features=empty_features(stored),
    )


def empty_features(stored: Sequence[str]) -> pd.DataFrame | None:
    """The columns of what is stored; None where nothing is."""
    if not stored:
        return None
    return pd.DataFrame(columns=["study_id", *(name for kind in stored for name in COLUMNS[kind])])


def table_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """The prediction table, in memory."""
    table = pd.DataFrame([{name: row.get(name) for name in columns} for row in rows], columns=list(columns))
    numbers = [name for name in columns if name.startswith((PROBABILITY, UNCALIBRATED))]
    table[numbers] = table[numbers].astype(float)
    return table


def with_features(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its embedding, where it has one, as numbers."""
    return row | {"embedding": unpacked(row["embedding"])} if "embedding" in row else row


def ledger_rows(row: Mapping[str, Any]) -> list[LedgerRow]:
    """What became of the images of a study."""
    whose = {"study_id": row["study_id"], "patient_id": row["patient_id"]}
    return [LedgerRow(**(image | whose | {"notes": tuple(image["notes"])})) for image in row["images"]]
