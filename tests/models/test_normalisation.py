"""One normalisation for training, predicting and probing."""

from __future__ import annotations

import pytest
import torch
from tiny import classifier
from torch import nn

from medtransfer.core.errors import ConfigError
from medtransfer.models.backbone import Backbone
from medtransfer.models.normalisation import normalised
from medtransfer.models.probe.candidates import CANDIDATES
from medtransfer.models.weights.sidecar import InputSpec


def _network(channels: int) -> Backbone:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    stages = {"stem": ("0",)}
    return Backbone(network, stages=stages, feature_dim=2, head_keys=(), stem="0", in_channels=channels)


def _pictures(channels: int) -> torch.Tensor:
    return torch.rand(4, channels, 5, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CANDIDATES)
@pytest.mark.parametrize("grey", [False, True])
def test_it_is_its_formula_channel_by_channel(name: str, grey: bool) -> None:
    spec = CANDIDATES[name]
    pictures = _pictures(1 if grey else spec.channels)
    values = pictures.double().expand(-1, spec.channels, -1, -1)
    if spec.colour == "BGR" and not grey:
        values = values.flip(1)
    low, high = spec.range
    mean, std = (torch.tensor(each, dtype=torch.float64)[:, None, None] for each in (spec.mean, spec.std))
    expected = (low + values * (high - low) - mean) / std
    found = normalised(pictures, spec)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))
    assert torch.equal(classifier(_network(spec.channels), spec=spec).normalised(pictures), found), "to the bit"


def test_volumes_are_normalised_as_their_slices_are() -> None:
    volumes = torch.rand(2, 1, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    whole = normalised(volumes, InputSpec())
    for number in range(3):
        assert torch.equal(whole[:, :, number], normalised(volumes[:, :, number], InputSpec()))


def test_colour_does_not_fit_one_channel() -> None:
    with pytest.raises(ConfigError) as caught:
        normalised(_pictures(3), CANDIDATES["grey_unit"])
    assert caught.value.code == "ChannelsDoNotFit"
    assert caught.value.hint
