"""Inception v3 as keras.applications builds it: 21.8 M parameters, 2,048 features, 5.7 GMAC at its own 299².

Torchvision's names, but another network: batch normalisation without γ, and average pooling that leaves the padding out
of its means. There is neither an auxiliary head nor dropout. Pictures need 75 pixels a side at least.

Reference: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, Rethinking the Inception architecture for computer vision;
keras.applications.InceptionV3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from medtransfer.data.tensors import NetworkInput
from medtransfer.models.backbones import inception_v3
from medtransfer.models.backbones._keras import drop_scales

if TYPE_CHECKING:
    from medtransfer.models.backbone import Backbone


class PooledBranch(nn.Module):
    """The branch of a block that begins with a 3×3 average pooling of stride 1.

    Torchvision pools before it calls the branch, and counts the padding:

        mean of what lies inside = torchvision's mean / share of the window that lies inside
    """

    def __init__(self, branch: nn.Module) -> None:
        """Take over the convolution and the normalisation of torchvision's branch."""
        super().__init__()
        self.conv = branch.get_submodule("conv")
        self.bn = branch.get_submodule("bn")

    def forward(self, pooled: NetworkInput) -> Tensor:
        """`case channel row column` after torchvision's pooling, to the branch's own channels."""
        ones = torch.ones(1, 1, *pooled.shape[2:], device=pooled.device)
        inside: Tensor = functional.avg_pool2d(ones, kernel_size=3, stride=1, padding=1)
        return functional.relu(self.bn(self.conv((pooled / inside).to(pooled.dtype))))


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    backbone = inception_v3.build(in_channels=in_channels)
    for block in backbone.network.children():
        if hasattr(block, "branch_pool"):
            block.branch_pool = PooledBranch(block.get_submodule("branch_pool"))
    drop_scales(backbone.network)
    return backbone
