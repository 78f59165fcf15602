"""DenseNet-121 as keras.applications builds it: 7.0 M parameters, 1,024 features, 2.8 GMAC at 224².

Torchvision's network with another ε, 1.001e-5: no convolution of Keras' has a bias either. Pictures need 29 pixels a
side at least.

Reference: Huang, Liu, van der Maaten, Weinberger 2017, Densely connected convolutional networks;
keras.applications.DenseNet121.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.backbones import densenet121
from medtransfer.models.backbones._keras import EPSILON, set_epsilon

if TYPE_CHECKING:
    from medtransfer.models.backbone import Backbone


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    backbone = densenet121.build(in_channels=in_channels)
    set_epsilon(backbone.network, EPSILON)
    return backbone
