"""MMD: let the features of both domains have the same distribution, as several Gaussian kernels see it.

    Ω = 1/n² Σ_ij k(s_i, s_j) + 1/m² Σ_ij k(t_i, t_j) − 2/(nm) Σ_ij k(s_i, t_j)
    k(x, y) = 1/K Σ_u exp(−‖x − y‖² / (2·2^u·σ²)),    u = −(K−1)/2, …, (K−1)/2

σ² is the median of ‖z_i − z_j‖² over the pairs of both batches together, so that the features' unit does not matter,
and a constant for the gradient. Ω is the V-statistic, the squared distance of the two batches' mean embeddings: never
negative, and exactly 0 for identical batches. (The unbiased U-statistic, which is for tests, is negative half of the
time where the domains agree, and a term that can be negative is no distance to bring to 0.) With the mean over
kernels, not their sum, Ω ≤ 2.

Shapes: features `case feature`, of any batch sizes, computed in 32 bits at least; labels and logits are not looked at.
Raises ObjectiveError for a number of kernels below 1.
Reference: Gretton et al. 2012, A kernel two-sample test, eq. 5; Long et al. 2015, Learning transferable features with
deep adaptation networks, §4.
"""

from __future__ import annotations

import torch
from torch import nn

from medtransfer.data.tensors import Scalar
from medtransfer.transfer.features._batches import features_of, without_autocast
from medtransfer.transfer.features._distances import Pairs, SquaredDistances, pairs, typical
from medtransfer.transfer.features._settings import check_count
from medtransfer.transfer.types import POOLED, Domain


def build(feature_dim: int, n_classes: int, *, tap: str = POOLED, kernels: int = 5) -> Mmd:
    """The term for features of one tap; dimension and number of classes do not matter to it.

    Args:
        feature_dim: Not looked at.
        n_classes: Not looked at.
        tap: Which features: `pooled`, or a stage of the backbone.
        kernels: K, how many Gaussians; each is twice as wide in σ² as the one before.

    Raises:
        ObjectiveError: There is no kernel.
    """
    del feature_dim, n_classes
    check_count("mmd", "kernels", kernels)
    return Mmd(tap, kernels)


class Mmd(nn.Module):
    """Squared distance of mean embeddings."""

    def __init__(self, tap: str, kernels: int) -> None:
        super().__init__()
        self.tap = tap
        self.kernels = kernels

    def forward(self, source: Domain, target: Domain) -> Scalar:
        """Ω of two batches, of any sizes."""
        ours, theirs = features_of(source, target, self.tap)
        with without_autocast(ours):
            distances = pairs(ours, theirs)
            return squared_mmd(distances, typical(distances), kernels=self.kernels)


def squared_mmd(distances: Pairs, bandwidth: Scalar, *, kernels: int) -> Scalar:
    """Ω from all squared distances and σ²."""
    within_source, within_target, across = (kernel(block, bandwidth, kernels=kernels).mean() for block in distances)
    return (within_source + within_target - 2 * across).clamp(min=0)  # rounding alone can make it negative


def kernel(distances: SquaredDistances, bandwidth: Scalar, *, kernels: int) -> SquaredDistances:
    """Returns k of each pair: the mean of K Gaussians around `bandwidth`, σ²."""
    exponents = (u - (kernels - 1) / 2 for u in range(kernels))
    return torch.stack([(-distances / (2 * 2**u * bandwidth)).exp() for u in exponents]).mean(dim=0)
