"""Logistic regression with a few coefficients, by Newton's method.

    max over θ   Σᵢ yᵢ·ηᵢ − log(1 + e^ηᵢ),   η = X·θ + offset
    θ ← θ + A⁻¹·Xᵀ(y − μ),   μ = σ(η),   A = Xᵀ diag(μ(1 − μ)) X

The step is halved where it would lower the likelihood. At the maximum A is the information, and A⁻¹ the model-based
variance. Targets between 0 and 1 are allowed (Platt's smoothed ones).

Where the classes are separated there is no maximum: the steps never end. A variance that trusts patients, not the
model, is `patient_covariance`.

Reference: McCullagh, Nelder 1989, ch. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import expit

from medtransfer.core.types import CaseWeights, Groups

Design = Float64[np.ndarray, "case coefficient"]
Coefficients = Float64[np.ndarray, " coefficient"]
Information = Float64[np.ndarray, "coefficient coefficient"]
Targets = Float64[np.ndarray, " case"]

_MOST_STEPS = 25
_SETTLED = 1e-20
"""Newton decrement sᵀA⁻¹s at which the maximum is found. Where classes are separated each step lowers it by a factor of
e alone, and would come here after some 46 of them; a maximum that exists is found in ten."""

_SINGULAR = 1e-12
"""Determinant, in units of the product of the information's diagonal, below which a patient cannot be spared."""


@dataclass(frozen=True, kw_only=True)
class LogisticFit:
    """The maximum."""

    coefficients: Coefficients
    information: Information
    fitted: Targets
    """μ of each case."""


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Who the cases are of."""

    position: Groups
    """From 0, in the order of their first case, so that no sum depends on their codes."""
    count: int

    @classmethod
    def of(cls, groups: Groups) -> Patients:
        """From any codes."""
        _, first, position = np.unique(groups, return_index=True, return_inverse=True)
        place = np.empty_like(first)
        place[np.argsort(first)] = np.arange(first.size)
        return cls(position=place[position], count=int(first.size))


def fit_logistic(design: Design, targets: Targets, *, offset: Targets | None = None) -> LogisticFit | None:
    """The maximum of the likelihood; None where there is none: separated classes, or columns that depend on others."""
    shift = np.zeros(len(design)) if offset is None else offset
    theta = np.zeros(design.shape[1])
    likelihood = _likelihood(design @ theta + shift, targets)
    for _ in range(_MOST_STEPS):
        fitted = expit(design @ theta + shift)
        score = design.T @ (targets - fitted)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        if np.linalg.cond(information) > 1 / np.finfo(np.float64).eps:
            return None
        step = np.linalg.solve(information, score)
        if score @ step < _SETTLED:
            return LogisticFit(coefficients=theta, information=information, fitted=fitted)
        reached = _likelihood(design @ (theta + step) + shift, targets)
        while reached < likelihood - 1e-12 * abs(likelihood):
            step = step / 2
            reached = _likelihood(design @ (theta + step) + shift, targets)
        theta, likelihood = theta + step, reached
    return None


def patient_covariance(design: Design, targets: Targets, fit: LogisticFit, who: Patients) -> Information | None:
    """Variance of the coefficients that trusts the independence of patients alone, for few patients too.

        V = Σ_g d_g·d_gᵀ,   d_g = (A − A_g)⁻¹·X_gᵀ(y_g − μ_g)

    d_g is what one Newton step moves the coefficients by when patient g is left out; A_g is his share of A. To first
    order this is the sandwich A⁻¹ (Σ_g s_g s_gᵀ) A⁻¹ of Liang and Zeger, which is too small where patients are few.

    Returns:
        None where the coefficients cannot be had without some patient, as where there is only one.

    Reference: Mancl, DeRouen 2001 (bias-corrected sandwich, which equals this sum).
    """
    scores = _by_patient(design * (targets - fit.fitted)[:, None], who)
    spread = (fit.fitted * (1 - fit.fitted))[:, None] * design
    shares = np.stack([_by_patient(design * column[:, None], who) for column in spread.T], axis=1)
    without = fit.information - shares
    size = np.prod(np.diagonal(fit.information))
    if np.linalg.det(without).min() <= _SINGULAR * size:
        return None
    moved = np.linalg.solve(without, scores[:, :, None])[:, :, 0]
    return moved.T @ moved


def _by_patient(rows: Design, who: Patients) -> Float64[np.ndarray, "patient coefficient"]:
    """Sums of rows within each patient."""
    return np.stack([np.bincount(who.position, weights=column, minlength=who.count) for column in rows.T], axis=1)


def _likelihood(eta: CaseWeights, targets: Targets) -> float:
    return float(targets @ eta - np.logaddexp(0, eta).sum())
