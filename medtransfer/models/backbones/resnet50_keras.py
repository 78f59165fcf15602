"""ResNet-50 as keras.applications builds it: 23.5 M parameters, 2,048 features, 3.9 GMAC at 224².

Torchvision's names, but another network: every convolution has a bias, the stride stands in the first 1×1 convolution
of a stage instead of its 3×3 (He et al.'s original), and ε is 1.001e-5. RadImageNet's converted weights are of it.

Reference: He, Zhang, Ren, Sun 2016, Deep residual learning for image recognition; keras.applications.ResNet50.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.backbones._keras import EPSILON, add_biases, set_epsilon
from medtransfer.models.backbones._torchvision import resnet

if TYPE_CHECKING:
    from medtransfer.models.backbone import Backbone


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    backbone = resnet("resnet50", in_channels=in_channels, feature_dim=2048)
    for stage in ("layer2", "layer3", "layer4"):
        first = backbone.network.get_submodule(f"{stage}.0")
        narrow, wide = first.get_submodule("conv1"), first.get_submodule("conv2")
        narrow.stride, wide.stride = wide.stride, narrow.stride
    add_biases(backbone.network)
    set_epsilon(backbone.network, EPSILON)
    return backbone
