"""Squared distances between the cases of two batches, and the unit in which they are measured."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from medtransfer.data.tensors import Scalar
from medtransfer.transfer.features._batches import SourceFeatures, TargetFeatures

SquaredDistances = Float[Tensor, "_ _"]


class Pairs(NamedTuple):
    """Squared distances between all cases of a step.

    Attributes:
        source: Within the source's batch, `source source`.
        target: Within the target's, `target target`.
        across: From one to the other, `source target`.
    """

    source: SquaredDistances
    target: SquaredDistances
    across: SquaredDistances


def pairs(source: SourceFeatures, target: TargetFeatures) -> Pairs:
    """All squared distances of a step."""
    return Pairs(
        squared_distances(source, source), squared_distances(target, target), squared_distances(source, target)
    )


def squared_distances(ours: SourceFeatures, theirs: TargetFeatures) -> SquaredDistances:
    """‖x_i − y_j‖² from differences, `case case`.

    |x|² + |y|² − 2·x·y would be ten times as fast, but leaves rounding between equal cases, and no digits at all
    between cases that are far from the origin.
    """
    return torch.cdist(ours, theirs, compute_mode="donot_use_mm_for_euclid_dist").square()


@torch.no_grad()
def typical(distances: Pairs) -> Scalar:
    """The median of ‖z_i − z_j‖² over all pairs i < j of both batches together: the median heuristic, a constant.

    Where more than half of the pairs coincide it is their mean, and where all do the least number that can be divided
    by safely: the features have collapsed, and no unit is better than another.

    Reference: Gretton et al. 2012, A kernel two-sample test, §8.
    """
    every = torch.cat([_once(distances.source), _once(distances.target), distances.across.flatten()])
    median, mean, least = every.median(), every.mean(), torch.finfo(every.dtype).eps ** 2
    return torch.where(median > least * mean, median, mean).clamp(min=least)


def _once(within: SquaredDistances) -> Float[Tensor, " pair"]:
    """Each pair of different cases once."""
    row, column = torch.triu_indices(len(within), len(within), 1, device=within.device)
    return within[row, column]
