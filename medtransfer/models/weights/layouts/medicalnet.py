"""MedicalNet's 3-D ResNets: one input channel, MONAI's names, in `checkpoint["state_dict"]` with the prefix `module.`.

Depths 10 and 50 have shortcuts of type B (a convolution), depths 18 and 34 of type A (without parameters). Volumes were
scaled by the mean and deviation of their voxels above 0. The segmentation head, where one is left, is no part of them.

Reference: Chen, Ma, Zheng 2019, Med3D: Transfer learning for 3D medical image analysis; github.com/Tencent/MedicalNet.
"""

from __future__ import annotations

import re

from medtransfer.models.weights.layouts._contract import Recognised, State, in_channels
from medtransfer.models.weights.sidecar import InputSpec

INPUT = InputSpec(channels=1, size=(448, 448), mean=(0.0,), std=(1.0,), scaling="foreground")

DEPTHS: dict[tuple[int, ...], int] = {(1, 1, 1, 1): 10, (2, 2, 2, 2): 18, (3, 4, 6, 3): 34}
"""Blocks of each layer → depth, for blocks of two convolutions."""

SHORTCUTS = {10: "B", 18: "A", 34: "A", 50: "B"}

_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.conv1\.weight")


def recognise(state: State) -> Recognised | None:
    """The state dict as it is, if it is a 3-D ResNet for one channel that classifies nothing."""
    stem = state.get("conv1.weight")
    if stem is None or stem.ndim != 5 or in_channels(state, "conv1") != 1 or "fc.weight" in state:
        return None
    depth, shortcut = _depth(state), "B" if any(".downsample." in key for key in state) else "A"
    return Recognised(
        {key: tensor for key, tensor in state.items() if not key.startswith("conv_seg.")},
        backbone=f"resnet{depth}_3d{'' if shortcut == SHORTCUTS[depth] else f'/{shortcut}'}" if depth else None,
        input=INPUT,
        source="published",
        pretrained_on="23 data sets of CT and MR (MedicalNet)",
        modalities=("CT", "MR"),
    )


def _depth(state: State) -> int | None:
    matches = [match for key in state if (match := _BLOCK.fullmatch(key))]
    blocks = tuple(sum(match[1] == layer for match in matches) for layer in "1234")
    if blocks == (3, 4, 6, 3) and "layer1.0.conv3.weight" in state:
        return 50
    return DEPTHS.get(blocks)
