"""Swin-T: 27.5 M parameters, 768 features, 4.5 GMAC at 224². Pictures of any size from 4 pixels a side are padded.

Reference: Liu et al. 2021, Swin Transformer: hierarchical vision transformer using shifted windows.
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
"""A patch-merging layer opens the stage it leads to."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("swin_t")
    net.head = nn.Identity()
    stages = sequential_stages("features", _BLOCKS)
    stages["blocks4"] = (*stages["blocks4"], "norm")
    return Backbone(
        net,
        stages=stages,
        feature_dim=768,
        head_keys=("head.",),
        stem="features.0.0",
        in_channels=in_channels,
        sizes=Sizes(smallest=4),
    )
