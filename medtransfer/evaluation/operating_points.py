"""What happens at a given threshold: counts, sensitivity, specificity, PPV, NPV, alert rate.

The threshold comes from outside: nothing here looks for one.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import Confusion, Estimate
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.intervals import wilson


def confusion(truth: Truths, probability: Probabilities, threshold: float) -> Confusion:
    """Counts when every study with probability **at or above** `threshold` is called positive."""
    called = probability >= threshold
    return Confusion(
        true_positive=int(np.sum(called & truth)),
        false_positive=int(np.sum(called & ~truth)),
        false_negative=int(np.sum(~called & truth)),
        true_negative=int(np.sum(~called & ~truth)),
    )


def at_threshold(
    truth: Truths, probability: Probabilities, threshold: float, groups: Groups, *, level: float = 0.95
) -> tuple[Estimate, ...]:
    """Sensitivity, specificity, PPV, NPV and alert rate at `threshold`, in this order."""
    called = probability >= threshold
    everyone = np.ones_like(truth)
    wanted = (
        ("sensitivity", called, truth, "no positive study"),
        ("specificity", ~called, ~truth, "no negative study"),
        ("PPV", truth, called, "no study was called positive"),
        ("NPV", ~truth, ~called, "no study was called negative"),
        ("alert rate", called, everyone, "no study"),
    )
    return tuple(
        proportion(name, success[among], groups[among], level=level, otherwise=otherwise)
        for name, success, among, otherwise in wanted
    )


def proportion(
    name: str, success: Truths, groups: Groups, *, level: float = 0.95, otherwise: str = "no study"
) -> Estimate:
    """A proportion of studies with Wilson's interval, at the effective sample size where patients repeat.

        n_eff = n / max(1, deff),   deff = I/(I−1) · Σᵢ (xᵢ − p·nᵢ)² / n²  ÷  p(1−p)/(n−1)

    over I patients with nᵢ studies and xᵢ successes each: the variance of the ratio estimator p = Σx/Σn
    over that of a simple random sample. With one study per patient deff = 1 exactly. Never narrower
    than without clusters, and at p = 0 or 1, where the data say nothing about deff, n_eff is the number
    of patients. `Estimate.method` says which of the two was used.

    Args:
        name: Of the estimate.
        success: True where the study counts as one.
        groups: The patient of each study.
        level: Coverage aimed at.
        otherwise: Why there is nothing to estimate, should there be no study.

    Reference: Rao, Scott 1992 (design effect and effective sample size); Saha, Miller, Wang 2016
    (Wilson's interval with it).
    """
    n = int(success.size)
    if n == 0:
        return Estimate(name=name, value=None, level=level, method="Wilson", n=0, note=otherwise)
    value = float(success.mean())
    effective = effective_sample_size(success, groups)
    clustered = np.unique(groups).size < n
    low, high = wilson(value * effective, effective, level)
    method = f"Wilson, effective sample size {effective:.1f} (patients repeat)" if clustered else "Wilson"
    return Estimate(name=name, value=value, low=min(low, value), high=max(high, value), level=level, method=method, n=n)


def effective_sample_size(success: Truths, groups: Groups) -> float:
    """How many independent studies the clustered ones are worth, from 1 to n; see `proportion`."""
    n = success.size
    patients, position = np.unique(groups, return_inverse=True)
    if patients.size == n:
        return float(n)
    p = float(success.mean())
    if p in {0.0, 1.0} or patients.size < 2:
        return float(patients.size)
    residuals = np.bincount(position, weights=success - p, minlength=patients.size)
    clustered = patients.size / (patients.size - 1) * float(np.sum(residuals**2)) / n**2
    simple = p * (1 - p) / (n - 1)
    return max(1.0, n / max(1.0, clustered / simple))
