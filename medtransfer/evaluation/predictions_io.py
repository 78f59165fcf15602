"""Prediction tables on disk: `predictions.csv`, and beside it `predictions.json` with what judges it.

The CSV holds text in quotes and numbers bare, in the shortest form that reads back to the same float64,
so `007` stays `007`. A text that begins like a spreadsheet formula (`= + - @`, tab, return) or with an
apostrophe gets one apostrophe in front, taken off again on reading. The JSON holds the digest of the
CSV: one cannot be changed without the other. Where embeddings were asked for, `features.parquet` holds them, and the
JSON its digest.

Reference: OWASP, "CSV Injection"; RFC 4180.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, ValidationError

from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.spectrum import Spectrum
from medtransfer.core.files import file_digest, write_bytes, write_text, written_whole
from medtransfer.core.inert import FORMULA_STARTS
from medtransfer.core.records import Record
from medtransfer.core.results import PROBABILITY, UNCALIBRATED, OperatingPoint, Predictions
from medtransfer.core.types import Task
from medtransfer.evaluation.cases import as_text

TABLE = "predictions.csv"
HEADER = "predictions.json"
FEATURES = "features.parquet"
_NUMBERS = (PROBABILITY, UNCALIBRATED)
_NEUTRALISED = (*FORMULA_STARTS, "'")


class PredictionsHeader(Record):
    """Everything of `Predictions` but its table."""

    schema_version: Literal[2] = 2
    task: Task = "multiclass"
    classes: tuple[str, ...]
    positive: str | None
    operating_point: OperatingPoint | None
    bundle_sha256: str
    training_patients: tuple[str, ...]
    patients_unknown: bool
    priors: dict[str, float] = Field(default={})
    spectrum: Spectrum | None = None
    table_sha256: str
    features_sha256: str | None = None


def write_predictions(predictions: Predictions, folder: Path) -> Path:
    """Write both files into `folder`, each whole or not at all and for its owner alone; return the path of the table.

    Raises:
        OutputError: The folder cannot be written to.
    """
    path = folder / TABLE
    write_bytes(path, csv_bytes(predictions.table), private=True)
    header = PredictionsHeader(
        task=predictions.task,
        classes=predictions.classes,
        positive=predictions.positive,
        operating_point=predictions.operating_point,
        bundle_sha256=predictions.bundle_sha256,
        training_patients=tuple(sorted(predictions.training_patients)),
        patients_unknown=predictions.patients_unknown,
        priors=predictions.priors,
        spectrum=predictions.spectrum,
        table_sha256=file_digest(path),
        features_sha256=_write_features(predictions.features, folder / FEATURES),
    )
    write_text(folder / HEADER, header.model_dump_json(indent=2) + "\n", private=True)
    return path


def read_predictions(path: Path) -> Predictions:
    """Read predictions from their folder, or from the CSV inside it.

    Text columns come back as text, probabilities as float64, empty ones as NaN.

    Raises:
        PredictionsError: `NotFound`, `Malformed` or `Altered`.
    """
    table_path = path / TABLE if path.is_dir() else path
    header_path = table_path.with_name(HEADER)
    try:
        content, header_text = table_path.read_bytes(), header_path.read_bytes()
    except OSError as error:
        raise PredictionsError(
            f"cannot be read: {error.strerror}",
            code="NotFound",
            path=error.filename or table_path,
            hint=f"Predictions are two files, {TABLE} and {HEADER}, as `medtransfer predict` writes them.",
        ) from error
    try:
        header = PredictionsHeader.model_validate_json(header_text)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"
        raise _malformed(header_path, what) from error
    _refuse_altered(table_path, header.table_sha256)
    return Predictions(
        table=_parse(content, table_path),
        task=header.task,
        classes=header.classes,
        positive=header.positive,
        operating_point=header.operating_point,
        bundle_sha256=header.bundle_sha256,
        training_patients=frozenset(header.training_patients),
        patients_unknown=header.patients_unknown,
        priors=header.priors,
        spectrum=header.spectrum,
        features=_read_features(table_path.with_name(FEATURES), header.features_sha256),
    )


def _write_features(features: pd.DataFrame | None, path: Path) -> str | None:
    """Write them where there are any; their digest."""
    if features is None:
        path.unlink(missing_ok=True)
        return None
    with written_whole(path, private=True) as temporary:
        features.to_parquet(temporary, index=False)
    return file_digest(path)


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


def csv_bytes(table: pd.DataFrame) -> bytes:
    """The table as it is written: UTF-8, line feeds, every column in its place, rows in their order."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(_neutralise(str(name)) for name in table.columns)
    columns = [_cells(table[name], str(name)) for name in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().encode()


def _cells(column: pd.Series, name: str) -> list[str] | list[float | None]:
    if name.startswith(_NUMBERS):
        return [None if pd.isna(value) else float(value) for value in column]
    return [_neutralise(value) for value in as_text(column)]


def _parse(content: bytes, path: Path) -> pd.DataFrame:
    try:
        head, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        columns = zip(*rows, strict=True) if rows else ([] for _ in head)
        return pd.DataFrame(
            {_restore(name): _column(_restore(name), cells) for name, cells in zip(head, columns, strict=True)}
        )
    except (ValueError, csv.Error) as error:
        raise _malformed(path, str(error)) from error


def _column(name: str, cells: tuple[str, ...] | list[str]) -> pd.Series:
    if name.startswith(_NUMBERS):
        return pd.Series([float(cell) if cell else float("nan") for cell in cells], dtype="float64")
    return pd.Series([_restore(cell) for cell in cells], dtype=object)


def _neutralise(text: str) -> str:
    return f"'{text}" if text.startswith(_NEUTRALISED) else text


def _restore(text: str) -> str:
    return text.removeprefix("'")


def _malformed(path: Path, what: str) -> PredictionsError:
    return PredictionsError(
        f"is no prediction file of schema version 2: {what}",
        code="Malformed",
        path=path,
        hint="Write it with `medtransfer predict`.",
    )
