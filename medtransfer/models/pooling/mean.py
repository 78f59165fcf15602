"""Mean over the planes of a study.

    z = 1/n · Σ_i h_i

Shapes: features `study plane feature` → `study feature`. Raises ValueError for a study without planes.
Reference: Ilse, Tomczak, Welling 2018, Attention-based deep multiple instance learning (MIL pooling).
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.pooling._bag import weighted, without_padding
from medtransfer.models.pooling._contract import BagFeatures, Place, Pooled, Present


def build(feature_dim: int) -> Mean:
    """The mean of features of that length; nothing to learn."""
    return Mean(feature_dim)


class Mean(nn.Module):
    """Every plane counts the same, wherever it lies."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.feature_dim = feature_dim

    def forward(self, features: BagFeatures, present: Present, place: Place) -> Pooled:
        """The mean z, and 1/n for every plane."""
        del place
        features = without_padding(features, present)
        weights = present.to(features.dtype) / present.sum(dim=1, keepdim=True)
        return weighted(features, weights)
