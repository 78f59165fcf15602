"""torchvision's networks, opened up into a `Backbone`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from medtransfer.core.errors import CatalogueError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.backbone import Backbone

if TYPE_CHECKING:
    from collections.abc import Mapping

RESNET_STAGES = {
    "stem": ("conv1", "bn1"),
    "layer1": ("layer1",),
    "layer2": ("layer2",),
    "layer3": ("layer3",),
    "layer4": ("layer4",),
}


def network(name: str, *, in_channels: int) -> nn.Module:
    """Torchvision's network with its own (random) initialisation.

    Raises:
        CatalogueError: Another number of input channels than 3; grey pictures are repeated instead, so that
            every published weight file fits unchanged.
    """
    if in_channels != 3:
        raise CatalogueError(
            f"{name} takes 3 input channels, not {in_channels}",
            code="BadHyperparameter",
            hint="Leave in_channels at 3: grey pictures are repeated to three channels.",
        )
    models = import_torchvision().models
    return models.get_model(name, weights=None)


def resnet(name: str, *, in_channels: int, feature_dim: int) -> Backbone:
    """A ResNet of any depth. Reference: He et al. 2016, Deep residual learning for image recognition."""
    net = network(name, in_channels=in_channels)
    net.fc = nn.Identity()
    return Backbone(net, stages=RESNET_STAGES, feature_dim=feature_dim, head_keys=("fc.",))


def sequential_stages(prefix: str, blocks: Mapping[str, range]) -> dict[str, tuple[str, ...]]:
    """Stages of a network whose body is one `nn.Sequential`: name → child indices."""
    return {stage: tuple(f"{prefix}.{i}" for i in indices) for stage, indices in blocks.items()}
