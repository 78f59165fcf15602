"""SqueezeNet 1.1: 0.7 M parameters, 512 features, 0.26 GMAC at 224². Pictures need 17 pixels a side at least.

The origin's head is a 1×1 convolution followed by a mean over the plane. A linear head after the mean
computes the same (both are linear), so the mean is kept here and the convolution becomes our head.

Reference: Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50× fewer parameters.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone, Sizes
from medtransfer.models.backbones._torchvision import network, sequential_stages

_BLOCKS = {
    "stem": range(2),
    "fire1": range(2, 5),
    "fire2": range(5, 8),
    "fire3": range(8, 11),
    "fire4": range(11, 13),
}
"""Stages begin where the resolution halves; the last one parts the four blocks of the lowest."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("squeezenet1_1")
    net.classifier = nn.AdaptiveAvgPool2d(1)
    return Backbone(
        net,
        stages=sequential_stages("features", _BLOCKS),
        feature_dim=512,
        head_keys=("classifier.",),
        stem="features.0",
        in_channels=in_channels,
        sizes=Sizes(smallest=17),
    )
