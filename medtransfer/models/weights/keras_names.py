"""Which of torch's modules each layer of keras.applications is.

Keras names the layers of its ResNet and DenseNet, and numbers those of its Inception in the order in which they were
made: from 0 or from 1 or from where another network in the same program stopped. Torchvision makes them in the same
order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

RESNET_BLOCKS: Final = (3, 4, 6, 3)
DENSENET_BLOCKS: Final = (6, 12, 24, 16)

_STEM: Final = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
_POOL: Final = ("branch_pool",)
_DOUBLE: Final = ("branch3x3dbl_1", "branch3x3dbl_2")
_BLOCK_A: Final = ("branch1x1", "branch5x5_1", "branch5x5_2", *_DOUBLE, "branch3x3dbl_3", *_POOL)
_BLOCK_B: Final = ("branch3x3", *_DOUBLE, "branch3x3dbl_3")
_SEVENS: Final = (*(f"branch7x7_{i}" for i in range(1, 4)), *(f"branch7x7dbl_{i}" for i in range(1, 6)))
_BLOCK_C: Final = ("branch1x1", *_SEVENS, *_POOL)
_BLOCK_D: Final = ("branch3x3_1", "branch3x3_2", *(f"branch7x7x3_{i}" for i in range(1, 5)))
_THREES: Final = ("branch3x3_1", "branch3x3_2a", "branch3x3_2b", *_DOUBLE, "branch3x3dbl_3a", "branch3x3dbl_3b")
_BLOCK_E: Final = ("branch1x1", *_THREES, *_POOL)
_INCEPTION_BLOCKS: Final = {
    **dict.fromkeys(("5b", "5c", "5d"), _BLOCK_A),
    "6a": _BLOCK_B,
    **dict.fromkeys(("6b", "6c", "6d", "6e"), _BLOCK_C),
    "7a": _BLOCK_D,
    **dict.fromkeys(("7b", "7c"), _BLOCK_E),
}
_NUMBERED: Final = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")


def torch_modules(layers: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The backbone that has just these layers, and for each of them the module it is; `predictions` may be absent.

    Args:
        layers: Names of all layers with weights; older versions write `conv1/conv` for `conv1_conv`.

    Returns:
        The backbone's name and layer → module; the name is empty where no network has just these layers.
    """
    names = {layer: layer.replace("/", "_") for layer in layers}
    for backbone, table in (
        ("resnet50_keras", dict(_resnet50())),
        ("densenet121_keras", dict(_densenet121())),
        ("inception_v3_keras", dict(_inception_v3(names.values()))),
    ):
        if sorted(table) == sorted([*names.values(), *({"predictions"} - names.keys())]):
            return backbone, {layer: table[name] for layer, name in names.items()}
    return "", {}


def _resnet50() -> Iterator[tuple[str, str]]:
    yield from {"conv1_conv": "conv1", "conv1_bn": "bn1", "predictions": "fc"}.items()
    for stage, blocks in enumerate(RESNET_BLOCKS, start=1):
        yield f"conv{stage + 1}_block1_0_conv", f"layer{stage}.0.downsample.0"
        yield f"conv{stage + 1}_block1_0_bn", f"layer{stage}.0.downsample.1"
        for block in range(blocks):
            for part in (1, 2, 3):
                keras, torch = f"conv{stage + 1}_block{block + 1}_{part}", f"layer{stage}.{block}"
                yield f"{keras}_conv", f"{torch}.conv{part}"
                yield f"{keras}_bn", f"{torch}.bn{part}"


def _densenet121() -> Iterator[tuple[str, str]]:
    stem = {"conv1_conv": "features.conv0", "conv1_bn": "features.norm0"}
    yield from {**stem, "bn": "features.norm5", "predictions": "classifier"}.items()
    for block, layers in enumerate(DENSENET_BLOCKS, start=1):
        for layer in range(1, layers + 1):
            keras, torch = f"conv{block + 1}_block{layer}", f"features.denseblock{block}.denselayer{layer}"
            yield f"{keras}_0_bn", f"{torch}.norm1"
            yield f"{keras}_1_conv", f"{torch}.conv1"
            yield f"{keras}_1_bn", f"{torch}.norm2"
            yield f"{keras}_2_conv", f"{torch}.conv2"
    for block in range(1, len(DENSENET_BLOCKS)):
        yield f"pool{block + 1}_bn", f"features.transition{block}.norm"
        yield f"pool{block + 1}_conv", f"features.transition{block}.conv"


def _inception_v3(layers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Numbered layers by rank."""
    modules = [
        *(f"Conv2d_{name}" for name in _STEM),
        *chain.from_iterable(
            (f"Mixed_{block}.{branch}" for branch in branches) for block, branches in _INCEPTION_BLOCKS.items()
        ),
    ]
    found: dict[str, list[tuple[int, str]]] = {"conv2d": [], "batch_normalization": []}
    for layer in layers:
        if match := _NUMBERED.fullmatch(layer):
            found[match[1]].append((int(match[2] or 0), layer))
    if all(len(numbered) == len(modules) for numbered in found.values()):
        for kind, part in (("conv2d", "conv"), ("batch_normalization", "bn")):
            for (_, layer), module in zip(sorted(found[kind]), modules, strict=True):
                yield layer, f"{module}.{part}"
    yield "predictions", "fc"
