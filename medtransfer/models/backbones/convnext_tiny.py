"""ConvNeXt-T: 27.8 M parameters, 768 features, 4.5 GMAC at 224². Pictures need 32 pixels a side at least.

The layer normalisation between the mean over the plane and the origin's linear head stays: features are normalised.
Every patch of 32 × 32 pixels gives a place of the last plane; what is left at the right and lower border is not seen.

Reference: Liu et al. 2022, A ConvNet for the 2020s.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone, Sizes
from medtransfer.models.backbones._torchvision import network, sequential_stages

_BLOCKS = {
    "stem": range(1),
    "blocks1": range(1, 2),
    "blocks2": range(2, 4),
    "blocks3": range(4, 6),
    "blocks4": range(6, 8),
}
"""A downsampling layer opens the stage it leads to."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("convnext_tiny")
    net.set_submodule("classifier.2", nn.Identity())
    stages = sequential_stages("features", _BLOCKS)
    stages["blocks4"] = (*stages["blocks4"], "classifier.0")
    return Backbone(
        net,
        stages=stages,
        feature_dim=768,
        head_keys=("classifier.2.",),
        stem="features.0.0",
        in_channels=in_channels,
        sizes=Sizes(smallest=32),
    )
