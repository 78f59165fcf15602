"""A grey picture gets one answer, whether it comes in one channel or in three copies."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from medtransfer.core.errors import CatalogueError
from medtransfer.models.stem import fit_stem, one_channel, to_one_channel, to_three_channels

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def _grey(*space: int) -> torch.Tensor:
    return torch.rand(2, 1, *space, generator=torch.Generator().manual_seed(1))


def _kernel(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _normalised(grey: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    channel = (1, -1, *[1] * (grey.ndim - 2))
    return (grey.expand(-1, len(mean), *grey.shape[2:]) - torch.tensor(mean).view(channel)) / torch.tensor(std).view(
        channel
    )


@pytest.mark.parametrize("bias", [None, _kernel(8, seed=3)], ids=["no bias", "bias"])
def test_one_channel_says_the_same_of_a_grey_picture_away_from_the_border(bias: torch.Tensor | None) -> None:
    weight, grey = _kernel(8, 3, 5, 5), _grey(20, 22)
    expected = functional.conv2d(_normalised(grey, **IMAGENET), weight, bias, padding=2)
    made = to_one_channel(weight, bias, **IMAGENET)
    found = functional.conv2d((grey - made.mean) / made.std, made.weight, made.bias, padding=2)
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(found[inner], expected[inner], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, expected, atol=1e-3), "zeros padded at the border stand for another grey"


@settings(max_examples=30, deadline=None)
@given(
    mean=st.tuples(*[st.floats(-2, 2, width=32)] * 3),
    std=st.tuples(*[st.floats(0.125, 8, width=32)] * 3),
    seed=st.integers(0, 9),
)
def test_patches_are_exact_everywhere_for_any_normalisation(mean: tuple, std: tuple, seed: int) -> None:
    weight, grey = _kernel(4, 3, 4, 4, seed=seed).double(), _grey(16, 16).double()
    channels = (grey - torch.tensor(mean, dtype=torch.float64).view(1, 3, 1, 1)) / torch.tensor(
        std, dtype=torch.float64
    ).view(1, 3, 1, 1)
    made = to_one_channel(weight, None, mean=mean, std=std)
    found = functional.conv2d((grey - made.mean) / made.std, made.weight, made.bias, stride=4)
    torch.testing.assert_close(found, functional.conv2d(channels, weight, stride=4), rtol=1e-9, atol=1e-9)


def test_three_equal_means_are_exact_at_the_border_too() -> None:
    weight, grey = _kernel(8, 3, 3, 3), _grey(9, 9)
    same = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    made = to_one_channel(weight, None, **same)
    found = functional.conv2d((grey - made.mean) / made.std, made.weight, made.bias, padding=1)
    expected = functional.conv2d(_normalised(grey, **same), weight, padding=1)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_three_channels_say_the_same_of_three_copies_of_a_volume() -> None:
    weight, bias, grey = _kernel(4, 1, 3, 3, 3), _kernel(4), _grey(6, 7, 8)
    wide, kept = to_three_channels(weight, bias)
    found = functional.conv3d(grey.expand(-1, 3, -1, -1, -1), wide, kept, padding=1)
    torch.testing.assert_close(found, functional.conv3d(grey, weight, bias, padding=1), rtol=1e-5, atol=1e-5)
    assert to_three_channels(weight, None)[1] is None


def test_there_and_back_is_the_same_convolution() -> None:
    weight = _kernel(4, 1, 3, 3)
    back = to_one_channel(*to_three_channels(weight, None), mean=(0.4,) * 3, std=(0.2,) * 3)
    torch.testing.assert_close(back.weight, weight)
    torch.testing.assert_close(back.bias, torch.zeros(4))
    assert (back.mean, back.std) == pytest.approx((0.4, 0.2))


@pytest.mark.parametrize("bias", [False, True])
def test_one_channel_convolution_keeps_geometry_and_answer(bias: bool) -> None:
    origin = nn.Conv2d(3, 6, (3, 5), stride=2, padding=(1, 2), dilation=(1, 1), padding_mode="reflect", bias=bias)
    made, grey = one_channel(origin), _grey(11, 12)
    torch.testing.assert_close(made(grey), origin(grey.expand(-1, 3, -1, -1)), rtol=1e-5, atol=1e-5)
    assert made.bias is not None
    assert made.in_channels == 1
    assert origin.weight.shape[1] == 3, "the origin is left as it was"


def test_fit_stem_changes_the_named_convolution_alone() -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3)), nn.Conv2d(4, 3, 3), nn.Conv2d(3, 2, 3))
    before = {name: id(module) for name, module in network.named_modules()}
    fit_stem(network, "0.0", in_channels=1)
    assert {name for name, module in network.named_modules() if id(module) != before[name]} == {"0.0"}
    assert network(_grey(9, 9)).shape == (2, 2, 3, 3)


@pytest.mark.parametrize(
    ("name", "channels", "said"),
    [
        ("0", 2, "1 or 3 input channels, not 2"),
        ("1", 1, "'1'"),
        ("2", 1, "'2'"),
        ("", 1, "''"),
        ("nowhere", 1, "'nowh"),
    ],
)
def test_what_cannot_be_fitted_is_refused(name: str, channels: int, said: str) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    with pytest.raises(CatalogueError, match=said) as caught:
        fit_stem(network, name, in_channels=channels)
    assert caught.value.code == "BadHyperparameter"
