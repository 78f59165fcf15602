"""MedicalNet's checkpoints of 3-D ResNets, and the two types of their shortcuts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from origins import in_modules, randomised, require_all_landed, saved
from torch import nn

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import WeightsError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.weights.importing import import_weights
from medtransfer.models.weights.layouts.medicalnet import recognise
from medtransfer.models.weights.load import load_weights
from medtransfer.models.weights.recognition import recognised
from medtransfer.models.weights.sidecar import InputSpec, check_weight_file

import_torchvision()
nets: Any = pytest.importorskip("monai.networks.nets")


def published(depth: int, *, shortcut: str) -> nn.Module:
    """As MONAI builds it for MedicalNet's files."""
    return getattr(nets, f"resnet{depth}")(
        spatial_dims=3, n_input_channels=1, feed_forward=False, shortcut_type=shortcut, bias_downsample=False
    )


def checkpoint(network: nn.Module, path: Path) -> Path:
    segmentation = {"conv_seg.0.weight": torch.zeros(2)}
    return saved({"state_dict": in_modules({**network.state_dict(), **segmentation}), "epoch": 3}, path)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("depth", "shortcut"), [(10, "B"), (18, "A")])
def test_every_tensor_lands(depth: int, shortcut: str, tmp_path: Path) -> None:
    origin, name = randomised(published(depth, shortcut=shortcut)), f"resnet{depth}_3d"
    import_weights(checkpoint(origin, tmp_path / f"resnet_{depth}.pth"), name="med3d")
    sidecar = check_weight_file("med3d", name)
    assert (sidecar.layout, sidecar.modalities) == ("medicalnet", ("CT", "MR"))
    backbone = BACKBONES.get(name)(in_channels=1)
    loaded = load_weights(backbone, "med3d", name=name)
    assert loaded.spec == InputSpec(channels=1, size=(448, 448), mean=(0,), std=(1,), scaling="foreground")
    require_all_landed(backbone, {**origin.state_dict(), "conv1.bias": torch.zeros(64)})


@pytest.mark.parametrize(("depth", "shortcut"), [(10, "B"), (18, "A"), (34, "A"), (50, "B")])
def test_the_depth_is_recognised_by_its_blocks(depth: int, shortcut: str) -> None:
    with torch.device("meta"):
        found = recognise(published(depth, shortcut=shortcut).state_dict())
    assert found is not None
    assert found.backbone == f"resnet{depth}_3d"


def test_shortcuts_of_the_other_type_are_refused_by_name(tmp_path: Path) -> None:
    file = checkpoint(published(18, shortcut="B"), tmp_path / "resnet_18.pth")
    with pytest.raises(WeightsError) as caught:
        import_weights(file, name="med3d", backbone="resnet18_3d", folder=tmp_path)
    assert caught.value.code == "KeysDoNotFit"
    assert "are of type B, those of resnet18_3d of type A" in str(caught.value.hint)
    assert "resnet18_3d/B" in str(caught.value.hint)
    assert recognised(file)[1].backbone == "resnet18_3d/B"


def test_another_depth_is_named(tmp_path: Path) -> None:
    file = checkpoint(published(10, shortcut="B"), tmp_path / "resnet_10.pth")
    with pytest.raises(WeightsError, match="for resnet10_3d, not for resnet18_3d"):
        import_weights(file, name="med3d", backbone="resnet18_3d", folder=tmp_path)


def test_a_classifier_in_three_dimensions_is_not_medicalnets() -> None:
    with torch.device("meta"):
        state = nets.resnet10(spatial_dims=3, n_input_channels=1).state_dict()
    assert recognise(state) is None
    assert recognise({"conv1.weight": torch.zeros(64, 1, 7, 7)}) is None
