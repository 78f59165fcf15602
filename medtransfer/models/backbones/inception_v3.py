"""Inception v3: 21.8 M parameters, 2,048 features, 5.7 GMAC at its own 299². Pictures need 75 pixels a side at least.

Without the auxiliary head, and without dropout, which belongs to the head. Its input is (x − ½)/½ in every channel;
torchvision converts to that inside the network when it loads its ImageNet weights (`transform_input`), and here the
input specification does.

Reference: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, Rethinking the Inception architecture for computer vision.
"""

from __future__ import annotations

from torch import nn

from medtransfer.models.backbone import Backbone, Sizes
from medtransfer.models.backbones._torchvision import network

_STAGES = {
    "stem": (
        "Conv2d_1a_3x3",
        "Conv2d_2a_3x3",
        "Conv2d_2b_3x3",
        "maxpool1",
        "Conv2d_3b_1x1",
        "Conv2d_4a_3x3",
        "maxpool2",
    ),
    "mixed5": ("Mixed_5b", "Mixed_5c", "Mixed_5d"),
    "mixed6": ("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    "mixed7": ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
}


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    net = network("inception_v3", aux_logits=False, transform_input=False, init_weights=True)
    net.dropout, net.fc = nn.Identity(), nn.Identity()
    return Backbone(
        net,
        stages=_STAGES,
        feature_dim=2048,
        head_keys=("fc.", "AuxLogits."),
        stem="Conv2d_1a_3x3.conv",
        in_channels=in_channels,
        sizes=Sizes(smallest=75),
    )
