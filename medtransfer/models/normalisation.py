"""Pictures as a network's weights want them.

    x′ = (low + x·(high − low) − mean) / std = (x − m) / s,    m = (mean − low) / (high − low),  s = std / (high − low)

channel by channel, for x in [0, 1]. With `scaling = "foreground"` m and s are instead those of each item's own voxels
above 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from medtransfer.core.errors import ConfigError
from medtransfer.data.tensors import NetworkInput, VolumeBatch
from medtransfer.models.weights.sidecar import InputSpec

ChannelValues = Float[Tensor, " channel"]


def mean_and_std(spec: InputSpec) -> tuple[ChannelValues, ChannelValues]:
    """Per-channel m and s of the input specification."""
    low, high = spec.range
    mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
    return (mean - low) / (high - low), std / (high - low)


def normalised(
    pictures: VolumeBatch, spec: InputSpec, kept: tuple[ChannelValues, ChannelValues] | None = None
) -> NetworkInput:
    """`case channel *space` in [0, 1] → the network's own channels; grey becomes three channels by repetition.

    Args:
        pictures: Of one channel or three.
        spec: What the weights want.
        kept: `mean_and_std(spec)`, where they lie on the pictures' device already.

    Raises:
        ConfigError: `ChannelsDoNotFit`: three channels for a network that takes one.
    """
    channels, wanted = pictures.shape[1], spec.channels
    if channels == 1 and wanted == 3:
        pictures = pictures.expand(-1, 3, *[-1] * (pictures.ndim - 2))
    elif channels != wanted:
        raise ConfigError(
            f"the pictures have {channels} channels, and the network takes {wanted}",
            code="ChannelsDoNotFit",
            path="model.in_channels",
            hint="Take grey pictures. Colour, windows (preprocess.ct_windows) and neighbours (model.grey) need "
            "model.in_channels = 3.",
        )
    elif spec.colour == "BGR" and channels == 3:
        pictures = pictures.flip(1)
    if spec.scaling == "foreground":
        return _foreground_scaled(pictures)
    shape = (1, -1, *[1] * (pictures.ndim - 2))
    mean, std = kept or (value.to(pictures) for value in mean_and_std(spec))
    return (pictures - mean.view(shape)) / std.view(shape)


def _foreground_scaled(pictures: VolumeBatch) -> NetworkInput:
    """(x − m) / s with mean and standard deviation of what lies above 0, for each item; background becomes 0.

    The reference fills the background with noise instead, which no two runs share.

    Reference: Chen, Ma, Zheng 2019, Med3D: transfer learning for 3D medical image analysis, §3.1.
    """
    inner = pictures > 0
    axes = tuple(range(1, pictures.ndim))
    count = inner.sum(dim=axes, keepdim=True).clamp(min=1)
    mean = pictures.sum(dim=axes, keepdim=True) / count
    spread = torch.where(inner, pictures - mean, 0.0)
    std = (spread.square().sum(dim=axes, keepdim=True) / count).sqrt()
    return torch.where(inner, spread / std.clamp(min=1e-6), 0.0)
