"""Weights for one channel or three, in networks of the other kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from medtransfer.core.errors import WeightsError
from medtransfer.models.backbone import Backbone
from medtransfer.models.weights.channels import with_channels_of
from medtransfer.models.weights.sidecar import GREY, InputSpec

FILE = Path("weights.pth")
FOREGROUND = InputSpec(mean=(9, 9, 9), std=(2, 2, 2), scaling="foreground")


def backbone(in_channels: int, *, bias: bool = False) -> Backbone:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=bias), nn.AdaptiveAvgPool2d(1))
    return Backbone(
        network, stages={"stem": ("0",)}, feature_dim=4, head_keys=("fc.",), stem="0", in_channels=in_channels
    )


def state(channels: int, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"0.weight": torch.rand(4, channels, 3, 3, generator=torch.Generator().manual_seed(0)), **more}


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_a_grey_picture_means_the_same_to_both(channels: int, in_channels: int, bias: bool) -> None:
    spec = GREY if channels == 1 else InputSpec()
    given = state(channels, **({"0.bias": torch.arange(4.0)} if bias else {}))
    network = backbone(in_channels, bias=bias)
    fitted, told = with_channels_of(network, given, spec, path=FILE)
    network.network.load_state_dict(fitted)
    assert told.channels == in_channels
    picture = torch.rand(1, 1, 5, 5, generator=torch.Generator().manual_seed(1))
    answers = []
    for weight, shift, shown in (
        (given["0.weight"], given.get("0.bias"), spec),
        (fitted["0.weight"], fitted.get("0.bias"), told),
    ):
        mean, std = (torch.tensor(values)[None, :, None, None] for values in (shown.mean, shown.std))
        answers.append(nn.functional.conv2d((picture - mean) / std, weight, shift))
    torch.testing.assert_close(*answers)


def test_scaling_by_the_foreground_stays_what_it_is() -> None:
    fitted, told = with_channels_of(backbone(1), state(3), FOREGROUND, path=FILE)
    assert (told.scaling, told.mean, told.std) == ("foreground", (0,), (1,))
    torch.testing.assert_close(fitted["0.weight"], state(3)["0.weight"].sum(dim=1, keepdim=True))


def test_a_bias_of_zero_is_left_out_again() -> None:
    fitted, _ = with_channels_of(backbone(3), state(1, **{"0.bias": torch.zeros(4)}), GREY, path=FILE)
    assert list(fitted) == ["0.weight"]


@pytest.mark.parametrize(
    "given",
    [{}, {"0.weight": torch.zeros(4)}, state(2), {"0.weight": state(3)["0.weight"].to_sparse()}, state(3)],
    ids=["none", "vector", "two", "sparse", "fitting"],
)
def test_what_cannot_or_need_not_be_fitted_is_left_alone(given: dict[str, torch.Tensor]) -> None:
    fitted, told = with_channels_of(backbone(3), given, InputSpec(), path=FILE)
    assert fitted == given
    assert told == InputSpec()


def test_a_specification_for_other_channels_is_refused() -> None:
    with pytest.raises(WeightsError, match="takes 1 channels") as caught:
        with_channels_of(backbone(3), state(1), InputSpec(), path=FILE)
    assert caught.value.code == "OtherChannels"
