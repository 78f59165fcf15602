"""Scores that several readers gave the same cases, in one modality or in several: the data of a reader study."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64

from medtransfer.core.errors import PredictionsError
from medtransfer.core.types import Truths

Scores = Float64[np.ndarray, "modality reader case"]
"""A higher score means more positive."""


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """One row a reading.

    Attributes:
        table: Columns `reader`, `case` and `modality` as text, `score` as a number; no row without a score.
        truth: By case, as text: is the finding there?
    """

    table: pd.DataFrame
    truth: dict[str, bool]

    def names(self, column: str) -> tuple[str, ...]:
        """The readers, cases or modalities, in the order in which they first occur."""
        return tuple(dict.fromkeys(self.table[column]))

    def crossed(self) -> tuple[Scores, Truths]:
        """Scores as an array, and the truth of its cases, where every reader scored every case in every modality.

        Raises:
            PredictionsError: `NotCrossed`.
        """
        axes = ("modality", "reader", "case")
        names = [self.names(axis) for axis in axes]
        shape = tuple(len(one) for one in names)
        place = [pd.Index(one).get_indexer(pd.Index(self.table[axis])) for one, axis in zip(names, axes, strict=True)]
        scores = np.full(shape, np.nan)
        scores[tuple(place)] = self.table["score"].to_numpy(dtype=np.float64)
        if len(self.table) != scores.size or np.isnan(scores).any():
            raise PredictionsError(
                f"{len(self.table)} readings, but {shape[0]} modalities × {shape[1]} readers × {shape[2]} cases",
                code="NotCrossed",
                hint="This analysis needs every reader to score every case once in every modality.",
            )
        return scores, np.array([self.truth[case] for case in names[2]], dtype=bool)
