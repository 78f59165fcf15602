"""The difference of two figures from their own intervals, whether or not they share patients.

    low  = a − b − √((a − lₐ)² + (u_b − b)² − 2ρ·(a − lₐ)(u_b − b))
    high = a − b + √((uₐ − a)² + (b − l_b)² − 2ρ·(uₐ − a)(b − l_b))

with (l, u) the interval of each and ρ the correlation of their errors: 0 where no patient has a part in both, else that
of the patients' influences. Unlike a ± z·SE it keeps the skewness of both intervals, and so their coverage for figures
near 1, and turns round exactly: the interval of b − a is that of a − b with its sign changed. The p-value is 1 − level
at the level where the interval just reaches 0, so that it is below .05 exactly where the 95 % interval leaves 0 out.

Reference: Zou 2007, and Zou, Donner 2008 (method of variance estimates recovery); Newcombe 1998, method 10, is this for
two independent proportions.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.evaluation.heterogeneity.measured import Measured
from medtransfer.evaluation.intervals import Interval

SMALLEST_P: Final = 1e-12
"""Below this no level can be told from 1."""

_HALVINGS: Final = 50


def difference(one: Measured, other: Measured, *, level: float) -> tuple[Estimate, float | None]:
    """`one` − `other`, with its p-value; None where either has no interval."""
    a, b = one.estimate.value, other.estimate.value
    name, n = f"difference in {one.estimate.name}", one.estimate.n + other.estimate.n
    method = "from the two intervals (Zou, Donner)"
    if a is None or b is None or one.interval(level) is None or other.interval(level) is None:
        note = one.estimate.note or other.estimate.note or "one of the two has no interval"
        return Estimate(name=name, value=None, level=level, method=method, n=n, note=note), None
    shared = correlation(one, other)
    if shared:
        method += f", patients in both, correlation {shared:.2f}".replace("-", "−")
    interval = _interval(one, other, a, b, shared, level)
    if interval is None:
        return Estimate(name=name, value=None, level=level, method=method, n=n, note="no variation"), None
    estimate = Estimate(name=name, value=a - b, low=interval.low, high=interval.high, level=level, method=method, n=n)
    return estimate, _p(one, other, a, b, shared)


def correlation(one: Measured, other: Measured) -> float:
    """Of the two errors, from the influences of the patients they share."""
    scale = sqrt(float(np.sum(one.influence**2)) * float(np.sum(other.influence**2)))
    return float(np.clip(one.influence @ other.influence / scale, -1.0, 1.0)) if scale > 0 else 0.0


def _interval(one: Measured, other: Measured, a: float, b: float, shared: float, level: float) -> Interval | None:
    first, second = one.interval(level), other.interval(level)
    if first is None or second is None:
        return None
    down = _reach(a - first.low, second.high - b, shared)
    up = _reach(first.high - a, b - second.low, shared)
    return Interval(a - b - down, a - b + up)


def _reach(x: float, y: float, shared: float) -> float:
    return sqrt(max(0.0, x * x + y * y - 2 * shared * x * y))


def _p(one: Measured, other: Measured, a: float, b: float, shared: float) -> float:
    """By halving on the scale of logarithms."""

    def reaches_zero(p: float) -> bool:
        interval = _interval(one, other, a, b, shared, 1 - p)
        return interval is None or interval.low <= 0 <= interval.high

    low, high = log(SMALLEST_P), 0.0
    if not reaches_zero(SMALLEST_P):
        return SMALLEST_P
    if reaches_zero(1 - 1e-9):
        return 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if reaches_zero(exp(middle)) else (low, middle)
    return exp(low)
