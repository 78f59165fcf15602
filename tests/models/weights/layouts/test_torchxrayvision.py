"""TorchXRayVision's state dicts: one channel, 18 outputs; pickled modules are refused with the cure."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from origins import require_all_landed, saved, torchvision_network, torchxrayvision_network
from torch import nn

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import WeightsError
from medtransfer.models.weights.importing import import_weights
from medtransfer.models.weights.load import load_weights
from medtransfer.models.weights.recognition import recognised
from medtransfer.models.weights.sidecar import InputSpec, check_weight_file


@pytest.fixture
def origin() -> nn.Module:
    return torchxrayvision_network(thresholds=False)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("thresholds", [False, True])
def test_every_tensor_lands_in_a_network_of_one_channel(tmp_path: Path, thresholds: bool) -> None:
    origin = torchxrayvision_network(thresholds=thresholds)
    assert len(origin.state_dict()) == 727 + thresholds
    import_weights(saved(origin.state_dict(), tmp_path / "xrv.pt"), name="xrv")
    sidecar = check_weight_file("xrv", "densenet121")
    assert (sidecar.layout, sidecar.modalities) == ("torchxrayvision", ("CR", "DX"))
    backbone = BACKBONES.get("densenet121")(in_channels=1)
    loaded = load_weights(backbone, "xrv", name="densenet121")
    assert loaded.spec == InputSpec(channels=1, range=(-1024, 1024), mean=(0,), std=(1,))
    assert loaded.modalities == ("CR", "DX")
    require_all_landed(backbone, {**origin.state_dict(), "features.conv0.bias": torch.zeros(64)})


@pytest.mark.usefixtures("library")
def test_a_network_of_three_channels_says_the_same_of_a_grey_picture(origin: nn.Module, tmp_path: Path) -> None:
    import_weights(saved(origin.state_dict(), tmp_path / "xrv.pt"), name="xrv")
    backbone = BACKBONES.get("densenet121")(in_channels=3).eval()
    loaded = load_weights(backbone, "xrv", name="densenet121")
    assert loaded.spec == InputSpec(range=(-1024, 1024), mean=(0, 0, 0), std=(1, 1, 1))
    pictures = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2048 - 1024
    origin.classifier = nn.Identity()
    with torch.inference_mode():
        expected = origin(pictures)
        torch.testing.assert_close(backbone(pictures.expand(-1, 3, -1, -1)), expected, rtol=1e-4, atol=1e-4)


def test_a_pickled_module_is_refused_with_the_cure(origin: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        import_weights(saved(origin, tmp_path / "xrv.pt"), name="xrv", folder=tmp_path)
    assert caught.value.code == "BadWeights"
    assert "state_dict()" in str(caught.value.hint)


def test_a_densenet_of_colours_is_not_taken_for_it(tmp_path: Path) -> None:
    file = saved(torchvision_network("densenet121", num_classes=18).state_dict(), tmp_path / "densenet.pth")
    assert recognised(file)[0] == "plain"
