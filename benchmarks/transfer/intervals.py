"""Intervals over patients and seeds, paired differences, and the choice that leaves a cohort out.

One bootstrap replicate is another cohort and other draws: patients with replacement within the strata of the classes
that they have, and seeds with replacement. Within a cohort every method and budget sees the same replicates, so that
differences are paired by patient and seed, and means over budgets need no more than adding up.

    AUROC*(method) = mean over the drawn seeds of the AUROC under the drawn patients
    difference*    = AUROC*(method) − AUROC*(other), over seeds that both have

Intervals are the 2.5 % and 97.5 % quantiles of the replicates. Reference: Efron, Tibshirani 1993, ch. 13; Field,
Welsh 2007 (the cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.metrics import auroc

_BATCH = 200
"""Replicates at once: 200 × 624 case weights take 1 MB."""

_MOST_SEEDS = 64


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The replicates of one cohort.

    Attributes:
        truth: Of its test cases.
        weights: How often each case occurs, `replicate case`.
        seeds: Uniform numbers that seeds are drawn by, `replicate draw`.
    """

    truth: Bool[np.ndarray, " case"]
    weights: Float64[np.ndarray, "replicate case"]
    seeds: Float64[np.ndarray, "replicate draw"]


@dataclass(frozen=True)
class Sampled:
    """A figure, and its value in every replicate."""

    value: float
    replicates: Float64[np.ndarray, " replicate"]

    def __sub__(self, other: Sampled) -> Sampled:
        return Sampled(self.value - other.value, self.replicates - other.replicates)

    @property
    def interval(self) -> tuple[float, float]:
        """95 %; it always holds the value."""
        low, high = np.quantile(self.replicates, [0.025, 0.975])
        return min(self.value, float(low)), max(self.value, float(high))


Runs = Mapping[int, Sampled]
"""One method's AUROC by seed; the replicates draw patients only."""


def draws(truth: np.ndarray, patients: np.ndarray, *, replicates: int, seed: int = 0) -> Draws:
    """Replicates of a cohort; equal seeds give equal ones.

    Args:
        truth: Of each test case.
        patients: Whose each case is.
        replicates: How many.
        seed: Of the generator.
    """
    generator = np.random.default_rng(seed)
    weights = patient_weights(patients, class_strata(truth.astype(np.int64), patients), replicates, generator)
    return Draws(truth=truth.astype(bool), weights=weights, seeds=generator.random((replicates, _MOST_SEEDS)))


def patient_weights(
    patients: Int64[np.ndarray, " case"],
    strata: Int64[np.ndarray, " case"],
    replicates: int,
    generator: np.random.Generator,
) -> Float64[np.ndarray, "replicate case"]:
    """How often each case occurs: all cases of a patient alike, each stratum as many patients as it has."""
    _, first, owner = np.unique(patients, return_index=True, return_inverse=True)
    counts = np.empty((replicates, first.size))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata[first] == stratum)
        counts[:, members] = generator.multinomial(members.size, np.full(members.size, 1 / members.size), replicates)
    return counts[:, owner]


def aurocs(drawn: Draws, scores: np.ndarray) -> Sampled:
    """AUROC of one run's scores."""
    parts = [
        auroc.weighted(drawn.truth, scores, drawn.weights[start : start + _BATCH])
        for start in range(0, len(drawn.weights), _BATCH)
    ]
    return Sampled(auroc.measure(drawn.truth, scores), np.concatenate(parts))


def over_seeds(drawn: Draws, runs: Runs, seeds: Sequence[int] | None = None) -> Sampled:
    """Mean over seeds, which are drawn as well; `seeds` are those to count, all by default."""
    used = sorted(runs if seeds is None else seeds)
    values = np.stack([runs[seed].replicates for seed in used], axis=1)
    chosen = (drawn.seeds[:, : len(used)] * len(used)).astype(np.int64)
    mean = np.take_along_axis(values, chosen, axis=1).mean(axis=1)
    return Sampled(float(np.mean([runs[seed].value for seed in used])), mean)


def difference(drawn: Draws, ours: Runs, theirs: Runs) -> Sampled | None:
    """Ours minus theirs over the seeds that both have; None where there is none."""
    both = sorted(set(ours) & set(theirs))
    return over_seeds(drawn, ours, both) - over_seeds(drawn, theirs, both) if both else None


def mean_of(figures: Sequence[Sampled]) -> Sampled:
    """The mean of figures of one cohort."""
    return Sampled(
        float(np.mean([figure.value for figure in figures])), np.mean([f.replicates for f in figures], axis=0)
    )


def leave_one_out(gains: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """For each cohort the method with the largest mean gain on the others; the first of equals.

    Args:
        gains: Cohort → method → gain. Methods that some other cohort lacks cannot be chosen.
    """
    chosen: dict[str, str] = {}
    for cohort in gains:
        others = [theirs for name, theirs in gains.items() if name != cohort]
        candidates = [method for method in others[0] if all(method in theirs for theirs in others)] if others else []
        if candidates:
            chosen[cohort] = max(candidates, key=lambda method: sum(theirs[method] for theirs in others))
    return chosen


def winner(gains: Mapping[str, Mapping[str, float]]) -> str | None:
    """The method with the largest mean gain over all cohorts; the first of equals."""
    every = list(gains.values())
    candidates = [method for method in every[0] if all(method in theirs for theirs in every)] if every else []
    return max(candidates, key=lambda method: sum(theirs[method] for theirs in every), default=None)
