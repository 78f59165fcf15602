"""Pointwise bands of ROC and precision-recall curves, from the same replicates as the figures beside them.

    ROC*(x)  the sensitivity of a replicate at false-positive fraction x, straight between its points, and at a jump
             the upper end
    PR*(r)   the precision of a replicate where its recall first reaches r
    band     the percentiles of these at each x or r, widened to contain the curve

A band says where the curve may lie at one x at a time, not everywhere at once. ROC is drawn again within strata, as
AUROC is; precision and recall are not, since prevalence is part of them.

Reference: Fawcett 2006, §7 (vertical averaging); Macskassy, Provost 2004 (pointwise and other bands of ROC curves).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from medtransfer.core.evaluated.curves import BandedCurve
from medtransfer.core.results import Curve
from medtransfer.evaluation.percentile import MOST_UNDEFINED
from medtransfer.evaluation.ranking import Ranking, RunningSum, Sums

Heights = Float64[np.ndarray, "replicate point"]
Fractions = Float64[np.ndarray, " point"]

_ROUNDING = 1e-6
"""Counts are whole, so that a fraction of a count that lies so near to one is meant to be it."""


def sensitivities(ranked: Ranking, sums: Sums, fractions: Fractions) -> Heights:
    """ROC*(x) at the given false-positive fractions; NaN where a class has no weight."""
    blocks, m, n = ranked.with_negative, sums.m, sums.n
    up_to = np.take(sums.everyone, blocks.end, axis=1) - np.take(sums.positive, blocks.last, axis=1)
    wanted = fractions * n
    block = np.minimum(_first_from(up_to, n - wanted - _ROUNDING), blocks.end.size - 1)
    passed = n - np.take_along_axis(up_to, block, axis=1)
    row = np.arange(len(up_to))[:, None]
    first, last = sums.positive[row, blocks.first[block]], sums.positive[row, blocks.last[block]]
    here = sums.everyone[row, blocks.end[block]] - sums.everyone[row, blocks.start[block]] - (last - first)
    share = np.clip((wanted - passed) / np.maximum(here, 1), 0, 1)
    found = np.where(wanted >= n - _ROUNDING, m, m - last + share * (last - first))
    return np.divide(found, m, out=np.full(found.shape, np.nan), where=(m > 0) & (n > 0))


def precisions(ranked: Ranking, sums: Sums, recalls: Fractions) -> Heights:
    """PR*(r) at the given recalls; NaN where no positive study has weight."""
    blocks, m = ranked.with_positive, sums.m
    below = np.take(sums.positive, blocks.first, axis=1)
    block = np.maximum(_first_from(below, np.floor(m - recalls * m + _ROUNDING) + 1) - 1, 0)
    called = sums.everyone[:, -1:] - sums.everyone[np.arange(len(below))[:, None], blocks.start[block]]
    found = m - np.take_along_axis(below, block, axis=1)
    return np.divide(found, called, out=np.full(found.shape, np.nan), where=(m > 0) & (called > 0))


def banded(curve: Curve, drawn: Heights, *, method: str, level: float = 0.95) -> BandedCurve:
    """A curve with the band that its replicates give; without one where too many of them have no value."""
    defined = drawn[np.isfinite(drawn).all(axis=1)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(drawn):
        return BandedCurve(x=curve.x, y=curve.y, level=level)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return BandedCurve(
        x=curve.x,
        y=curve.y,
        low=tuple(np.minimum(low, curve.y).tolist()),
        high=tuple(np.maximum(high, curve.y).tolist()),
        level=level,
        method=method,
    )


def _first_from(ascending: RunningSum, wanted: Heights) -> Int64[np.ndarray, "replicate point"]:
    """Where each row first reaches its wanted counts: all rows in one search, each lifted above the one before."""
    rows, columns = ascending.shape
    lift = np.arange(rows)[:, None] * (ascending[:, -1].max() + 2)
    wanted = np.ceil(np.clip(wanted, 0, ascending[:, -1:] + 1)).astype(ascending.dtype)
    found = np.searchsorted((ascending + lift).ravel(), (wanted + lift).ravel())
    return found.reshape(wanted.shape) - np.arange(rows)[:, None] * columns
