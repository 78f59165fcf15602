"""Who stands above whom, worked out once, so that each bootstrap replicate is a running sum and a few look-ups.

Studies stand in ascending order of probability, equal probabilities in one block. With W(i) the weight of the first i
studies in that order and P(j) that of the first j positive ones, every figure that ranks is a sum over blocks:

    block b holds the studies from start_b to end_b,       W(end_b) − W(start_b) of weight,
    of which the positive ones from first_b to last_b,     P(last_b) − P(first_b) of weight.

Weights are counts, so that these sums are exact in whatever order they are added.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int64, Num

from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.resampling import ReplicateWeights

Places = Int64[np.ndarray, " block"]
RunningSum = Num[np.ndarray, "replicate _"]
"""Of weights, with a 0 before the first: one column more than there are studies."""


class Sums(NamedTuple):
    """W of all studies and P of the positive ones; whole numbers where the weights are."""

    everyone: RunningSum
    positive: RunningSum

    @property
    def m(self) -> Num[np.ndarray, "replicate 1"]:
        """Weight of the positive studies."""
        return self.positive[:, -1:]

    @property
    def n(self) -> Num[np.ndarray, "replicate 1"]:
        """Weight of the negative ones."""
        return self.everyone[:, -1:] - self.m


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Some of the blocks, in ascending order."""

    start: Places
    end: Places
    first: Places
    last: Places


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Studies in ascending order of probability.

    Attributes:
        order: Where the studies stand among the weights; None where they stand in this order.
        positives: Places of the positive studies in this order.
        size: How many studies.
        blocks: Studies of equal probability, lowest first.
        with_positive: The blocks that hold a positive study.
        with_negative: The blocks that hold a negative one.
    """

    order: Int[np.ndarray, " case"] | None
    positives: Int64[np.ndarray, " positive"]
    size: int
    blocks: Blocks = field(repr=False)
    with_positive: Blocks = field(repr=False)
    with_negative: Blocks = field(repr=False)

    def sums(self, weights: ReplicateWeights) -> Sums:
        """Under each row of case weights."""
        if self.order is not None:
            weights = np.take(weights, self.order, axis=1)
        counts = weights.astype(np.int64)  # Whole numbers add up ten times as fast.
        if not np.array_equal(counts, weights):
            counts = weights
        return Sums(_running(counts), _running(np.take(counts, self.positives, axis=1)))


def ranking(truth: Truths, probability: Probabilities, rows: Int[np.ndarray, " case"] | None = None) -> Ranking:
    """Rank studies, once for all replicates.

    Args:
        truth: Of each study.
        probability: Of each study, in any order; sorting is spared where they ascend.
        rows: Where each study stands among the weights; None where weights are of these studies and no others.
    """
    order = rows
    if (probability[1:] < probability[:-1]).any():
        ascending = np.argsort(probability, kind="stable")
        truth, probability = truth[ascending], probability[ascending]
        order = ascending if rows is None else rows[ascending]
    start = np.flatnonzero(np.append(True, probability[1:] != probability[:-1])[: probability.size])
    end = np.append(start[1:], probability.size)[: start.size]
    before = np.concatenate([[0], np.cumsum(truth)])
    blocks = Blocks(start=start, end=end, first=before[start], last=before[end])
    positive = blocks.last > blocks.first
    negative = blocks.end - blocks.start > blocks.last - blocks.first
    return Ranking(
        order=order,
        positives=np.flatnonzero(truth),
        size=int(truth.size),
        blocks=blocks,
        with_positive=_some(blocks, positive),
        with_negative=_some(blocks, negative),
    )


def _some(blocks: Blocks, which: np.ndarray) -> Blocks:
    return Blocks(start=blocks.start[which], end=blocks.end[which], first=blocks.first[which], last=blocks.last[which])


def _running(weights: np.ndarray) -> RunningSum:
    found = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=weights.dtype)
    np.cumsum(weights, axis=1, out=found[:, 1:])
    return found
