"""Between-study variance τ² of effects yᵢ with known sampling variances vᵢ, and its share I².

    yᵢ = μ + uᵢ + eᵢ,   uᵢ ~ N(0, τ²),   eᵢ ~ N(0, vᵢ)
    wᵢ(τ²) = 1/(vᵢ + τ²),   μ(τ²) = Σwᵢyᵢ / Σwᵢ,   Q(τ²) = Σwᵢ(yᵢ − μ)²

    DerSimonian–Laird  τ² = max(0, (Q(0) − (k−1)) / (Σw − Σw²/Σw)), w = 1/v
    REML               the largest restricted likelihood:  −½Σ ln(v + τ²) − ½ ln Σw(τ²) − ½Q(τ²)
    interval           τ² at which Q(τ²) is the upper and the lower quantile of χ²(k−1)   (Q-profile)
    I²                 τ² / (τ² + s²),  s² = (k−1)·Σw / ((Σw)² − Σw²), w = 1/v

Reference: DerSimonian, Laird 1986; Viechtbauer 2005 (REML); Viechtbauer 2007 (Q-profile interval); Higgins, Thompson
2002 (I²; with DerSimonian–Laird's τ² it is (Q − (k−1))/Q).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy.optimize import brentq
from scipy.stats import chi2

from medtransfer.evaluation.intervals import Interval

Effects = Float64[np.ndarray, " study"]
Variances = Float64[np.ndarray, " study"]
"""Sampling variances, above 0."""

Grid = Float64[np.ndarray, " candidate"]
"""One number for each candidate of τ²."""

_STEPS: Final = 400
_TOLERANCE: Final = 1e-13


def mean_effect(effects: Effects, variances: Variances, between: float) -> float:
    """μ(τ²), the inverse-variance weighted mean; `between` is τ²."""
    return float(np.average(effects, weights=1 / (variances + between)))


def generalised_q(effects: Effects, variances: Variances, between: float) -> float:
    """Q(τ²); at 0 it is Cochran's Q. It falls as τ² rises."""
    away = effects - mean_effect(effects, variances, between)
    return float(np.sum(away**2 / (variances + between)))


def dersimonian_laird(effects: Effects, variances: Variances) -> float:
    """τ² by the method of moments."""
    w = 1 / variances
    spare = generalised_q(effects, variances, 0.0) - (effects.size - 1)
    return max(0.0, float(spare / (w.sum() - np.sum(w**2) / w.sum())))


def reml(effects: Effects, variances: Variances) -> float:
    """τ² by restricted maximum likelihood.

    The likelihood may have several peaks: the highest is found on a grid, and then its score's root next to it.
    """
    top = _most(effects, variances)
    grid = np.concatenate([[0.0], np.geomspace(top * 1e-9, top, _STEPS)])
    best = int(np.argmax(_restricted_likelihoods(effects, variances, grid)))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    ends = [_score(effects, variances, t) for t in (low, high)]
    if ends[0] <= 0:
        return 0.0 if low == 0 else float(grid[best])
    if ends[1] >= 0:
        return float(grid[best])
    return float(brentq(lambda t: _score(effects, variances, t), low, high, xtol=_TOLERANCE * top, rtol=_TOLERANCE))


def between_interval(effects: Effects, variances: Variances, *, level: float = 0.95) -> Interval:
    """Q-profile interval of τ². It belongs to no one estimator, and may leave out REML's where k is small."""
    degrees = effects.size - 1
    low, high = (
        _where_q_is(effects, variances, float(chi2.ppf(tail, degrees))) for tail in ((1 + level) / 2, (1 - level) / 2)
    )
    return Interval(low, high)


def share_between(between: float, variances: Variances) -> float:
    """I² in [0, 1): how much of the spread between effects is more than sampling error."""
    w = 1 / variances
    typical = (variances.size - 1) * w.sum() / (w.sum() ** 2 - np.sum(w**2))
    return float(between / (between + typical))


def _restricted_likelihoods(effects: Effects, variances: Variances, grid: Grid) -> Grid:
    """Of every τ² of the grid, up to a constant."""
    w = 1 / (variances + grid[:, None])
    away = effects - (w @ effects / w.sum(axis=1))[:, None]
    return 0.5 * (np.log(w).sum(axis=1) - np.log(w.sum(axis=1)) - np.sum(w * away**2, axis=1))


def _score(effects: Effects, variances: Variances, between: float) -> float:
    """Twice the likelihood's derivative: Σw²(y − μ)² − (Σw − Σw²/Σw)."""
    w = 1 / (variances + between)
    away = effects - mean_effect(effects, variances, between)
    return float(np.sum((w * away) ** 2) - (w.sum() - np.sum(w**2) / w.sum()))


def _most(effects: Effects, variances: Variances) -> float:
    """More than τ² can be: there Q(τ²) has fallen far below the number of studies."""
    return float(100 * (np.ptp(effects) ** 2 + variances.max()) * effects.size)


def _where_q_is(effects: Effects, variances: Variances, value: float) -> float:
    """τ² ≥ 0 with Q(τ²) = value; 0 where Q is below it already."""
    if generalised_q(effects, variances, 0.0) <= value:
        return 0.0
    top = _most(effects, variances)
    while generalised_q(effects, variances, top) > value:
        top *= 10
    return float(brentq(lambda t: generalised_q(effects, variances, t) - value, 0.0, top, xtol=_TOLERANCE * top))
