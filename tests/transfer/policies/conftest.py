"""A network with every kind of layer that policies treat apart, and epochs of training it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tiny import batch_of, classifier
from torch import nn

from medtransfer.models.backbone import Backbone
from medtransfer.models.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class MixedNetwork(nn.Module):
    """Convolutions (strided, dilated, grouped, depthwise), batch and layer normalisation, attention, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm1 = nn.BatchNorm2d(8)
        self.dilated = nn.Conv2d(8, 12, 3, padding=2, dilation=2, bias=False, padding_mode="reflect")
        self.grouped = nn.Conv2d(12, 16, 3, padding=1, groups=4)
        self.norm2 = nn.BatchNorm2d(16)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm3 = nn.LayerNorm(16)
        self.linear = nn.Linear(16, 10)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        passed = self.norm1(self.stem(pictures)).relu()
        passed = self.norm2(self.grouped(self.dilated(passed))).relu()
        tokens = self.depthwise(passed).flatten(2).transpose(1, 2)
        attended, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return self.linear(self.norm3(tokens + attended).mean(dim=1))


STAGES = {
    "stem": ("stem", "norm1"),
    "middle": ("dilated", "grouped", "norm2"),
    "deep": ("depthwise", "attention", "norm3"),
    "last": ("linear",),
}


@pytest.fixture
def mixed_model() -> Callable[[], Classifier]:
    def build() -> Classifier:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return classifier(Backbone(MixedNetwork(), stages=STAGES, feature_dim=10, head_keys=()))

    return build


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(24, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def train(model: Classifier, pictures: torch.Tensor, rates: Mapping[str, float], *, steps: int = 6) -> None:
    """An epoch of plain SGD on labels that depend on brightness, at these rates, as the model is frozen now."""
    groups = [{"params": [p for _, p in members], "lr": 0.1 * rates[name]} for name, members in model.groups().items()]
    optimiser = torch.optim.SGD(groups, momentum=0.9)
    labels = (pictures.mean(dim=(1, 2, 3)) > pictures.mean()).long()
    for cases in np.array_split(np.arange(len(pictures)), steps):
        loss = nn.functional.cross_entropy(model(batch_of(pictures[cases])).logits, labels[cases])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


@pytest.fixture
def trained() -> Callable[..., None]:
    return train


def contents(module: nn.Module) -> dict[str, bytes]:
    """Every parameter and buffer, byte for byte."""
    return {name: value.detach().numpy().tobytes() for name, value in module.state_dict().items()}


@pytest.fixture
def bytes_of() -> Callable[[nn.Module], dict[str, bytes]]:
    return contents
