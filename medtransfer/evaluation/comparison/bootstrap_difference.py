"""The paired patient bootstrap: both models are measured on the same drawn patients, and their difference is taken.

    interval   the percentiles of Δ* over the replicates, widened to contain Δ where bias leaves it outside
    p          2 · min(#{Δ* ≤ 0} + 1, #{Δ* ≥ 0} + 1) / (B + 1),  at most 1: the interval's own test, turned round
    p of a margin δ (one-sided)   (#{Δ* ≤ −δ} + 1) / (B + 1),  Δ taken so that more is better

No p is below 1/(B + 1): so much B replicates can tell.

Reference: Efron, Tibshirani 1993, ch. 13, 15; Davison, Hinkley 1997, §4.2.5 (the + 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medtransfer.evaluation.intervals import Interval
from medtransfer.evaluation.percentile import MOST_UNDEFINED
from medtransfer.evaluation.resampling import ReplicateValues

_ROUNDING = 1e-12
"""Differences closer than this are the same."""


@dataclass(frozen=True, kw_only=True)
class Replicated:
    """A figure or a difference, and what its replicates say.

    Attributes:
        value: On the data themselves.
        replicates: Those that have a value.
        interval: None where there is none; `note` says why.
        note: Also where replicates without a value were left out.
    """

    value: float
    replicates: ReplicateValues
    interval: Interval | None
    note: str = ""

    @property
    def p(self) -> float | None:
        """Two-sided, of no difference; None where there is no interval, but 1 where there is no difference at all."""
        if self.interval is None:
            known = self.replicates.size > 0 and abs(self.value) <= _ROUNDING
            return 1.0 if known and bool((np.abs(self.replicates) <= _ROUNDING).all()) else None
        tails = min(np.sum(self.replicates <= 0), np.sum(self.replicates >= 0))
        return min(1.0, 2 * (int(tails) + 1) / (self.replicates.size + 1))

    def p_below(self, bound: float, *, sign: int) -> float | None:
        """One-sided, of sign·Δ ≤ bound; None where there is no interval."""
        if self.interval is None:
            return None
        return (int(np.sum(sign * self.replicates <= bound)) + 1) / (self.replicates.size + 1)


def replicated(value: float, values: ReplicateValues, *, patients: int, level: float) -> Replicated:
    """The percentile interval of replicates of `value`."""
    finite = values[np.isfinite(values)]
    lost = values.size - finite.size
    note = ""
    if patients < 2:
        note = "no interval: it needs two patients or more"
    elif lost > MOST_UNDEFINED * values.size:
        note = f"no interval: {lost} of {values.size} bootstrap replicates lack a class"
    elif np.ptp(finite) <= _ROUNDING:
        note = "no interval: it is the same in every bootstrap replicate"
    if note:
        return Replicated(value=value, replicates=finite, interval=None, note=note)
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2]).tolist()
    note = f"{lost} of {values.size} bootstrap replicates lack a class and are left out" if lost else ""
    return Replicated(value=value, replicates=finite, interval=Interval(min(value, low), max(value, high)), note=note)
