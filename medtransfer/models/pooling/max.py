"""Largest value of each feature over the planes of a study.

    z_f = max_i h_if,    a_i = 1/F · Σ_f [h_if = z_f] / #{j : h_jf = z_f}

The weight of a plane is the share of features for which it is the largest. Planes that tie, such as those with the many
exact zeros behind a ReLU, divide the feature and its gradient evenly, so that their order does not matter.

Shapes: features `study plane feature` → `study feature`. Raises ValueError for a study without planes.
Reference: Ilse, Tomczak, Welling 2018, Attention-based deep multiple instance learning (MIL pooling).
"""

from __future__ import annotations

import torch
from torch import nn

from medtransfer.models.pooling._bag import without_padding
from medtransfer.models.pooling._contract import BagFeatures, Place, Pooled, Present


def build(feature_dim: int) -> Max:
    """The maximum of features of that length; nothing to learn."""
    return Max(feature_dim)


class Max(nn.Module):
    """Each feature comes from the plane that shows it most, wherever it lies."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.feature_dim = feature_dim

    def forward(self, features: BagFeatures, present: Present, place: Place) -> Pooled:
        """The maximum z, and the share of features that each plane gave."""
        del place
        candidates = torch.where(present[..., None], without_padding(features, present), -torch.inf)
        largest = candidates.amax(dim=1)
        gave = (candidates == largest[:, None]).to(largest.dtype)
        return Pooled(largest, (gave / gave.sum(dim=1, keepdim=True)).mean(dim=2))
