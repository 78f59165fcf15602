"""Prediction tables on disk: `predictions.csv`, and beside it `predictions.json` with what judges it.

`predictions_table.py` says how the CSV is written. The JSON holds the digest of the CSV: one cannot be changed without
the other. Where embeddings were asked for, `features.parquet` holds them, and the JSON its digest.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field, ValidationError

from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.spectrum import Spectrum
from medtransfer.core.files import file_digest, write_text, written_whole
from medtransfer.core.records import Record
from medtransfer.core.results import OperatingPoint, Predictions
from medtransfer.core.types import Task
from medtransfer.evaluation.feature_files import write_features, written_features
from medtransfer.evaluation.predictions_table import csv_bytes, parse, row_writer, write_table

TABLE = "predictions.csv"
HEADER = "predictions.json"
FEATURES = "features.parquet"

__all__ = ["csv_bytes", "predictions_of", "read_header", "read_predictions", "write_predictions", "written_predictions"]


class PredictionsHeader(Record):
    """Everything of `Predictions` but its table."""

    schema_version: Literal[2] = 2
    task: Task = "multiclass"
    classes: tuple[str, ...]
    positive: str | None
    operating_point: OperatingPoint | None
    operating_points: dict[str, OperatingPoint] = Field(default={})
    bundle_sha256: str
    training_patients: tuple[str, ...]
    patients_unknown: bool
    priors: dict[str, float] = Field(default={})
    spectrum: Spectrum | None = None
    table_sha256: str
    features_sha256: str | None = None


def write_predictions(predictions: Predictions, folder: Path) -> Path:
    """Write the files into `folder`, each whole or not at all and for its owner alone; return the path of the table.

    Raises:
        OutputError: The folder cannot be written to.
    """
    path = folder / TABLE
    with written_whole(path, private=True) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        write_table(out, predictions.table)
    if predictions.features is not None:
        write_features(predictions.features, folder / FEATURES)
    _write_header(predictions, folder)
    return path


@contextmanager
def written_predictions(about: Predictions, folder: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give what takes the rows one by one; the files of `write_predictions` are there once the block is left in peace.

    Args:
        about: The predictions without their rows: table and features have columns alone. Rows that were read go into
            the features, too, where there are any.
        folder: Where the files will be.

    Raises:
        OutputError: The folder cannot be written to.
    """
    with ExitStack() as files:
        temporary = files.enter_context(written_whole(folder / TABLE, private=True))
        out = files.enter_context(temporary.open("w", encoding="utf-8", newline=""))
        take_row = row_writer(out, [str(name) for name in about.table.columns])
        take_features = None
        if about.features is not None:
            take_features = files.enter_context(written_features(folder / FEATURES, list(about.features.columns)))

        def take(row: Mapping[str, Any]) -> None:
            take_row(row)
            if take_features is not None and row["status"] == "read":
                take_features(row)

        yield take
    _write_header(about, folder)


def _write_header(about: Predictions, folder: Path) -> None:
    """Of the files as they lie there."""
    features = folder / FEATURES
    if about.features is None:
        features.unlink(missing_ok=True)
    header = PredictionsHeader(
        task=about.task,
        classes=about.classes,
        positive=about.positive,
        operating_point=about.operating_point,
        operating_points=about.operating_points,
        bundle_sha256=about.bundle_sha256,
        training_patients=tuple(sorted(about.training_patients)),
        patients_unknown=about.patients_unknown,
        priors=about.priors,
        spectrum=about.spectrum,
        table_sha256=file_digest(folder / TABLE),
        features_sha256=None if about.features is None else file_digest(features),
    )
    write_text(folder / HEADER, header.model_dump_json(indent=2) + "\n", private=True)


def read_header(path: Path) -> PredictionsHeader:
    """What `predictions.json` says.

    Raises:
        PredictionsError: `NotFound` or `Malformed`.
    """
    try:
        return PredictionsHeader.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _not_found(path, error) from error
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"
        raise _malformed(path, what) from error


def predictions_of(header: PredictionsHeader, table: pd.DataFrame, features: pd.DataFrame | None) -> Predictions:
    """The predictions that a header and its tables are."""
    return Predictions(
        table=table,
        task=header.task,
        classes=header.classes,
        positive=header.positive,
        operating_point=header.operating_point,
        operating_points=header.operating_points,
        bundle_sha256=header.bundle_sha256,
        training_patients=frozenset(header.training_patients),
        patients_unknown=header.patients_unknown,
        priors=header.priors,
        spectrum=header.spectrum,
        features=features,
    )


def read_predictions(path: Path) -> Predictions:
    """Read predictions from their folder, or from the CSV inside it.

    Text columns come back as text, probabilities as float64, empty ones as NaN.

    Raises:
        PredictionsError: `NotFound`, `Malformed` or `Altered`.
    """
    table_path = path / TABLE if path.is_dir() else path
    try:
        content = table_path.read_bytes()
    except OSError as error:
        raise _not_found(table_path, error) from error
    header = read_header(table_path.with_name(HEADER))
    _refuse_altered(table_path, header.table_sha256)
    try:
        table = parse(content.decode())
    except (ValueError, csv.Error) as error:
        raise _malformed(table_path, str(error)) from error
    return predictions_of(header, table, _read_features(table_path.with_name(FEATURES), header.features_sha256))


def _read_features(path: Path, sha256: str | None) -> pd.DataFrame | None:
    if sha256 is None:
        return None
    if not path.is_file():
        raise PredictionsError(
            "is not there, and the predictions name it",
            code="NotFound",
            path=path,
            hint="Copy the whole folder, or predict again with --store.",
        )
    _refuse_altered(path, sha256)
    return pd.read_parquet(path)


def _refuse_altered(path: Path, sha256: str) -> None:
    if file_digest(path) != sha256:
        raise PredictionsError(
            f"SHA-256 differs from the one in {HEADER}",
            code="Altered",
            path=path,
            hint="Predict again to restore it, and edit only copies: figures must not rest on edited rows.",
        )


def _not_found(path: Path, error: OSError) -> PredictionsError:
    return PredictionsError(
        f"cannot be read: {error.strerror}",
        code="NotFound",
        path=error.filename or path,
        hint=f"Predictions are two files, {TABLE} and {HEADER}, as `medtransfer predict` writes them.",
    )


def _malformed(path: Path, what: str) -> PredictionsError:
    return PredictionsError(
        f"is no prediction file of schema version 2: {what}",
        code="Malformed",
        path=path,
        hint="Write it with `medtransfer predict`.",
    )
