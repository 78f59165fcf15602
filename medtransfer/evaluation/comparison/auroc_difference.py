"""The difference of two AUROCs on the same studies, with a variance that knows that they share patients.

    Δ = θ_model − θ_reference,   Var Δ = Var θ_model + Var θ_reference − 2·Cov(θ_model, θ_reference)

DeLong's and Obuchowski's covariances are bilinear in the placement values V, so that Var Δ is the variance formula
of one AUROC with V_model − V_reference in place of V (`roc.clustered_variance`):

    S10/m + S01/n + 2·S11/(m·n),   of a = Σ_studies of i (ΔV10 − Δ),   b = Σ_studies of i (ΔV01 − Δ)

over patients i. With one study a patient this is DeLong's paired test, digit by digit. Taking the difference first
makes Var Δ exactly 0 for two models that rank alike, where subtracting variances would leave rounding errors.

Reference: DeLong, DeLong, Clarke-Pearson 1988; Obuchowski 1997, eq. 5 (covariance of clustered, correlated areas).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np

from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.roc import Placements, placements


@dataclass(frozen=True, kw_only=True)
class AurocDifference:
    """Δ and its standard error; the error is NaN where there are fewer than two patients of either class."""

    value: float
    standard_error: float


def auroc_difference(truth: Truths, model: Probabilities, reference: Probabilities, groups: Groups) -> AurocDifference:
    """AUROC of `model` less that of `reference`; there must be studies of both classes."""
    ours, theirs = placements(truth, model), placements(truth, reference)
    difference = Placements(
        auroc=ours.auroc - theirs.auroc,
        positive=ours.positive - theirs.positive,
        negative=ours.negative - theirs.negative,
    )
    variance = _variance(difference, truth, groups)
    # A clustered variance of zero may come out as −1e-19; NaN passes through `max` in this order.
    return AurocDifference(value=difference.auroc, standard_error=sqrt(max(variance, 0.0)))


def two_sided_p(z: float) -> float:
    """2·Φ(−|z|)."""
    return erfc(abs(z) / sqrt(2))


def one_sided_p(z: float) -> float:
    """1 − Φ(z)."""
    return erfc(z / sqrt(2)) / 2


def _variance(v: Placements, truth: Truths, groups: Groups) -> float:
    """Obuchowski's, of placement values or of their differences."""
    patients, position = np.unique(groups, return_inverse=True)
    with_positive, with_negative = np.unique(groups[truth]).size, np.unique(groups[~truth]).size
    if min(with_positive, with_negative) < 2:
        return float("nan")
    a = np.bincount(position[truth], weights=v.positive - v.auroc, minlength=patients.size)
    b = np.bincount(position[~truth], weights=v.negative - v.auroc, minlength=patients.size)
    m, n = v.positive.size, v.negative.size
    s10 = with_positive / ((with_positive - 1) * m) * np.sum(a * a)
    s01 = with_negative / ((with_negative - 1) * n) * np.sum(b * b)
    s11 = patients.size / (patients.size - 1) * np.sum(a * b)
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))
