"""From torchvision's networks to those of keras.applications, which differ in details that weights depend on.

What needs no change: Keras pads with zeros before its max pooling where torch pads with −∞; what is pooled comes from
a ReLU, so that no maximum differs.
"""

from __future__ import annotations

import math

from torch import nn

EPSILON = 1.001e-5
"""Of all batch normalisations in Keras' ResNet and DenseNet."""


def set_epsilon(network: nn.Module, epsilon: float) -> None:
    """Give every batch normalisation this ε."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = epsilon


def add_biases(network: nn.Module) -> None:
    """Give every convolution a bias, drawn as torch draws its own."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is None:
            bound = 1 / math.sqrt(module.weight[0].numel())
            module.bias = nn.Parameter(nn.init.uniform_(module.weight.new_empty(module.out_channels), -bound, bound))


def drop_scales(network: nn.Module) -> None:
    """Take γ away from every batch normalisation, as Keras' `scale=False` does: (x − μ)/√(σ² + ε) + β."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_parameter("weight", None)
