"""Which domain is a case from? A small network, and its loss."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from medtransfer.data.tensors import Features, Scalar, Weights
from medtransfer.transfer.features._batches import SourceFeatures, TargetFeatures


class Discriminator(nn.Module):
    """Two hidden layers, without dropout or batch statistics: a function of the features and its parameters alone."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, features: Features) -> Float[Tensor, " case"]:
        """The logit of P(target | features) for each case."""
        return self.layers(features).squeeze(1)


def in_own_unit(source: SourceFeatures, target: TargetFeatures) -> tuple[SourceFeatures, TargetFeatures]:
    """Divided by their root mean square over both batches, a constant.

    Backbones differ a thousandfold in the scale of their features; a discriminator's first layer does not. One number
    for both domains: what sets them apart stays.
    """
    mean_square = torch.cat([source.detach().flatten(), target.detach().flatten()]).square().mean()
    unit = mean_square.clamp(min=torch.finfo(mean_square.dtype).eps ** 2).sqrt()
    return source / unit, target / unit


def domain_loss(
    source: Float[Tensor, " source"],
    target: Float[Tensor, " target"],
    source_weights: Float[Tensor, " source"] | None = None,
    target_weights: Float[Tensor, " target"] | None = None,
) -> Scalar:
    """Binary cross-entropy on logits, target = 1. Each domain counts half, whatever the sizes of the batches."""
    return (_mean(softplus(source), source_weights) + _mean(softplus(-target), target_weights)) / 2


def _mean(values: Weights, weights: Weights | None) -> Scalar:
    return values.mean() if weights is None else (weights * values).sum() / weights.sum()
