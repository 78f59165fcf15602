"""A toy classifier, and cases to go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tiny import classifier
from torch import nn

from medtransfer.data.dataset import StudySet
from medtransfer.models.backbone import Backbone
from medtransfer.models.classifier import Classifier
from medtransfer.models.weights.sidecar import InputSpec
from medtransfer.transfer.types import TransferData

if TYPE_CHECKING:
    from collections.abc import Callable


class ToyNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.body = nn.Conv2d(4, 5, 3)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.body(self.stem(pictures).relu()).mean(dim=(2, 3))


@pytest.fixture
def toy_model() -> Callable[..., Classifier]:
    def build(*, classes: int = 2, source_classes: int | None = None) -> Classifier:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            stages = {"stem": ("stem",), "body": ("body",)}
            backbone = Backbone(ToyNetwork(), stages=stages, feature_dim=5, head_keys=())
            return classifier(backbone, classes=classes, source_classes=source_classes, spec=InputSpec())

    return build


@pytest.fixture
def transfer_data() -> Callable[..., TransferData]:
    def build(*, source: bool) -> TransferData:
        pictures = StudySet.of_pictures(
            np.zeros((4, 1, 8, 8), dtype=np.uint16),
            labels=np.array([0, 1, 0, 1]),
            patients=np.arange(4),
            names=tuple("abcd"),
        )
        return TransferData(target=pictures, sources={"source": pictures} if source else {})

    return build
