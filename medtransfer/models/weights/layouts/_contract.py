"""What a layout says of a weight file that is one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from medtransfer.models.weights.sidecar import InputSource, InputSpec

State = Mapping[str, Tensor]
"""A state dict: name → tensor."""


class Recognised(NamedTuple):
    """A state dict under the names of one of our backbones, and what its origin has published about it.

    Attributes:
        state: Name in the backbone's network → tensor; the origin's head keeps its own names.
        backbone: The only backbone that such a file can be for; None where names do not tell.
        input: What the network was shown in training.
        source: How far `input` can be relied on.
        pretrained_on: The data; empty where the names do not tell.
        modalities: DICOM modalities that the weights were made for; empty: any.
    """

    state: dict[str, Tensor]
    backbone: str | None
    input: InputSpec
    source: InputSource
    pretrained_on: str = ""
    modalities: tuple[str, ...] = ()


def in_channels(state: State, stem: str) -> int:
    """Input channels of the convolution `stem`; 0 where there is no such convolution."""
    weight = state.get(f"{stem}.weight")
    return weight.shape[1] if weight is not None and weight.ndim >= 4 else 0
