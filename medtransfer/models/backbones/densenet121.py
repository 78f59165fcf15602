"""DenseNet-121: 7.0 M parameters, 1,024 features, 2.8 GMAC at 224². Pictures need 29 pixels a side at least.

Reference: Huang, Liu, van der Maaten, Weinberger 2017, Densely connected convolutional networks.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone, Sizes
from medtransfer.models.backbones._torchvision import network

STAGES = {
    "stem": ("features.conv0", "features.norm0", "features.relu0", "features.pool0"),
    "block1": ("features.denseblock1", "features.transition1"),
    "block2": ("features.denseblock2", "features.transition2"),
    "block3": ("features.denseblock3", "features.transition3"),
    "block4": ("features.denseblock4", "features.norm5"),
}


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("densenet121")
    net.classifier = nn.Identity()
    return Backbone(
        net,
        stages=STAGES,
        feature_dim=1024,
        head_keys=("classifier.",),
        stem="features.conv0",
        in_channels=in_channels,
        sizes=Sizes(smallest=29),
    )
