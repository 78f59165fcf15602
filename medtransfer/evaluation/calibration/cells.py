"""What the bootstrap keeps of each replicate: how many studies with the finding, and without it, fell in each cell.

Cells are runs of studies of nearly the same probability. Up to 1,000 distinct probabilities, each has its own. Of more,
logits within a cell are at most 1/20 apart, a cell holds a 250th of the studies or so unless these are alike, and
none reaches over the edge of a bin. A sum over cases Σ wᵢ·vᵢ becomes

    Σ_c (w₊ of cell c)·(mean of v over its cases with the finding) + (w₋)·(mean over those without)

which is exact on the data themselves, and on a replicate up to how v varies inside a cell. Isotonic regression of cells
is a little less free than that of cases, so that MCB and DSC come out lower on a replicate, by less than their standard
error. So a replicate costs two
sums over its weights, however many figures are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int

from medtransfer.core.types import CaseWeights, Probabilities
from medtransfer.evaluation.calibration.log_odds import log_odds
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.resampling import ReplicateWeights

MOST_DISTINCT: Final = 1000
_LOGIT_STEP: Final = 1 / 20
_FEWEST_RUNS: Final = 250

AnyCuts = Float64[np.ndarray, " _"]
"""Edges of bins of one scheme or another."""

CellStarts = Int[np.ndarray, " cell"]
HalfOfCase = Int[np.ndarray, " case"]
RarerPlaces = Int[np.ndarray, " rarer"]
RarerCells = Int[np.ndarray, " occupied"]

Counts = Float64[np.ndarray, "replicate half"]
"""Studies with the finding in each cell, then those without."""

ByHalf = Float64[np.ndarray, " half"]

ByCell = Float64[np.ndarray, " cell"]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Of a view; `first` is the place of each cell's first study."""

    first: CellStarts
    half: HalfOfCase
    """Of each study: its cell, or, without the finding, its cell + the number of cells."""
    sizes: ByHalf
    positives_are_rarer: bool
    rarer: RarerPlaces
    """Places of the studies of the rarer class."""
    rarer_first: RarerCells
    """Where among them the cells that have any begin."""
    rarer_cells: RarerCells

    def counts(self, weights: ReplicateWeights) -> Counts:
        """The statistic of the bootstrap."""
        everyone = np.add.reduceat(weights, self.first, axis=1)
        fewer = np.zeros_like(everyone)
        if self.rarer.size:
            fewer[:, self.rarer_cells] = np.add.reduceat(np.take(weights, self.rarer, axis=1), self.rarer_first, axis=1)
        both = [fewer, everyone - fewer]
        return np.concatenate(both if self.positives_are_rarer else both[::-1], axis=1)

    def means(self, values: CaseWeights) -> ByHalf:
        """Mean of a case's value over each half of a cell; 0 where that is empty."""
        sums = np.bincount(self.half, weights=values, minlength=self.sizes.size)
        return np.divide(sums, self.sizes, out=np.zeros_like(sums), where=self.sizes > 0)

    def cell_means(self, values: CaseWeights) -> ByCell:
        """Mean of a case's value over each cell."""
        return np.add.reduceat(values, self.first) / np.diff(np.append(self.first, values.size))


def cells_of(view: Positive, edges: Sequence[AnyCuts]) -> Cells:
    """The cells of a view with a study or more; `edges` are those of bins."""
    first = _first(view.probability, edges)
    cell = np.repeat(np.arange(first.size), np.diff(np.append(first, view.probability.size)))
    half = np.where(view.truth, cell, cell + first.size)
    positives_are_rarer = bool(2 * view.truth.sum() <= view.truth.size)
    rarer = np.flatnonzero(view.truth == positives_are_rarer)
    rarer_cells, rarer_first = np.unique(cell[rarer], return_index=True)
    return Cells(
        first=first,
        half=half,
        sizes=np.bincount(half, minlength=2 * first.size).astype(np.float64),
        positives_are_rarer=positives_are_rarer,
        rarer=rarer,
        rarer_first=rarer_first,
        rarer_cells=rarer_cells,
    )


def _first(probability: Probabilities, edges: Sequence[AnyCuts]) -> CellStarts:
    distinct = np.flatnonzero(np.append(True, np.diff(probability) != 0))
    if distinct.size <= MOST_DISTINCT:
        return distinct
    x = log_odds(probability).values
    steps = np.flatnonzero(np.append(True, np.diff(np.floor(x / _LOGIT_STEP)) != 0))
    runs = probability[np.arange(0, probability.size, max(1, probability.size // _FEWEST_RUNS))]
    cut = [np.searchsorted(probability, values, side="left") for values in (probability[steps], runs, *edges)]
    places = np.unique(np.concatenate(cut))
    return places[places < probability.size]
