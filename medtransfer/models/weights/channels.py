"""Weights made for one channel or three, for a network with another number of input channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from medtransfer.core.errors import WeightsError
from medtransfer.models.stem import to_one_channel, to_three_channels
from medtransfer.models.weights.layouts._contract import in_channels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from medtransfer.models.backbone import Backbone
    from medtransfer.models.weights.sidecar import InputSpec


def with_channels_of(
    backbone: Backbone, state: Mapping[str, Tensor], spec: InputSpec, *, path: Path
) -> tuple[dict[str, Tensor], InputSpec]:
    """The state dict with a first convolution for the backbone's channels, and the input that it then expects.

    A one-channel stem always has a bias: zero where the weights bring none, and left out again where it is zero.

    Raises:
        WeightsError: `OtherChannels`: the sidecar speaks of another number of channels than the weights have.
    """
    state, stem = dict(state), backbone.stem
    found = in_channels(state, stem)
    if found not in {1, 3} or not _is_plain(state[f"{stem}.weight"]):
        return state, spec  # the match with the network will say what is wrong
    if found != spec.channels:
        raise WeightsError(
            f"its first convolution takes {found} channels, its input specification has {spec.channels}",
            code="OtherChannels",
            path=path,
            hint=f"Correct the specification: channels = {found}, and as many values of mean and std.",
        )
    if found == backbone.in_channels == 3:
        return state, spec
    weight, bias = state[f"{stem}.weight"], state.pop(f"{stem}.bias", None)
    if found == 3:
        fixed = spec.scaling == "fixed"
        mean, std = (spec.mean, spec.std) if fixed else ((0.0,) * 3, (1.0,) * 3)
        weight, bias, grey_mean, grey_std = to_one_channel(weight, bias, mean=mean, std=std)
        spec = spec.model_copy(update={"channels": 1, "mean": (grey_mean,), "std": (grey_std,), "colour": "RGB"})
    elif backbone.in_channels == 3:
        if bias is not None and not bias.any() and f"{stem}.bias" not in backbone.network.state_dict():
            bias = None
        weight, bias = to_three_channels(weight, bias)
        spec = spec.model_copy(update={"channels": 3, "mean": spec.mean * 3, "std": spec.std * 3})
    elif bias is None:
        bias = weight.new_zeros(weight.shape[0])
    state[f"{stem}.weight"] = weight
    if bias is not None:
        state[f"{stem}.bias"] = bias
    return state, spec


def _is_plain(weight: Tensor) -> bool:
    return weight.layout == torch.strided and weight.is_floating_point()
