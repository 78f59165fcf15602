"""CORAL: let the features of both domains have the same covariance.

    Ω = ‖C_S − C_T‖²_F / (4·d²),    C = (XᵀX − (1ᵀX)ᵀ(1ᵀX)/n) / (n − 1)

Computed in 32 bits whatever the network's precision: the difference of two covariances cancels.

Shapes: features `case feature`, of any batch sizes from 2 on; labels and logits are not looked at.
Raises ObjectiveError where a batch is a single case.
Reference: Sun & Saenko 2016, Deep CORAL, eqs. 1–3.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.data.tensors import Features, Scalar
from medtransfer.transfer.features._batches import features_of, without_autocast
from medtransfer.transfer.types import POOLED, Domain


def build(feature_dim: int, n_classes: int, *, tap: str = POOLED) -> Coral:
    """The term for features of one tap; dimension and number of classes do not matter to it.

    Args:
        feature_dim: Not looked at.
        n_classes: Not looked at.
        tap: Which features: `pooled`, or a stage of the backbone.
    """
    del feature_dim, n_classes
    return Coral(tap)


class Coral(nn.Module):
    """Distance of covariances."""

    def __init__(self, tap: str) -> None:
        super().__init__()
        self.tap = tap

    def forward(self, source: Domain, target: Domain) -> Scalar:
        """Ω of two batches.

        Raises:
            ObjectiveError: One of them is a single case, which has no covariance.
        """
        ours, theirs = features_of(source, target, self.tap)
        if min(len(ours), len(theirs)) < 2:
            raise ObjectiveError(
                f"CORAL compares covariances, and the batches have {len(ours)} and {len(theirs)} cases",
                code="BatchTooSmall",
                path="training.batch_size",
                hint="Have at least 2 training cases of each domain in a batch, or use mmd, which takes single ones.",
            )
        with without_autocast(ours):
            difference = covariance(ours) - covariance(theirs)
            return difference.square().sum() / (4 * ours.shape[1] ** 2)


def covariance(features: Features) -> Float[Tensor, "feature feature"]:
    """Unbiased covariance, `feature feature`."""
    centred = features - features.mean(dim=0, keepdim=True)
    return centred.T @ centred / (len(features) - 1)
