"""MobileNetV3-Large: 3.0 M parameters, 960 features, 0.21 GMAC at 224².

The origin's head has a hidden layer (a linear one and a hard swish) before the last: it belongs to the head, so that
features are what the plane is pooled to.

Reference: Howard et al. 2019, Searching for MobileNetV3.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone
from medtransfer.models.backbones._torchvision import network, sequential_stages

_BLOCKS = {
    "stem": range(1),
    "blocks1": range(1, 4),
    "blocks2": range(4, 7),
    "blocks3": range(7, 13),
    "blocks4": range(13, 17),
}
"""Cut where the resolution halves (to 56, 28, 14 and 7 pixels at 224)."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("mobilenet_v3_large")
    net.classifier = nn.Identity()
    return Backbone(
        net,
        stages=sequential_stages("features", _BLOCKS),
        feature_dim=960,
        head_keys=("classifier.",),
        stem="features.0.0",
        in_channels=in_channels,
    )
