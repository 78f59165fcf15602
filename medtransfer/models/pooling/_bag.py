"""Bags of planes with padding: what stands on padding never reaches a sum, a softmax or a gradient."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from medtransfer.models.pooling._contract import BagFeatures, Place, Pooled, Present

PlaneScores = Float[Tensor, "study plane"]


def without_padding(features: BagFeatures, present: Present) -> BagFeatures:
    """The features in at least 32 bits, with 0 on padding, even where NaN stood.

    16 would be too coarse for a mean over 1,000 planes or a score of 8 (bfloat16 has steps of 1/16 there), and would
    save nothing: pooling costs a thousandth of what the encoder does.

    Raises:
        ValueError: A study has no plane at all.
    """
    if not torch.compiler.is_compiling() and not bool(present.any(dim=1).all()):
        rows = (~present.any(dim=1)).nonzero().flatten().tolist()
        msg = f"studies {rows} of the batch have no planes, so there is nothing to pool: leave them out"
        raise ValueError(msg)
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    # A product with 0 would keep NaN and infinity, here and in the gradient of what comes before.
    return torch.where(present[..., None], wide, 0)


def place_without_padding(place: Place, present: Present) -> Place:
    """The places, with the middle on padding; an axis need not be cleaned, since it is only compared."""
    return Place(torch.where(present, place.position, 0.5), place.axis)


def shares(scores: PlaneScores, present: Present) -> PlaneScores:
    """Softmax over the planes that are present: a_i = exp(s_i) / Σ_j exp(s_j), and 0 on padding."""
    return torch.where(present, scores, -torch.inf).softmax(dim=1)


def weighted(features: BagFeatures, weights: PlaneScores) -> Pooled:
    """Pooled by z = Σ_i a_i·h_i, without a matrix product, which autocast would take in 16 bits."""
    return Pooled((features * weights[..., None]).sum(dim=1), weights)
