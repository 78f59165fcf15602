"""A small network with batch normalisation, and steps that move it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from medtransfer.models.backbone import Backbone
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.pooling import attention
from medtransfer.models.weights.load import Loaded
from medtransfer.models.weights.sidecar import InputSpec

if TYPE_CHECKING:
    from collections.abc import Callable


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4))
        self.body = nn.Sequential(nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.body(self.stem(pictures).relu()).mean(dim=(2, 3))


@pytest.fixture
def network() -> Callable[..., Classifier]:
    """One and the same network at each call; some of its weights are −0."""

    def build() -> Classifier:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            backbone = Backbone(Layers(), stages={"stem": ("stem",), "body": ("body",)}, feature_dim=5, head_keys=())
            model = Classifier(
                backbone,
                pooling=attention.build(5),
                question=Question("multiclass", 2),
                weights=Loaded(spec=InputSpec()),
            )
        with torch.no_grad():
            for _, parameter in model.backbone.stage_parameters("stem"):
                parameter.view(-1)[::2] = -0.0
        return model

    return build


@pytest.fixture
def move() -> Callable[..., None]:
    """A step: noise on the parameters of some groups, and batch statistics that follow where stages move."""

    def step(model: Classifier, number: int, *groups: str) -> None:
        generator = torch.Generator().manual_seed(number)
        moving = groups or tuple(model.groups())
        with torch.no_grad():
            for group in moving:
                for _, parameter in model.groups()[group]:
                    parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
            for name in set(moving) & set(model.backbone.stages):
                for module in model.group_modules(name):
                    for norm in (inner for inner in module.modules() if isinstance(inner, nn.BatchNorm2d)):
                        assert norm.running_mean is not None
                        assert norm.running_var is not None
                        assert norm.num_batches_tracked is not None
                        norm.running_mean += torch.randn(norm.running_mean.shape, generator=generator)
                        norm.running_var *= 1 + torch.rand(norm.running_var.shape, generator=generator)
                        norm.num_batches_tracked += 1

    return step
