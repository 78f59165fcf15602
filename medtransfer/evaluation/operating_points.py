"""What happens at a given threshold: counts, sensitivity, specificity, PPV, NPV, alert rate.

The threshold comes from outside: nothing here looks for one.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import Confusion, Estimate
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.proportions import ProportionInterval, proportion


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
    truth: Truths,
    probability: Probabilities,
    threshold: float,
    groups: Groups,
    *,
    level: float = 0.95,
    interval: ProportionInterval = "wilson",
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
        proportion(name, success[among], groups[among], level=level, otherwise=otherwise, interval=interval)
        for name, success, among, otherwise in wanted
    )
