"""The Keras family equals keras.applications as its own words have it, for the same arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from keras_reference import REFERENCES, Layers, write_h5
from torch import nn

from medtransfer.core.config.models import BACKBONES
from medtransfer.models.weights.keras_h5 import load_h5

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.backbone import Backbone

FAMILY = sorted(REFERENCES)

PARAMETERS = {"resnet50_keras": 23_534_592, "densenet121_keras": 6_953_856, "inception_v3_keras": 21_768_352}
"""What Keras counts as trainable without the top."""


def _pictures() -> torch.Tensor:
    return torch.randn(2, 3, 81, 96, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=FAMILY)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def _built(name: str) -> Backbone:
    return BACKBONES.get(name)(in_channels=3).eval()


def test_features_are_keras_for_the_same_arrays(name: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py writes the arrays")
    layers = Layers()
    with torch.inference_mode():
        expected = REFERENCES[name](_pictures(), layers)
        backbone = _built(name)
        loaded = load_h5(write_h5(tmp_path / "weights.h5", layers.arrays))
        backbone.network.load_state_dict(loaded, strict=True)
        torch.testing.assert_close(backbone(_pictures()), expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 1e-2, "a network that answers the same everywhere would prove nothing"


def test_parameters_are_as_many_as_keras_counts(name: str) -> None:
    assert sum(parameter.numel() for parameter in _built(name).parameters()) == PARAMETERS[name]


def test_stages_hold_every_parameter_and_buffer_once(name: str) -> None:
    backbone = _built(name)
    staged = [parameter for stage in backbone.stages for _, parameter in backbone.stage_parameters(stage)]
    assert sorted(map(id, staged)) == sorted(map(id, backbone.parameters()))
    modules = [module for stage in backbone.stages for module in backbone.stage_modules(stage)]
    held = [id(buffer) for module in modules for buffer in module.buffers()]
    assert sorted(held) == sorted(map(id, backbone.buffers()))
    assert isinstance(backbone.network.get_submodule(backbone.stem), nn.Conv2d)


def test_every_parameter_gets_a_gradient(name: str) -> None:
    backbone = _built(name).train()
    weights = torch.randn(backbone.feature_dim, generator=torch.Generator().manual_seed(2))
    (backbone(_pictures()) @ weights).sum().backward()
    for key, parameter in backbone.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


def test_training_mode_has_no_dropout_of_its_own(name: str) -> None:
    """Keras' networks have none; torchvision's Inception would drop half of the features."""
    backbone = _built(name)
    assert not any(isinstance(module, nn.Dropout) and module.p > 0 for module in backbone.modules())


def test_one_channel_stems_take_one_channel(name: str) -> None:
    backbone = BACKBONES.get(name)(in_channels=1)
    assert backbone.in_channels == 1
    assert backbone(_pictures()[:, :1]).shape == (2, backbone.feature_dim)
