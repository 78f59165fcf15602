"""The patient bootstrap: whole patients are drawn again with replacement, and every figure is computed anew.

A replicate is a vector of case weights, each study weighing as often as its patient was drawn, so that a figure is
computed for many replicates in one pass, and several figures share one drawing. The replicates depend on the seed, the
patients and the strata alone: not on the number of threads, nor on which figures are asked for.

Reference: Efron, Tibshirani 1993, ch. 13; for clustered data Field, Welsh 2007 (cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import Float64

from medtransfer.core.errors import ConfigError
from medtransfer.core.types import ClassIndices, Groups

ReplicateWeights = Float64[np.ndarray, "replicate case"]
"""How often each case occurs in each bootstrap replicate."""

ReplicateValues = Float64[np.ndarray, " replicate"]

ReplicateFigures = Float64[np.ndarray, "replicate *figure"]
"""One value for each replicate, or several."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""`replicate case` weights → one value for each replicate, or `replicate figure`; NaN where there is none."""

_MOST_WEIGHTS = 1_000_000
"""Weights held at once (8 MB): replicates are drawn in batches of about this size."""

FEWEST_REPLICATES = 100
"""Below this the 2.5 % quantile of the replicates is one of the two smallest: no interval at all."""


def resampled(
    statistics: Mapping[str, Statistic],
    groups: Groups,
    *,
    seed: int,
    replicates: int,
    strata: ClassIndices | None = None,
) -> dict[str, ReplicateFigures]:
    """Every statistic on every replicate, from one drawing.

    Args:
        statistics: By name.
        groups: The patient of each case.
        seed: Of the generator.
        replicates: How many.
        strata: Of each case, constant within a patient (`intervals.class_strata`): patients are drawn within their
            stratum, so that no replicate lacks one. None for one stratum.

    Raises:
        ConfigError: Too few replicates.
    """
    if replicates < FEWEST_REPLICATES:
        msg = f"{replicates} bootstrap replicates are too few"
        hint = f"Ask for 2000, or at the very least {FEWEST_REPLICATES}."
        raise ConfigError(msg, code="TooFewReplicates", hint=hint)
    found: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    for weights in _weights(groups, strata, seed=seed, replicates=replicates):
        for name, statistic in statistics.items():
            found[name].append(statistic(weights))
    return {name: np.concatenate(values) for name, values in found.items()}


def _weights(groups: Groups, strata: ClassIndices | None, *, seed: int, replicates: int) -> Iterator[ReplicateWeights]:
    """Case weights of all replicates, batch by batch."""
    generator = np.random.default_rng(seed)
    patients, first, position = np.unique(groups, return_index=True, return_inverse=True)
    of_patient = np.zeros(patients.size, dtype=np.int64) if strata is None else strata[first]
    members = [np.flatnonzero(of_patient == stratum) for stratum in np.unique(of_patient)]
    batch = max(1, _MOST_WEIGHTS // max(1, groups.size))
    for start in range(0, replicates, batch):
        rows = min(batch, replicates - start)
        counts = np.zeros((rows, patients.size))
        for who in members:
            drawn = generator.integers(0, who.size, size=(rows, who.size))
            drawn += np.arange(rows)[:, None] * who.size
            counts[:, who] = np.bincount(drawn.ravel(), minlength=rows * who.size).reshape(rows, who.size)
        yield counts[:, position]
