"""MONAI's 3-D networks: MedicalNet's shape, a shortcut with a gradient, and what is said where MONAI is absent."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import CatalogueError
from medtransfer.models.backbones._monai import ZeroPaddedShortcut

DEPTHS = ("10", "18", "34", "50")


@pytest.fixture
def monai() -> None:
    pytest.importorskip("monai", reason="monai is not installed")


@pytest.mark.usefixtures("monai")
@pytest.mark.parametrize("depth", DEPTHS)
def test_variants_are_the_two_shortcuts(depth: str) -> None:
    with torch.device("meta"):
        keys = {
            kind: {key for key in BACKBONES.get(f"resnet{depth}_3d/{kind}")().state_dict() if "downsample" in key}
            for kind in "AB"
        }
        default = {key for key in BACKBONES.get(f"resnet{depth}_3d")().state_dict() if "downsample" in key}
    assert not keys["A"], "type A has no parameters"
    assert keys["B"]
    assert not any(key.endswith("downsample.0.bias") for key in keys["B"]), "as MedicalNet has it"
    assert default == keys["A" if depth in {"18", "34"} else "B"]


@pytest.mark.usefixtures("monai")
def test_medicalnet_names_and_shapes() -> None:
    """Of its resnet_18.pth without the prefix `module.`: the first convolution takes one channel and has no bias."""
    with torch.device("meta"):
        state = BACKBONES.get("resnet18_3d")(in_channels=1).network.state_dict()
    assert tuple(state["conv1.weight"].shape) == (64, 1, 7, 7, 7)
    assert tuple(state["layer4.1.conv2.weight"].shape) == (512, 512, 3, 3, 3)
    assert {key.split(".")[0] for key in state} == {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}


def test_shortcut_a_thins_and_pads_and_lets_the_gradient_pass() -> None:
    volumes = torch.rand(2, 3, 5, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    shortcut = ZeroPaddedShortcut(planes=8, stride=2)
    made = shortcut(volumes)
    assert torch.equal(made[:, :3], nn.AvgPool3d(1, stride=2)(volumes))
    assert not made[:, 3:].any()
    assert made.shape == (2, 8, 3, 3, 4)
    assert torch.autograd.gradcheck(shortcut, (volumes[:1].requires_grad_(),))


@pytest.mark.usefixtures("monai")
def test_the_gradient_passes_the_shortcut_of_a_whole_network() -> None:
    """With the convolutions of a block silenced, what is left of it is its shortcut."""
    net = BACKBONES.get("resnet18_3d")().eval().network
    block = net.get_submodule("layer2.0")
    nn.init.zeros_(block.get_submodule("bn2").get_parameter("weight"))
    volumes = torch.rand(1, 64, 4, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    block(volumes).sum().backward()
    assert volumes.grad is not None
    assert torch.equal(volumes.grad[:, :, ::2, ::2, ::2], torch.ones(1, 64, 2, 2, 2))


@pytest.mark.usefixtures("monai")
def test_a_volume_of_one_slice_works_where_nothing_stands_against_it() -> None:
    backbone = BACKBONES.get("resnet10_3d")(in_channels=1).eval()
    with torch.inference_mode():
        assert backbone(torch.rand(1, 1, 1, 32, 32)).isfinite().all()


def test_another_variant_is_refused() -> None:
    with pytest.raises(CatalogueError, match="no variant 'C'") as caught:
        BACKBONES.get("resnet18_3d/C")(in_channels=1)
    assert "resnet18_3d/A or resnet18_3d/B" in (caught.value.hint or "")
    with pytest.raises(CatalogueError, match="no variants"):
        BACKBONES.check_name("densenet121_3d/A")


def test_without_monai_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai.networks.nets", None)
    with pytest.raises(CatalogueError, match="come from monai, which is not installed") as caught:
        BACKBONES.get("resnet10_3d")(in_channels=1)
    assert caught.value.code == "NotInstalled"
    assert caught.value.hint == "pip install 'medtransfer[monai]'"
