"""The patient bootstrap: whole patients are drawn again with replacement, and every figure is computed anew.

A replicate is a vector of case weights, each study weighing as often as its patient was drawn, so that a figure is
computed for many replicates in one pass, and several figures share one drawing. The replicates depend on the seed, the
strata and who shares a patient with whom, in the order of the cases: not on the patients' codes, not on the number of
workers, nor on which figures are asked for.

Replicates are drawn in batches, each with a seed of its own and worked on by one thread from drawing to figures, so
that any number of workers gives the same bytes; numpy lets the threads run side by side.

Reference: Efron, Tibshirani 1993, ch. 13; for clustered data Field, Welsh 2007 (cluster bootstrap).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from medtransfer.core.errors import ConfigError
from medtransfer.core.types import ClassIndices, Groups
from medtransfer.evaluation.blas import one_blas_thread

ReplicateWeights = Float64[np.ndarray, "replicate case"]
"""How often each case occurs in each bootstrap replicate: whole numbers."""

ReplicateValues = Float64[np.ndarray, " replicate"]

ReplicateFigures = Float64[np.ndarray, "replicate *figure"]
"""One value for each replicate, or several."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""`replicate case` weights → one value for each replicate, or `replicate figure`; NaN where there is none.

It is called from several threads at once, must change nothing, and must not change the weights either."""

_MOST_DRAWN, _MOST_REPLICATES = 1 << 17, 128
"""Patients drawn, and replicates, in a batch. They are part of what a seed means: never to depend on the machine."""

_MOST_WEIGHTS = 1 << 17
"""Weights held at once (1 MB): about what a core's cache holds."""

_WORTH_A_THREAD = 1 << 21
"""With fewer weights altogether, starting threads costs more than it saves."""

_FREED = 31 << 20
"""glibc takes memory back from the system page by page, unless an array about so large has been freed before: then it
keeps up to twice as much at hand (mallopt(3), M_MMAP_THRESHOLD). Measured: drawing takes a third of the time."""

FEWEST_REPLICATES = 100
"""Below this the 2.5 % quantile of the replicates is one of the two smallest: no interval at all."""


def resampled(
    statistics: Mapping[str, Statistic],
    groups: Groups,
    *,
    seed: int,
    replicates: int,
    strata: ClassIndices | None = None,
    workers: int | None = None,
) -> dict[str, ReplicateFigures]:
    """Every statistic on every replicate, from one drawing.

    Args:
        statistics: By name.
        groups: The patient of each case.
        seed: Of the generator.
        replicates: How many.
        strata: Of each case, constant within a patient (`intervals.class_strata`): patients are drawn within their
            stratum, so that no replicate lacks one. None for one stratum.
        workers: Threads; None for as many as there are cores, where the work is worth it.

    Raises:
        ConfigError: Too few replicates.
    """
    if replicates < FEWEST_REPLICATES:
        msg = f"{replicates} bootstrap replicates are too few"
        hint = f"Ask for 2000, or at the very least {FEWEST_REPLICATES}."
        raise ConfigError(msg, code="TooFewReplicates", hint=hint)
    drawing = _drawing(groups, strata, seed=seed)
    each = min(_MOST_REPLICATES, max(1, _MOST_DRAWN // max(1, sum(drawing.sizes))))
    batches = [(start // each, min(each, replicates - start)) for start in range(0, replicates, each)]

    def figures(batch: tuple[int, int]) -> list[np.ndarray]:
        found = [[statistic(weights) for statistic in statistics.values()] for weights in drawing.weights(*batch)]
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    if workers is None:
        workers = _cores() if replicates * groups.size >= _WORTH_A_THREAD else 1
    np.empty(_FREED, dtype=np.uint8)
    with one_blas_thread():
        found = list(map(figures, batches)) if workers == 1 else _side_by_side(figures, batches, workers)
    return {name: np.concatenate(parts) for name, parts in zip(statistics, zip(*found, strict=True), strict=True)}


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """Patients side by side, stratum after stratum, within each in the order of their first case."""

    seed: int
    sizes: tuple[int, ...]
    """Patients of each stratum."""
    place: Int64[np.ndarray, " case"] | None
    """Of each case's patient; None where it is the case's own place."""

    def weights(self, batch: int, replicates: int) -> Iterator[ReplicateWeights]:
        """Case weights of one batch, some replicates at a time."""
        counts = self._counts(batch, replicates)
        if self.place is None:
            yield counts
            return
        each = max(1, _MOST_WEIGHTS // max(1, self.place.size))
        for start in range(0, replicates, each):
            yield np.take(counts[start : start + each], self.place, axis=1)

    def _counts(self, batch: int, replicates: int) -> Float64[np.ndarray, "replicate patient"]:
        generator = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(batch,)))
        counts = np.empty((replicates, sum(self.sizes)))
        start = 0
        for size in self.sizes:
            drawn = generator.integers(0, size, size=(replicates, size))
            if replicates > 1:
                drawn += np.arange(replicates)[:, None] * size
            drawn = np.bincount(drawn.ravel(), minlength=replicates * size)
            counts[:, start : start + size] = drawn.reshape(replicates, size)
            start += size
        return counts


def _drawing(groups: Groups, strata: ClassIndices | None, *, seed: int) -> _Drawing:
    patients, first, position = np.unique(groups, return_index=True, return_inverse=True)
    of_patient = np.zeros(patients.size, dtype=np.int64) if strata is None else strata[first]
    order = np.lexsort((first, of_patient))
    column = np.empty_like(order)
    column[order] = np.arange(patients.size)
    place = column[position].astype(np.int64)
    alone = np.array_equal(place, np.arange(groups.size))
    sizes = np.unique(of_patient, return_counts=True)[1]
    return _Drawing(seed=seed, sizes=tuple(sizes.tolist()), place=None if alone else place)


def _side_by_side(
    figures: Callable[[tuple[int, int]], list[np.ndarray]], batches: list[tuple[int, int]], workers: int
) -> list[list[np.ndarray]]:
    """As `map`; the first error ends all."""
    with ThreadPoolExecutor(min(workers, len(batches))) as pool:
        found = [pool.submit(figures, batch) for batch in batches]
        try:
            return [one.result() for one in found]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
