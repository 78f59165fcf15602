"""ResNet-10 in three dimensions: 14.4 M parameters, 512 features, 8.9 GMAC at 64 slices of 128², one channel.

MedicalNet's weights of this depth have shortcuts of type B, the default; `resnet10_3d/A` has the other type.

Reference: He, Zhang, Ren, Sun 2016, Deep residual learning for image recognition; Chen, Ma, Zheng 2019, Med3D: transfer
learning for 3D medical image analysis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.backbones._monai import resnet

if TYPE_CHECKING:
    from medtransfer.models.backbone import Backbone


def build(*, in_channels: int = 3, variant: str = "B") -> Backbone:
    """Build the network with random weights, head removed; `variant` is the type of its shortcuts, `A` or `B`.

    Raises:
        CatalogueError: Another variant, or MONAI is not installed.
    """
    return resnet(10, in_channels=in_channels, shortcut=variant, feature_dim=512)
