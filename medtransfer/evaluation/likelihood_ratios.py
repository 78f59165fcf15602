"""Likelihood ratios: how much a positive, or a negative, call changes the odds of the finding.

    LR+ = se / (1−sp),   LR− = (1−se) / sp

Either is the ratio of the rates p₁/p₀ of one call among the x₁ of n₁ studies with the finding and the x₀ of n₀ without:

    ln LR ± z·√(V₁ + V₀),   V₁ = (1−p₁)/x₁,   V₀ = (1−p₀)/x₀                                  (Simel)

Where patients repeat, V is the linearised variance over patients, never less than Simel's, and z is Student's quantile
with Welch's degrees of freedom, since few patients say little of how much they differ:

    V = I₁/(I₁−1)·Σᵢ aᵢ² + I₀/(I₀−1)·Σᵢ bᵢ² − 2·I/(I−1)·Σᵢ aᵢ·bᵢ
    aᵢ = (x₁ᵢ − p₁·n₁ᵢ)/x₁,   bᵢ = (x₀ᵢ − p₀·n₀ᵢ)/x₀

With one study a patient it is Simel's, but for the factors I/(I−1). Simulated with patients of five and a latent
correlation of ½, it held an LR+ of 3.2 in 94 to 96 % of cohorts of 20 and of 60 patients, and the percentile bootstrap
in 89 to 94 %.

At a zero cell none of these exists: the interval is then that of both rates moved towards ½ by z²/2 calls of either
kind, and extended to the ratio itself. The ratio is 0 where no study with the finding gets the call, and has no bound,
so no value, where none without it does, as LR+ at a specificity of 1.

Reference: Simel, Samsa, Matchar 1991; Mercaldo, Lau, Zhou 2007 (adjusted logit interval, zero cells).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from medtransfer.core.results import Estimate
from medtransfer.core.types import Groups, Truths
from medtransfer.evaluation.intervals import normal_quantile
from medtransfer.evaluation.proportions import effective_sample_size


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio of two rates: 0 to ∞, NaN where there is none.

    Attributes:
        value: The ratio.
        low: Lower end of its interval; NaN, as `high` is, where there is no interval.
        high: Upper end; ∞ where there is no bound.
        n: Studies.
        method: Of the interval.
        note: Why there is no value or no interval.
    """

    value: float
    low: float = nan
    high: float = nan
    n: int
    method: str = "Simel"
    note: str = ""


class Rate(NamedTuple):
    """How often a call is made among studies of one kind, and how many independent studies that rests on."""

    value: float
    size: float


def likelihood_ratio(call: Truths, truth: Truths, groups: Groups, *, said: str, level: float = 0.95) -> Ratio:
    """The ratio of the rates of a call among studies with and without the finding.

    Args:
        call: True where the study got the call: called positive for LR+, not called so for LR−.
        truth: True where the study has the finding.
        groups: The patient of each study.
        said: The call in words, `positive` or `negative`.
        level: Coverage aimed at.
    """
    n = int(truth.size)
    if truth.all() or not truth.any():
        return Ratio(value=nan, n=n, note="no negative study" if truth.any() else "no positive study")
    if not call.any():
        return Ratio(value=nan, n=n, note=f"no study was called {said}")
    found, false = int(np.sum(call & truth)), int(np.sum(call & ~truth))
    if not found or not false:
        value = 0.0 if not found else inf
        low, high = _at_a_zero_cell(call, truth, groups, level)
        return Ratio(value=value, low=min(low, value), high=max(high, value), n=n, method="Simel, adjusted counts")
    value = float(call[truth].mean() / call[~truth].mean())
    spread, method = _spread(call, truth, groups, level)
    if spread is None:
        return Ratio(value=value, n=n, method=method, note="no interval: fewer than two patients of one class")
    return Ratio(value=value, low=value * exp(-spread), high=value * exp(spread), n=n, method=method)


def ratio_of_rates(found: Rate, false: Rate, *, n: int, said: str, level: float = 0.95) -> Ratio:
    """The ratio where only the rates are known, and no longer which study was whose.

    The two rates are taken as independent, which they are but for patients with studies of both kinds.

    Args:
        found: How often studies with the finding get the call.
        false: How often those without it do.
        n: Studies.
        said: The call in words, `positive` or `negative`.
        level: Coverage aimed at.
    """
    if not found.value and not false.value:
        return Ratio(value=nan, n=n, note=f"no study was called {said}")
    if not found.value or not false.value:
        value = inf if found.value else 0.0
        low, high = _adjusted(found, false, level)
        return Ratio(value=value, low=min(low, value), high=max(high, value), n=n, method="Simel, adjusted counts")
    value = found.value / false.value
    variance = sum((1 - rate.value) / (rate.value * rate.size) for rate in (found, false))
    spread = normal_quantile(level) * sqrt(variance)
    return Ratio(value=value, low=value * exp(-spread), high=value * exp(spread), n=n)


def ratio_estimate(name: str, ratio: Ratio, *, level: float = 0.95) -> Estimate:
    """The ratio as an estimate; where it has no bound, the note says how large it is at least."""
    note, value = ratio.note, ratio.value
    if value == inf:
        note = f"unbounded: no study without the finding was called so; at least {ratio.low:.3g} ({100 * level:g} % CI)"
    usable = np.isfinite(value)
    with_ends = usable and np.isfinite(ratio.low) and np.isfinite(ratio.high)
    return Estimate(
        name=name,
        value=value if usable else None,
        low=ratio.low if with_ends else None,
        high=ratio.high if with_ends else None,
        level=level,
        method=ratio.method,
        n=ratio.n,
        note=note,
    )


def _spread(call: Truths, truth: Truths, groups: Groups, level: float) -> tuple[float | None, str]:
    """Half-width on the logarithmic scale, and its method; None where patients repeat and there are too few."""
    rates = (float(call[truth].mean()), float(call[~truth].mean()))
    calls = (int(np.sum(call & truth)), int(np.sum(call & ~truth)))
    simple = sum((1 - p) / x for p, x in zip(rates, calls, strict=True))
    patients, position = np.unique(groups, return_inverse=True)
    plain = normal_quantile(level) * sqrt(simple)
    if patients.size == truth.size:
        return plain, "Simel"
    method = "Simel, clustered by patient"
    of = [np.unique(groups[side]).size for side in (truth, ~truth)]
    if min(of) < 2:
        return None, method
    a, b = (
        np.bincount(position[side], weights=(call[side] - p) / x, minlength=patients.size)
        for side, p, x in zip((truth, ~truth), rates, calls, strict=True)
    )
    parts = [float(i / (i - 1) * np.sum(u * u)) for i, u in zip(of, (a, b), strict=True)]
    clustered = sum(parts) - 2 * patients.size / (patients.size - 1) * float(np.sum(a * b))
    if clustered <= simple:
        return plain, method
    freedom = sum(parts) ** 2 / sum(v * v / (i - 1) for i, v in zip(of, parts, strict=True))
    return float(student.ppf(0.5 + level / 2, freedom)) * sqrt(clustered), method


def _at_a_zero_cell(call: Truths, truth: Truths, groups: Groups, level: float) -> tuple[float, float]:
    found, false = (
        Rate(float(call[side].mean()), effective_sample_size(call[side], groups[side], level=level))
        for side in (truth, ~truth)
    )
    return _adjusted(found, false, level)


def _adjusted(found: Rate, false: Rate, level: float) -> tuple[float, float]:
    """Ends of the interval with both rates moved towards ½."""
    z = normal_quantile(level)
    centre, variance = 0.0, 0.0
    for sign, (value, n) in ((1, found), (-1, false)):
        adjusted = (value * n + z * z / 2) / (n + z * z)
        centre += sign * log(adjusted)
        variance += (1 - adjusted) / (adjusted * (n + z * z))
    return exp(centre - z * sqrt(variance)), exp(centre + z * sqrt(variance))
