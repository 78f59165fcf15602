"""EfficientNet-B0: 4.0 M parameters, 1,280 features, 0.39 GMAC at 224².

Reference: Tan, Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone
from medtransfer.models.backbones._torchvision import network, sequential_stages

_BLOCKS = {
    "stem": range(2),
    "blocks1": range(2, 3),
    "blocks2": range(3, 4),
    "blocks3": range(4, 6),
    "blocks4": range(6, 9),
}
"""Cut where the resolution halves (to 56, 28, 14 and 7 pixels at 224)."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("efficientnet_b0")
    net.classifier = nn.Identity()
    return Backbone(
        net,
        stages=sequential_stages("features", _BLOCKS),
        feature_dim=1280,
        head_keys=("classifier.",),
        stem="features.0.0",
        in_channels=in_channels,
    )
