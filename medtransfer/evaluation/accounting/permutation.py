"""The null of "nothing has moved": patients are dealt again into two cohorts of the same numbers of patients.

A patient's studies stay together: studies of one person are alike, and dealt one by one they would make two cohorts
look more alike than two cohorts ever are. A patient who is in both cohorts is one in each; such a null is too wide
rather than too narrow.

Reference: Good 2005, Permutation, Parametric and Bootstrap Tests, ch. 3; for clusters Gail et al. 1996.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

Blocks = Int[np.ndarray, " case"]
Dealt = Float64[np.ndarray, "permutation block"]
"""1 where a block is dealt to the first cohort, else 0."""

PERMUTATIONS = 500
_MOST = 4_000_000
"""Cells dealt at once (32 MB)."""


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """Two cohorts put together, the first one's studies first.

    Attributes:
        block: Patient and cohort of each study, as one code.
        first: Whether a block belongs to the first cohort.
    """

    block: Blocks
    first: Bool[np.ndarray, " block"]

    @classmethod
    def of(cls, first: Int[np.ndarray, " ours"], second: Int[np.ndarray, " theirs"]) -> Pooled:
        """Two cohorts by the patients of their studies."""
        ours, here = np.unique(first, return_inverse=True)
        theirs, there = np.unique(second, return_inverse=True)
        block = np.concatenate([here, there + ours.size]).astype(np.int64)
        return cls(block=block, first=np.arange(ours.size + theirs.size) < ours.size)

    def sums(self, values: Float64[np.ndarray, "case value"]) -> Float64[np.ndarray, "block value"]:
        """Sums over the studies of each block."""
        found = np.zeros((self.first.size, values.shape[1]))
        np.add.at(found, self.block, values)
        return found

    def observed(self) -> Dealt:
        """The cohorts as they are."""
        return self.first[None].astype(np.float64)

    def dealt(self, *, seed: int, permutations: int = PERMUTATIONS) -> Iterator[Dealt]:
        """As many cohorts as asked for, batch by batch."""
        generator = np.random.default_rng(seed)
        batch = max(1, _MOST // max(1, self.first.size))
        for start in range(0, permutations, batch):
            rows = min(batch, permutations - start)
            yield generator.permuted(np.tile(self.first, (rows, 1)), axis=1).astype(np.float64)
