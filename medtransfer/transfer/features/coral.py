"""CORAL: let the features of both domains have the same covariance.

    Ω = ‖C_S − C_T‖²_F / (4·d²),    C = (XᵀX − (1ᵀX)ᵀ(1ᵀX)/n) / (n − 1)

Reference: Sun & Saenko 2016, Deep CORAL, eqs. 1–3. Computed in 32 bits whatever the network's precision: the
difference of two covariances cancels.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.data.tensors import Features, Scalar
from medtransfer.transfer.types import POOLED, Domain


def build(feature_dim: int, n_classes: int, *, tap: str = POOLED) -> nn.Module:
    """The term for features of one tap; dimension and number of classes do not matter to it.

    Raises:
        ObjectiveError: There is no such tap.
    """
    del feature_dim, n_classes
    if tap != POOLED:
        raise ObjectiveError(
            f"there is no tap '{tap}'",
            code="UnknownTap",
            path="objective.features.coral.tap",
            hint=f"Features are served by these taps: {POOLED}.",
        )
    return Coral(tap)


class Coral(nn.Module):
    """Distance of covariances; labels are not looked at."""

    def __init__(self, tap: str) -> None:
        super().__init__()
        self.tap = tap

    def forward(self, source: Domain, target: Domain) -> Scalar:
        """Ω of two batches, of any sizes from 2 on."""
        ours, theirs = source.features[self.tap], target.features[self.tap]
        with torch.autocast(ours.device.type, enabled=False):
            difference = covariance(ours.float()) - covariance(theirs.float())
            return difference.square().sum() / (4 * ours.shape[1] ** 2)


def covariance(features: Features) -> Float[Tensor, "feature feature"]:
    """Unbiased covariance, `feature feature`."""
    centred = features - features.mean(dim=0, keepdim=True)
    return centred.T @ centred / (len(features) - 1)
