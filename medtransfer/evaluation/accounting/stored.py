"""What `predict` stored of each study on request, as one matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import Predictions

Stored = Float64[np.ndarray, "case value"]


def stored(predictions: Predictions, column: str, rows: pd.DataFrame) -> tuple[Stored, Bool[np.ndarray, " row"]]:
    """A column of `predictions.features` for those of the rows that have it, and which these are.

    Args:
        predictions: With features, or without: then no row has any.
        column: One of `FEATURE_COLUMNS`.
        rows: Studies, by `study_id`.

    Raises:
        PredictionsError: `DuplicateStudy`, `RaggedFeatures` or `NotFinite`.
    """
    features = predictions.features
    if features is None or column not in features:
        return np.empty((0, 0)), np.zeros(len(rows), dtype=bool)
    names = features["study_id"].astype(str)
    if names.duplicated().any():
        raise _unusable(f"study {names[names.duplicated()].iloc[0]!r} has two rows", "DuplicateStudy")
    cells = dict(zip(names, features[column], strict=True))
    found = [cells.get(name) for name in rows["study_id"]]
    has = np.array([cell is not None for cell in found], dtype=bool)
    vectors = [np.asarray(cell, dtype=np.float64).ravel() for cell in found if cell is not None]
    lengths = {vector.size for vector in vectors}
    if len(lengths) > 1:
        raise _unusable(f"cells of {column} have {min(lengths)} to {max(lengths)} values", "RaggedFeatures")
    matrix = np.stack(vectors) if vectors else np.empty((0, 0))
    if not np.isfinite(matrix).all():
        raise _unusable(f"{column} holds a value that is no finite number", "NotFinite")
    return matrix, has


def _unusable(message: str, code: str) -> PredictionsError:
    return PredictionsError(f"features: {message}", code=code, hint="Predict again with --store.")
