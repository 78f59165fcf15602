"""ResNet-34: 21.3 M parameters, 512 features, 3.7 GMAC at 224².

Reference: He, Zhang, Ren, Sun 2016, Deep residual learning for image recognition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.backbones._torchvision import resnet

if TYPE_CHECKING:
    from medtransfer.models.backbone import Backbone


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    return resnet("resnet34", in_channels=in_channels, feature_dim=512)
