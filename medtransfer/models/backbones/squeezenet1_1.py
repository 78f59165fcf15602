"""SqueezeNet 1.1: 0.7 M parameters, 512 features, 0.35 GMAC at 224².

The origin's head is a 1×1 convolution followed by a mean over the plane. A linear head after the mean
computes the same (both are linear), so the mean is kept here and the convolution becomes our head.

Reference: Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50× fewer parameters.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone
from medtransfer.models.backbones._torchvision import network, sequential_stages

_BLOCKS = {
    "stem": range(1),
    "fire1": range(1, 5),
    "fire2": range(5, 8),
    "fire3": range(8, 11),
    "fire4": range(11, 13),
}
"""The first two cuts and the third stand where the resolution halves."""


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("squeezenet1_1", in_channels=in_channels)
    net.classifier = nn.AdaptiveAvgPool2d(1)
    stages = sequential_stages("features", _BLOCKS)
    return Backbone(net, stages=stages, feature_dim=512, head_keys=("classifier.",))
