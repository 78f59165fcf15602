"""DenseNet-121 in three dimensions: 11.2 M parameters, 1,024 features, 21.5 GMAC at 64 slices of 128², one channel.

Volumes need 29 slices, rows and columns at least.

Reference: Huang, Liu, van der Maaten, Weinberger 2017, Densely connected convolutional networks.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone, Sizes
from medtransfer.models.backbones._monai import networks
from medtransfer.models.backbones.densenet121 import STAGES


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed.

    Raises:
        CatalogueError: MONAI is not installed.
    """
    net = networks().DenseNet121(spatial_dims=3, in_channels=3, out_channels=1)
    net.class_layers.out = nn.Identity()
    return Backbone(
        net,
        stages=STAGES,
        feature_dim=1024,
        head_keys=("class_layers.out.",),
        stem="features.conv0",
        in_channels=in_channels,
        dimensions=3,
        sizes=Sizes(smallest=29),
    )
