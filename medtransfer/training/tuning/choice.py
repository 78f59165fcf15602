"""Which setting to take, and what taking more of one hospital costs the other: rules on figures, nothing is trained.

The one-standard-error rule. With l_i the mean log-loss of setting i over the K parts held out, and s_i the standard
error of that mean:

    b = argmin_i l_i,    s_b = √(Σ_f (l_bf − l_b)² / (K−1)) / √K,    take the most cautious i with l_i ≤ l_b + s_b

The most cautious is the one that stays nearest to what is known from elsewhere: the largest summed strength of the
parameter terms; among equals the largest share of the sources, 1 / (1 + λ); among equals the lowest loss.

Reference: Breiman, Friedman, Olshen, Stone 1984, Classification and regression trees, §3.4.3 (the 1 SE rule);
Hastie, Tibshirani, Friedman 2009, The elements of statistical learning, §7.10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from medtransfer.core.config.plan import Plan
from medtransfer.core.tuning_results import Difference, Trial

Caution = tuple[float, float]
"""Summed strength of the parameter terms, and the share of the sources."""


def caution(plan: Plan) -> Caution:
    """How firmly a plan stays near what is known from elsewhere."""
    strength = math.fsum(settings.get("strength", 1.0) for settings in plan.objective.parameters.values())
    trade_off = plan.objective.trade_off
    return strength, 0.0 if not plan.sources or math.isinf(trade_off) else 1 / (1 + trade_off)


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The finished trial with the lowest loss; the first one of several."""
    return min((trial for trial in trials if trial.state == "complete"), key=lambda trial: (trial.loss, trial.number))


def one_standard_error(trials: Sequence[Trial], cautions: Mapping[int, Caution]) -> Trial:
    """The most cautious of the finished trials that are as good as the best within its standard error.

    Args:
        trials: At least one of them finished.
        cautions: Of each finished trial, by its number.
    """
    best = best_trial(trials)
    limit = best.loss + (best.standard_error or 0.0)
    near = [trial for trial in trials if trial.state == "complete" and trial.loss <= limit]

    def firmest_first(trial: Trial) -> tuple[float, float, float, int]:
        strength, share = cautions[trial.number]
        return -strength, -share, trial.loss, trial.number

    return min(near, key=firmest_first)


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Indices of the points that no other point dominates, by rising first coordinate; both are to be small.

    A point dominates another where it is nowhere larger and somewhere smaller. Equal points are all kept.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index], index))
    front: list[int] = []
    for index in order:
        first, second = points[index]
        if not front or second < points[front[-1]][1] or (first, second) == points[front[-1]]:
            front.append(index)
    return tuple(front)


def standard_error(values: Sequence[float]) -> float:
    """Of their mean: the sample's standard deviation over √n."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))


def paired_difference(chosen: Trial, own: Trial) -> Difference:
    """Mean of the differences part by part, which cancels how hard each part is."""
    differences = np.subtract(chosen.fold_losses, own.fold_losses)
    return Difference(mean=float(differences.mean()), standard_error=standard_error(differences.tolist()))
