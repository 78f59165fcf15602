"""EfficientNetV2-S: 20.2 M parameters, 1,280 features, 8.4 GMAC at its own 384², 2.8 at 224².

Reference: Tan, Le 2021, EfficientNetV2: smaller models and faster training.
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
    "blocks4": range(6, 8),
}
"""Cut where the resolution halves (to 96, 48, 24 and 12 pixels at 384)."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("efficientnet_v2_s")
    net.classifier = nn.Identity()
    return Backbone(
        net,
        stages=sequential_stages("features", _BLOCKS),
        feature_dim=1280,
        head_keys=("classifier.",),
        stem="features.0.0",
        in_channels=in_channels,
    )
