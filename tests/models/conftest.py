"""A toy backbone with batch statistics, and a manifest to be bundled."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.errors import WeightsError
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.models.backbone import Backbone
from medtransfer.models.bundle import Manifest, Member, TrainingRecord
from medtransfer.models.weights.load import load_weights
from medtransfer.models.weights.sidecar import InputSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class ToyNetwork(nn.Module):
    """Two convolutions, one normalisation, and a head under a name of its own."""

    def __init__(self, *, head: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.body = nn.Conv2d(4, 6, 3)
        self.fc = nn.Linear(6, 10) if head else nn.Identity()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(self.norm(self.stem(pictures)).relu()).mean(dim=(2, 3)))


@pytest.fixture
def toy() -> Callable[[], Backbone]:
    def build() -> Backbone:
        stages = {"stem": ("stem", "norm"), "body": ("body",)}
        return Backbone(ToyNetwork(head=False), stages=stages, feature_dim=6, head_keys=("fc.",))

    return build


@pytest.fixture
def toy_state() -> dict[str, torch.Tensor]:
    """A state dict as the toy's origin would publish it, head included."""
    return ToyNetwork(head=True).state_dict()


def _sidecar(path: Path, **changes: object) -> Path:
    """Write the sidecar of a weight file with its right digest; a key given as None is left out."""
    values: dict[str, object] = {
        "backbone": "toy",
        "pretrained_on": "nothing",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": {"mean": [0.5, 0.4, 0.3], "std": [0.3, 0.2, 0.1], "colour": "BGR"},
        **changes,
    }
    path.with_suffix(".json").write_text(json.dumps({k: v for k, v in values.items() if v is not None}))
    return path


def _refused(backbone: Backbone, weights: object, *, name: str = "toy", download: bool = False) -> WeightsError:
    """The error with which weights are refused; the network stays as it was."""
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_weights(backbone, str(weights), name=name, download=download)
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())
    assert caught.value.hint
    return caught.value


@pytest.fixture
def sidecar() -> Callable[..., Path]:
    return _sidecar


@pytest.fixture
def refused() -> Callable[..., WeightsError]:
    return _refused


@pytest.fixture
def weight_file(tmp_path: Path) -> Callable[[object], Path]:
    """Writes bytes as they are and anything else as torch does, with a sidecar."""

    def write(content: object) -> Path:
        file = tmp_path / "weights.pth"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            torch.save(content, file)
        return _sidecar(file)

    return write


@pytest.fixture
def manifest() -> Manifest:
    estimate = Estimate(name="sensitivity", value=0.9, low=0.8, high=0.97, method="Wilson", n=40)
    return Manifest(
        medtransfer_version="0.1.0",
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        preprocess=PreprocessConfig(size=32),
        members=(Member(backbone="resnet18", file="network.safetensors", sha256="", input=InputSpec()),),
        operating_point=OperatingPoint(
            rule="sensitivity",
            goal=0.9,
            threshold=0.25,
            positive="pneumonia",
            chosen_on="validation",
            sensitivity=estimate,
            specificity=estimate,
        ),
        training=TrainingRecord(
            plan={"objective": {"trade_off": float("inf")}},
            epochs=2,
            steps=10,
            best_epoch=None,
            arithmetic={"precision": "32"},
            seconds=1.5,
            studies={"target": {"normal": 4, "pneumonia": 6}},
            sites=("here",),
            modalities=("DX",),
            patients=("0" * 32,),
        ),
    )
