"""MobileNetV2: 2.2 M parameters, 1,280 features, 0.3 GMAC at 224².

Reference: Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone
from medtransfer.models.backbones._torchvision import network, sequential_stages

_BLOCKS = {
    "stem": range(1),
    "blocks1": range(1, 4),
    "blocks2": range(4, 7),
    "blocks3": range(7, 14),
    "blocks4": range(14, 19),
}
"""Cut where the resolution halves (to 56, 28, 14 and 7 pixels at 224)."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("mobilenet_v2")
    net.classifier = nn.Identity()
    return Backbone(
        net,
        stages=sequential_stages("features", _BLOCKS),
        feature_dim=1280,
        head_keys=("classifier.",),
        stem="features.0.0",
        in_channels=in_channels,
    )
