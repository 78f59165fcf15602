"""Normalisation alone: scales and shifts of normalisation layers move, and the head.

    y = γ·(x − μ)/√(σ² + ε) + β,    γ and β move; every other parameter of the backbone stays

A few thousand parameters, which few cases can fit. The running statistics μ and σ² of batch normalisation follow the
target's pictures, or stay the pretrained ones where `statistics` is false. Layers: torch's batch, layer, group,
instance and RMS normalisation, and what derives from them.

Reference: Frankle, Schwab, Morcos 2021, Training BatchNorm and only BatchNorm: on the expressive power of random
features in CNNs; Li et al. 2017, Revisiting batch normalization for practical domain adaptation (the statistics).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from medtransfer.core.errors import ConfigError
from medtransfer.models.classifier import NEW
from medtransfer.transfer.policies._contract import Movable

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress

NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
"""`_NormBase` is that of batch and instance normalisation."""


def groups(
    model: Classifier, progress: Progress, *, backbone: float = 1.0, statistics: bool = True
) -> dict[str, float]:
    """Rate of each group relative to the learning rate.

    Args:
        model: The network.
        progress: Not looked at.
        backbone: Rate of the normalisation layers; pooling and head have 1.
        statistics: Do running statistics follow the target?
    """
    del progress, statistics
    return {group: 1.0 if group in NEW else backbone for group in model.groups()}


def movable(model: Classifier, *, statistics: bool = True) -> Movable:
    """Scales and shifts of the backbone's normalisation layers, and all that is new.

    Raises:
        ConfigError: `NothingToMove`: the backbone has none.
    """
    layers = [module for module in model.backbone.modules() if isinstance(module, NORMS)]
    affine = {id(parameter) for layer in layers for parameter in layer.parameters(recurse=False)}
    if not affine:
        raise ConfigError(
            "the network has no normalisation layers with scales or shifts, so that the head alone would move",
            code="NothingToMove",
            path="policy.name (batch_norm)",
            hint="Take a backbone that has some (resnet18, mobilenet_v2, convnext_tiny), or policy.name = head.",
        )
    names = {
        name for group, members in model.groups().items() for name, p in members if group in NEW or id(p) in affine
    }
    return Movable(frozenset(names), statistics=statistics)
