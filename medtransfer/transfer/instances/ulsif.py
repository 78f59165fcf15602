"""(Relative) unconstrained least-squares importance fitting: the density ratio as a sum of Gaussians.

    r_α(x) = p_T(x) / (α·p_T(x) + (1 − α)·p_S(x))  ≈  Σ_l θ_l · exp(−‖x − c_l‖² / 2σ²)

    θ = [(H + λI)⁻¹ h]₊,   H = α·Φ_Tᵀ Φ_T / n_T + (1 − α)·Φ_Sᵀ Φ_S / n_S,   h = Φ_Tᵀ 1 / n_T

with Φ the Gaussians at each domain's cases and the centres c_l target cases. α = 0 is uLSIF, whose weights make the
weighted source risk the target's; α > 0 bounds the ratio by 1 / α, for less variance and some bias. Features are
standardised principal components of both domains. σ and λ have the smallest squared error

    J = ½·mean of r_α² over α·p_T + (1 − α)·p_S   −   mean of r_α over p_T

on held-out patients, each fold without the centres that are its own cases. Weights are then clipped at `clip` times
their mean and scaled to mean 1.

λ, and the cut of θ at 0, draw the ratio in from where target cases are few, so that a loss that grows there is
underestimated: of E x² = 1.13 after a shift from N(0, 1) to N(0.8, 0.7²), with 2000 cases each, a third of the
unweighted bias stays.

Reference: Kanamori, Hido, Sugiyama 2009, A least-squares approach to direct importance estimation, section 2;
Yamada, Suzuki, Kanamori, Hachiya, Sugiyama 2013, Relative density-ratio estimation for robust distribution comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve

from medtransfer.transfer.instances._features import check_patients, check_samples, common_components, patient_folds
from medtransfer.transfer.instances._kernels import gaussian, median_distance
from medtransfer.transfer.instances._shapes import (
    Centres,
    SourceBumps,
    SourceRows,
    TargetBumps,
    TargetRows,
)
from medtransfer.transfer.instances._weights import check_number, sample_weights
from medtransfer.transfer.types import Sample, SampleWeights

CENTRES = 100
"""Gaussians, where the target has as many cases."""

WIDTHS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Tried where none is given, in units of the median distance."""

RIDGES = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Tried where none is given."""


class Moments(NamedTuple):
    """H, `centre centre`, and h, `centre`."""

    quadratic: np.ndarray
    linear: np.ndarray


class Fold(NamedTuple):
    """What one fold holds out: indices of source cases and of target cases."""

    source: np.ndarray
    target: np.ndarray


def weigh(
    source: Sample,
    target: Sample,
    *,
    alpha: float = 0.0,
    width: float | None = None,
    ridge: float | None = None,
    folds: int = 5,
    components: int = 32,
    clip: float = 10.0,
) -> SampleWeights:
    """Weights of the source cases, mean 1.

    Args:
        source: Frozen features of the source's training cases.
        target: Frozen features of the target's training cases.
        alpha: α, at least 0 and below 1.
        width: σ in units of the median distance; None: by cross-validation.
        ridge: λ; None: by cross-validation.
        folds: Of the cross-validation, at least 2.
        components: Principal components kept, at most a fifth of the smaller domain's cases.
        clip: Largest weight, in units of the mean weight.

    Raises:
        ObjectiveError: A hyperparameter is out of its range, features are not finite, or a domain has fewer patients
            than folds where these are needed.
    """
    check_number("ulsif", "alpha", alpha, least=0, below=1)
    for key, value, least in (("folds", folds, 2), ("components", components, 1)):
        check_number("ulsif", key, value, least=least, whole=True)
    for key, value in (("width", width), ("ridge", ridge)):
        if value is not None:
            check_number("ulsif", key, value, above=0)
    check_number("ulsif", "clip", clip, least=1)
    check_samples("ulsif", source, target)
    at_source, at_target = common_components(source, target, components)
    chosen = spread_out(at_target, CENTRES)
    median = median_distance(np.concatenate([at_source, at_target]), at_target[chosen])
    widths = [factor * median for factor in (WIDTHS if width is None else [width])]
    ridges = RIDGES if ridge is None else [ridge]
    if len(widths) * len(ridges) > 1:
        check_patients("ulsif", folds, "source", source.patients)
        check_patients("ulsif", folds, "target", target.patients)
        splits = [Fold(*held_out) for held_out in patient_folds(source, target, folds)]
        sigma, strength = cross_validated(at_source, at_target, chosen, splits, alpha, widths, ridges)
    else:
        sigma, strength = widths[0], ridges[0]
    bumps = gaussian(at_source, at_target[chosen], sigma)
    moments = second_moments(bumps, gaussian(at_target, at_target[chosen], sigma), alpha)
    return sample_weights("ulsif", bumps @ coefficients(moments, strength), clip)


def second_moments(source: SourceBumps, target: TargetBumps, alpha: float) -> Moments:
    """H and h of Gaussians at the domains' cases, `case centre`."""
    quadratic = alpha * (target.T @ target) / len(target) + (1 - alpha) * (source.T @ source) / len(source)
    return Moments(quadratic, target.mean(axis=0))


def coefficients(moments: Moments, ridge: float) -> np.ndarray:
    """θ = [(H + λI)⁻¹ h]₊."""
    centres = len(moments.linear)
    return np.maximum(solve(moments.quadratic + ridge * np.eye(centres), moments.linear, assume_a="pos"), 0)


def cross_validated(
    source: SourceRows,
    target: TargetRows,
    chosen: Centres,
    splits: Sequence[Fold],
    alpha: float,
    widths: Sequence[float],
    ridges: Sequence[float],
) -> tuple[float, float]:
    """The σ and λ of the smallest mean error J on what the folds hold out; `chosen` target cases are the centres."""
    errors = np.empty((len(widths), len(ridges)))
    for row, width in enumerate(widths):
        bumps = gaussian(source, target[chosen], width), gaussian(target, target[chosen], width)
        errors[row] = np.mean([held_out_errors(*bumps, chosen, fold, alpha, ridges) for fold in splits], axis=0)
    row, column = divmod(int(errors.argmin()), len(ridges))
    return widths[row], ridges[column]


def held_out_errors(
    source: SourceBumps, target: TargetBumps, chosen: Centres, fold: Fold, alpha: float, ridges: Sequence[float]
) -> list[float]:
    """J of one fold at every λ, fitted to the other cases and without the centres that are held out."""
    kept = ~np.isin(chosen, fold.target)
    source, target = source[:, kept], target[:, kept]
    moments = second_moments(np.delete(source, fold.source, axis=0), np.delete(target, fold.target, axis=0), alpha)
    errors = []
    for ridge in ridges:
        theta = coefficients(moments, ridge)
        at_source, at_target = source[fold.source] @ theta, target[fold.target] @ theta
        squares = alpha * np.mean(at_target**2) + (1 - alpha) * np.mean(at_source**2)
        errors.append(float(squares / 2 - at_target.mean()))
    return errors


def spread_out(target: TargetRows, centres: int) -> Centres:
    """Indices of target cases, evenly along the first component: no draw, and no matter which order they came in."""
    order = np.lexsort(target.T[::-1])
    return order[np.linspace(0, len(order) - 1, min(centres, len(order))).round().astype(int)]
