"""The ways in which published weights want their pictures, by name, and how far they are apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from medtransfer.models.weights.sidecar import GREY, InputSpec

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE = (103.939, 116.779, 123.68)
_ZERO, _ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

CANDIDATES: Final[Mapping[str, InputSpec]] = MappingProxyType(
    {
        "imagenet": InputSpec(mean=_MEAN, std=_STD),
        "symmetric": InputSpec(range=(-1, 1), mean=_ZERO, std=_ONE),
        "unit": InputSpec(mean=_ZERO, std=_ONE),
        "bytes": InputSpec(range=(0, 255), mean=_ZERO, std=_ONE),
        "caffe": InputSpec(range=(0, 255), mean=_CAFFE, std=_ONE, colour="BGR"),
        "caffe_unit": InputSpec(range=(0, 255), mean=_CAFFE, std=(255.0,) * 3, colour="BGR"),
        "monai": InputSpec(mean=_MEAN[::-1], std=_ONE, colour="BGR"),
        "imagenet_bgr": InputSpec(mean=_MEAN[::-1], std=_STD[::-1], colour="BGR"),
        "grey_imagenet": GREY,
        "grey_symmetric": InputSpec(channels=1, range=(-1, 1), mean=(0.0,), std=(1.0,)),
        "grey_unit": InputSpec(channels=1, mean=(0.0,), std=(1.0,)),
        "grey_bytes": InputSpec(channels=1, range=(0, 255), mean=(0.0,), std=(1.0,)),
        "torchxrayvision": InputSpec(channels=1, range=(-1024, 1024), mean=(0.0,), std=(1.0,)),
    }
)
"""Name → normalisation, the more usual first.

`imagenet` is torchvision's; `symmetric`, [−1, 1], TensorFlow's and that of RadImageNet's PyTorch notebook; `unit`
[0, 1]; `bytes` 0 to 255 as they are; `caffe` BGR minus the mean, of 0 to 255, `caffe_unit` the same divided by 255
(RadImageNet's Keras scripts), `monai` very nearly that (MONAI's RadImageNet); `imagenet_bgr` torchvision's with the
colours turned round. The others are for one channel; TorchXRayVision's range is that of its own loader.
"""


def distance(one: InputSpec, other: InputSpec, *, level: float, spread: float, grey: bool) -> float:
    """How far apart two normalisations put the same pictures, in standard deviations of the first one's values.

        d² = max over channels of ((a − a′)²·s² + ((a − a′)·m + b − b′)²) / (a·s)²        for x′ = a·x + b

    Of grey pictures nobody can say in which order their colours come: there the channels may also be turned round.

    Args:
        one: A normalisation.
        other: Another, with as many channels.
        level: m, the pictures' mean.
        spread: s, their standard deviation.
        grey: All pictures are grey.
    """
    orders = [other]
    if grey:
        orders.append(other.model_copy(update={"mean": other.mean[::-1], "std": other.std[::-1]}))
    elif one.colour != other.colour and one.channels == 3:
        return math.inf
    return min(_distance(one, candidate, level, spread) for candidate in orders)


def _distance(one: InputSpec, other: InputSpec, level: float, spread: float) -> float:
    found = []
    for scale, offset, other_scale, other_offset in zip(*_line(one), *_line(other), strict=True):
        steeper = scale - other_scale
        found.append(math.hypot(steeper * spread, steeper * level + offset - other_offset) / (scale * spread))
    return max(found)


def _line(spec: InputSpec) -> tuple[list[float], list[float]]:
    """Slope a and intercept b of x′ = a·x + b, for each channel."""
    low, high = spec.range
    slopes = [(high - low) / std for std in spec.std]
    return slopes, [(low - mean) / std for mean, std in zip(spec.mean, spec.std, strict=True)]
