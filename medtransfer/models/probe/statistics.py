"""What enters a network's first batch normalisations, compared with the statistics that they kept from training.

For a channel c of a layer, with m̂ and v̂ the mean and variance of what enters it, and μ and σ² the running statistics,
the divergence of the one normal distribution from the other:

    KL(N(m̂, v̂) ‖ N(μ, σ²)) = ½ · ( (v̂ + ε)/(σ² + ε) + (m̂ − μ)²/(σ² + ε) − 1 − ln (v̂ + ε)/(σ² + ε) )

It has no unit: a channel that is scaled or shifted altogether has the same divergence. ε is the layer's own, so that
channels that were dead in training count as the layer itself takes them.

Reference: Kullback, Leibler 1951, On information and sufficiency; Ioffe, Szegedy 2015, Batch normalization.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from medtransfer.core.errors import WeightsError
from medtransfer.data.tensors import NetworkInput
from medtransfer.models.backbone import Backbone

Norm = _BatchNorm

ImageMoments = Float64[np.ndarray, "image channel"]
ImageWeights = Float64[np.ndarray, "draw image"]
"""How much each image counts; a row sums to 1."""

Divergences = Float64[np.ndarray, "draw layer"]


class Moments(NamedTuple):
    """Of what enters the layers, over the pixels of each image; the channels of all layers side by side."""

    mean: ImageMoments
    variance: ImageMoments


class _Enough(Exception):  # noqa: N818 - it is no error: what comes behind need not be computed
    """The last layer of interest was reached."""


def first_norms(backbone: Backbone, example: NetworkInput, *, most: int) -> tuple[Norm, ...]:
    """The batch normalisations that an image meets first, in that order, at most so many.

    Raises:
        WeightsError: `NoStatistics`: there is none that has kept statistics.
    """
    met: list[Norm] = []

    def note(norm: Norm, _entering: Tensor) -> bool:
        met.append(norm)
        return len(met) == most

    _watch(backbone, example, [norm for norm in backbone.modules() if isinstance(norm, Norm)], note)
    kept = [norm for norm in met if norm.running_mean is not None and norm.running_var is not None]
    if all(_fresh(norm) for norm in kept):
        raise WeightsError(
            "the network has no batch normalisation with statistics from training, which could tell what input its "
            "weights expect",
            code="NoStatistics",
            hint="ViT, Swin, ConvNeXt, SqueezeNet and untrained networks have none: take the normalisation from the "
            "weights' origin, and state it in their sidecar.",
        )
    return tuple(dict.fromkeys(kept))


def moments(backbone: Backbone, images: NetworkInput, norms: Sequence[Norm]) -> Moments:
    """What enters `norms`, for each image of a batch; nothing behind the last of them is computed."""
    found: dict[Norm, Tensor] = {}

    def note(norm: Norm, entering: Tensor) -> bool:
        pixels = entering.flatten(2)
        mean = pixels.mean(dim=2).double()
        # torch.var_mean would take 16 times as long, and more than the convolutions
        square = torch.linalg.vector_norm(pixels, dim=2).double().square() / pixels.shape[2]
        found.setdefault(norm, torch.stack([mean, (square - mean.square()).clamp(min=0)]))
        return len(found) == len(norms)

    _watch(backbone, images, norms, note)
    mean, variance = torch.cat([found[norm] for norm in norms], dim=2).cpu().numpy()
    return Moments(mean, variance)


def divergences(found: Moments, norms: Sequence[Norm], weights: ImageWeights) -> Divergences:
    """The divergence of each layer, averaged over its channels, for images that count by `weights`."""
    mean = weights @ found.mean
    variance = weights @ (found.variance + found.mean**2) - mean**2
    kept_mean = np.concatenate([_array(norm.running_mean) for norm in norms])
    kept = np.concatenate([_array(norm.running_var) + norm.eps for norm in norms])
    widths = [norm.num_features for norm in norms]
    entering = np.maximum(variance, 0) + np.repeat([norm.eps for norm in norms], widths)
    ratio = entering / kept
    channels = (ratio + (mean - kept_mean) ** 2 / kept - 1 - np.log(ratio)) / 2
    starts = np.cumsum([0, *widths[:-1]])
    return np.add.reduceat(channels, starts, axis=1) / widths


def _watch(
    backbone: Backbone, images: NetworkInput, norms: Sequence[Norm], note: Callable[[Norm, Tensor], bool]
) -> None:
    """Send images through the network and tell `note` what enters `norms`, until it says that this is enough."""

    def before(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(norm, Norm) and note(norm, inputs[0]):
            raise _Enough

    hooks = [norm.register_forward_pre_hook(before) for norm in norms]
    try:
        with torch.inference_mode(), suppress(_Enough):
            backbone(images)
    finally:
        for hook in hooks:
            hook.remove()


def _fresh(norm: Norm) -> bool:
    """As it was made: no picture was ever seen."""
    return not _array(norm.running_mean).any() and bool((_array(norm.running_var) == 1).all())


def _array(statistics: Tensor | None) -> Float64[np.ndarray, " channel"]:
    return np.empty(0) if statistics is None else statistics.detach().double().cpu().numpy()
