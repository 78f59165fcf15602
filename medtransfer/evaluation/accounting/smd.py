"""Standardised mean differences: how far two cohorts are apart in one attribute, whatever their sizes.

    numbers        |x̄₁ − x̄₂| / √((s₁² + s₂²)/2)
    words          √(tᵀ S⁻¹ t),   t = p₁ − p₂,   S = ((diag p₁ − p₁p₁ᵀ) + (diag p₂ − p₂p₂ᵀ))/2,   one value left out

With two values the second equals |p₁ − p₂| / √((p₁(1−p₁) + p₂(1−p₂))/2). It does not grow with the cohorts, as p-values
do; above 0.1 it is usually called a difference.

Reference: Austin 2009 (balance diagnostics), eqs. 1 and 2; Yang, Dalton 2012 (several values).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
from scipy.stats import chi2

from medtransfer.core.evaluated.spectrum import Distribution

MARK = 0.1
"""Above this a difference is marked. Reference: Austin 2009, sec. 5."""


def of_numbers(first: Distribution, second: Distribution) -> float | None:
    """Of two attributes with means; None where neither varies and the means differ, or where a variance is unknown."""
    if first.mean is None or second.mean is None:
        return None
    distance = abs(first.mean - second.mean)
    if distance == 0:
        return 0.0
    if first.standard_deviation is None or second.standard_deviation is None:
        return None
    spread = sqrt((first.standard_deviation**2 + second.standard_deviation**2) / 2)
    return distance / spread if spread > 0 else None


def of_words(first: Mapping[str, int], second: Mapping[str, int]) -> float | None:
    """Of two tallies; None where one is empty, or where they have no value in common and do not vary along t."""
    p, q = shares(first, second)
    if p.size == 0 or not (p.sum() and q.sum()):
        return None
    t, s = (p - q)[1:], (_covariance(p) + _covariance(q))[1:, 1:] / 2
    if not t.any():
        return 0.0
    solution = np.linalg.lstsq(s, t, rcond=None)[0]
    squared = float(t @ solution)
    # Outside the range of S, as with disjoint values, the difference has no finite measure.
    return sqrt(squared) if np.allclose(s @ solution, t, atol=1e-9) and squared > 0 else None


def shares(first: Mapping[str, int], second: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Both tallies as shares over the union of their values, in the same order; zeros where one is empty."""
    values = sorted({name for tally in (first, second) for name, count in tally.items() if count})
    p, q = (np.array([float(tally.get(name, 0)) for name in values]) for tally in (first, second))
    return p / max(p.sum(), 1.0), q / max(q.sum(), 1.0)


def by_chance(first: int, second: int, *, values: int = 2, level: float = 0.95) -> float | None:
    """What the difference stays below in `level` of pairs of cohorts from one population.

        √(χ²_{K−1, level} · (1/n₁ + 1/n₂))

    since n₁n₂/(n₁+n₂) · SMD² is Pearson's or the z-test's statistic to first order. The sizes are those in patients:
    studies of one patient say little more than one of them.

    Reference: Hedges, Olkin 1985, ch. 5 (variance of d at 0).
    """
    if min(first, second) < 2 or values < 2:
        return None
    return sqrt(float(chi2.ppf(level, values - 1)) * (1 / first + 1 / second))


def _covariance(p: np.ndarray) -> np.ndarray:
    return np.diag(p) - np.outer(p, p)
