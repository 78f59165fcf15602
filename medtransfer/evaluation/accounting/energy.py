"""Energy distance between two clouds of points, and its null band.

    E = 2·mean|x − y| − mean|x − x′| − mean|y − y′|,   H = E / (2·mean|x − y|),  0 ≤ H ≤ 1

over all pairs of studies, Euclidean. E is 0 where both come from one distribution and positive otherwise, with no
bandwidth to choose and no dimension to reduce; H has no unit. For the null band patients are dealt again
(`permutation`), with the sums of distances between patients computed once.

Reference: Székely, Rizzo 2013 (energy statistics), secs. 2 and 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from medtransfer.core.types import FeatureRows
from medtransfer.evaluation.accounting.permutation import Dealt, Pooled

_CHUNK = 512
"""Rows whose distances to all others are held at once."""

Coefficients = Float64[np.ndarray, " permutation"]
BlockSums = Float64[np.ndarray, "block block"]


class Energy(NamedTuple):
    """The coefficient, and the middle and the upper end of what chance gives."""

    value: float
    null_median: float
    null_high: float


def energy(points: FeatureRows, pooled: Pooled, *, seed: int, permutations: int, level: float = 0.95) -> Energy:
    """H of two cohorts against `permutations` deals of their patients.

    Args:
        points: Of the first cohort, then of the second.
        pooled: Whose they are.
        seed: Of the deals.
        permutations: How many.
        level: Share of the null below its upper end.
    """
    sums = distances(points, pooled)
    sizes = np.bincount(pooled.block, minlength=pooled.first.size).astype(np.float64)
    null = np.concatenate(
        [coefficients(sums, sizes, dealt) for dealt in pooled.dealt(seed=seed, permutations=permutations)]
    )
    value = float(coefficients(sums, sizes, pooled.observed())[0])
    middle, high = np.quantile(null, [0.5, level])
    return Energy(value, float(middle), float(high))


def distances(points: FeatureRows, pooled: Pooled) -> BlockSums:
    """Sums of the distances between the studies of every two blocks; never all pairs of studies at once.

        |x − y|² = |x|² + |y|² − 2xᵀy

    on centred points in 64 bits: without the centre, clouds far from the origin would lose their digits.
    """
    order = np.argsort(pooled.block, kind="stable")
    block, x = pooled.block[order], points[order].astype(np.float64)
    x -= x.mean(axis=0)
    squares = np.einsum("ij,ij->i", x, x)
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    sums = np.zeros((starts.size, starts.size))
    for top in range(0, len(x), _CHUNK):
        part = slice(top, top + _CHUNK)
        squared = squares[part, None] + squares - 2 * (x[part] @ x.T)
        # A study's distance to itself is 0, not the root of what rounding leaves.
        squared[np.arange(len(squared)), np.arange(top, top + len(squared))] = 0.0
        to_blocks = np.add.reduceat(np.sqrt(np.maximum(squared, 0.0)), starts, axis=1)
        np.add.at(sums, block[part], to_blocks)
    return sums


def coefficients(sums: BlockSums, sizes: Float64[np.ndarray, " block"], dealt: Dealt) -> Coefficients:
    """H of each deal; 0 where all points are one."""
    n, total = dealt @ sizes, sizes.sum()
    m = total - n
    to_first = dealt @ sums
    within_first = np.einsum("pb,pb->p", to_first, dealt)
    between = to_first.sum(axis=1) - within_first
    within_second = sums.sum() - within_first - 2 * between
    apart = between / (n * m)
    found = 2 * apart - within_first / n**2 - within_second / m**2
    return np.divide(found, 2 * apart, out=np.zeros_like(found), where=apart > 0).clip(0.0, 1.0)
