"""Weight files as their origins would write them, with random numbers in them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import nn

from medtransfer.core.torchvision_guard import import_torchvision

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.backbone import Backbone

State = dict[str, torch.Tensor]


def randomised(module: nn.Module, *, seed: int = 0) -> nn.Module:
    """Every parameter and every statistic drawn anew, so that none is what a fresh network has."""
    generator = torch.Generator().manual_seed(seed)
    for key, value in module.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) / 10 + (0.5 if "var" in key else 0))
    return module.eval()


def torchvision_network(name: str, **options: object) -> nn.Module:
    return randomised(import_torchvision().models.get_model(name, weights=None, **options))


class RadImageNetBackbone(nn.Module):
    """As RadImageNet's training code wraps torchvision's network without its head."""

    def __init__(self, network: nn.Module, children: int | None) -> None:
        super().__init__()
        self.backbone = nn.Sequential(*list(network.children())[:children])


def torchxrayvision_network(*, thresholds: bool) -> nn.Module:
    network = import_torchvision().models.densenet121(weights=None, num_classes=18)
    network.features.conv0 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    if thresholds:
        network.register_buffer("op_threshs", torch.full((18,), torch.nan))
    return randomised(network)


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def in_modules(state: State) -> OrderedDict[str, torch.Tensor]:
    """As `nn.DataParallel` names it."""
    return OrderedDict((f"module.{key}", value) for key, value in state.items())


def require_all_landed(backbone: Backbone, expected: State) -> None:
    """Every tensor of the network is the origin's; none is left as it was drawn."""
    landed = {k: v for k, v in backbone.network.state_dict().items() if "num_batches" not in k}
    assert landed.keys() <= expected.keys()
    different = [key for key, value in landed.items() if not torch.equal(value, expected[key])]
    assert different == []
