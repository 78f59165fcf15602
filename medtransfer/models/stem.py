"""The first convolution, fitted to one channel or three.

Grey pictures can be repeated to three channels, so that every published network fits unchanged; or the first
convolution can be given one channel, which saves work and memory where pictures are large.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from medtransfer.core.errors import CatalogueError

OneChannelKernel = Float[Tensor, "out 1 *kernel"]
ThreeChannelKernel = Float[Tensor, "out 3 *kernel"]
Bias = Float[Tensor, " out"]


class OneChannel(NamedTuple):
    """What a three-channel convolution becomes.

    Attributes:
        weight: `out 1 *kernel`.
        bias: `out`; also where there was none, since it takes up what the three means leave.
        mean: What is now taken from the one channel.
        std: What it is then divided by.
    """

    weight: OneChannelKernel
    bias: Bias
    mean: float
    std: float


def to_one_channel(
    weight: ThreeChannelKernel, bias: Bias | None, *, mean: Sequence[float], std: Sequence[float]
) -> OneChannel:
    """The one-channel convolution that says of a grey picture what a three-channel one says of its three copies.

        Σ_c Σ_k w_ck · (x_k − μ_c)/σ_c + b  =  Σ_k w′_k · (x_k − μ̄)/σ̄ + b′

        w′_k = Σ_c w_ck · σ̄/σ_c        b′ = b + Σ_c Σ_k w_ck · (μ̄ − μ_c)/σ_c

    with μ̄ and σ̄ the averages over the channels. Where zeros are padded the two differ: a padded 0 stands for the grey
    value μ_c in the one, a different one in each channel, and for μ̄ in the other. So they are equal wherever the kernel
    lies inside the picture, and everywhere for patches (ViT, ConvNeXt, Swin) or for three equal means.

    Args:
        weight: Of the three-channel convolution.
        bias: Of the same, or None.
        mean: μ of each channel, in the order in which the network sees them.
        std: σ of each channel, above 0.
    """
    grey_mean, grey_std = sum(mean) / len(mean), sum(std) / len(std)
    channel = (1, -1, *[1] * (weight.ndim - 2))
    scaled = weight.double() / weight.new_tensor(std, dtype=torch.float64).view(channel)
    left = grey_mean - weight.new_tensor(mean, dtype=torch.float64).view(channel)
    shift = (scaled * left).flatten(1).sum(dim=1)
    start = torch.zeros_like(shift) if bias is None else bias.double()
    return OneChannel(
        weight=(scaled * grey_std).sum(dim=1, keepdim=True).to(weight.dtype),
        bias=(start + shift).to(weight.dtype),
        mean=grey_mean,
        std=grey_std,
    )


def to_three_channels(weight: OneChannelKernel, bias: Bias | None) -> tuple[ThreeChannelKernel, Bias | None]:
    """The three-channel convolution that says of a grey picture's three copies what a one-channel one says of it.

        w′_ck = w_k / 3        b′ = b

    It holds at the borders too: mean and standard deviation of the one channel become those of all three.
    """
    return (weight / 3).expand(-1, 3, *weight.shape[2:]).clone(), bias


def one_channel(convolution: _ConvNd) -> _ConvNd:
    """The same convolution with one input channel, whose kernel is the sum over the three, and with a bias.

    So a random network, too, says of a grey picture what it would say of three copies of it.
    """
    made = copy.deepcopy(convolution)
    made.in_channels = 1
    made.weight = nn.Parameter(convolution.weight.detach().sum(dim=1, keepdim=True))
    if made.bias is None:
        made.bias = nn.Parameter(convolution.weight.new_zeros(convolution.out_channels))
    return made


def fit_stem(network: nn.Module, name: str, *, in_channels: int) -> None:
    """Give a network of three input channels the number that is asked for, in place.

    Args:
        network: Takes three channels.
        name: Of its first convolution.
        in_channels: 1 or 3.

    Raises:
        CatalogueError: Another number, or a network that does not begin with a plain convolution.
    """
    if in_channels not in {1, 3}:
        raise CatalogueError(
            f"a network takes 1 or 3 input channels, not {in_channels}",
            code="BadHyperparameter",
            hint="Set model.in_channels to 3 (grey pictures are repeated) or to 1.",
        )
    if in_channels == 3:
        return
    first = dict(network.named_modules()).get(name)
    if not isinstance(first, _ConvNd) or first.weight.shape[1] != 3:
        raise CatalogueError(
            f"this network does not begin with a plain convolution of three channels ('{name}'), so that it cannot "
            "be given one channel",
            code="BadHyperparameter",
            hint="Leave model.in_channels at 3: grey pictures are repeated.",
        )
    network.set_submodule(name, one_channel(first))
