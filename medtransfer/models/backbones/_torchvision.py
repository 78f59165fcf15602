"""torchvision's networks, opened up into a `Backbone`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.backbone import Backbone

if TYPE_CHECKING:
    from collections.abc import Mapping

RESNET_STAGES = {
    "stem": ("conv1", "bn1", "relu", "maxpool"),
    "layer1": ("layer1",),
    "layer2": ("layer2",),
    "layer3": ("layer3",),
    "layer4": ("layer4",),
}


def network(name: str, **settings: bool) -> nn.Module:
    """Torchvision's network for three channels, with its own (random) initialisation and its head."""
    return import_torchvision().models.get_model(name, weights=None, **settings)


def resnet(name: str, *, in_channels: int, feature_dim: int) -> Backbone:
    """A ResNet of any depth. Reference: He et al. 2016, Deep residual learning for image recognition."""
    net = network(name)
    net.fc = nn.Identity()
    return Backbone(
        net, stages=RESNET_STAGES, feature_dim=feature_dim, head_keys=("fc.",), stem="conv1", in_channels=in_channels
    )


def sequential_stages(prefix: str, blocks: Mapping[str, range]) -> dict[str, tuple[str, ...]]:
    """Stages of a network whose body is one `nn.Sequential`: name → child indices."""
    return {stage: tuple(f"{prefix}.{i}" for i in indices) for stage, indices in blocks.items()}
