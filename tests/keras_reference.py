"""keras.applications' three networks from Keras' own words, in plain functions: what our rebuilt ones must equal.

Layers have Keras' names; their arrays have Keras' axes and are drawn when a layer is first used. What they compute is
said by explicit padding and pooling: no module of torch's or of ours takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Arrays = dict[str, dict[str, np.ndarray]]
"""Layer → variable → array."""


class Layers:
    """Layers by name; an array that is not there yet is drawn."""

    def __init__(self, seed: int = 0) -> None:
        self.arrays: Arrays = {}
        self._random = np.random.default_rng(seed)
        self._numbers: dict[str, int] = {}

    def numbered(self, kind: str) -> str:
        """The name that Keras gives a layer without one: conv2d, conv2d_1 …"""
        number = self._numbers[kind] = self._numbers.get(kind, -1) + 1
        return f"{kind}_{number}" if number else kind

    def conv(
        self, x: Tensor, name: str, filters: int, size: int | tuple[int, int], *, stride: int = 1, same: bool = False,
        bias: bool = False,
    ) -> Tensor:  # fmt: skip
        rows, columns = (size, size) if isinstance(size, int) else size
        shape = (rows, columns, x.shape[1], filters)
        bound = (3 / (rows * columns * x.shape[1])) ** 0.5
        drawn = {"kernel": (self._random.random(shape, dtype=np.float32) * 2 - 1) * bound}
        if bias:
            drawn["bias"] = self._random.normal(0, 0.1, filters)
        found = self._layer(name, drawn)
        if same:  # Keras' "same" at stride 1
            x = functional.pad(x, ((columns - 1) // 2, columns // 2, (rows - 1) // 2, rows // 2))
        kernel = found["kernel"].permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, found.get("bias"), stride=stride)

    def norm(self, x: Tensor, name: str, *, epsilon: float = 1.001e-5, scale: bool = True) -> Tensor:
        n = x.shape[1]
        drawn = {"gamma": self._random.uniform(0.5, 1.5, n)} if scale else {}
        drawn |= {"beta": self._random.normal(0, 0.2, n), "moving_mean": self._random.normal(0, 0.2, n)}
        drawn |= {"moving_variance": self._random.uniform(0.05, 2, n)}
        found = {key: value[:, None, None] for key, value in self._layer(name, drawn).items()}
        centred = (x - found["moving_mean"]) / (found["moving_variance"] + epsilon).sqrt()
        return centred * found.get("gamma", torch.ones(1)) + found["beta"]

    def _layer(self, name: str, drawn: dict[str, np.ndarray]) -> dict[str, Tensor]:
        known = self.arrays.setdefault(
            name, {key: value.astype(np.float32, copy=False) for key, value in drawn.items()}
        )
        return {key: torch.from_numpy(value) for key, value in known.items()}


def zero_padded(x: Tensor, width: int) -> Tensor:
    return functional.pad(x, (width,) * 4)


def resnet50(x: Tensor, layers: Layers) -> Tensor:
    def block(x: Tensor, name: str, filters: int, *, stride: int, shortcut: bool) -> Tensor:
        kept = x
        if shortcut:
            kept = layers.conv(x, f"{name}_0_conv", 4 * filters, 1, stride=stride, bias=True)
            kept = layers.norm(kept, f"{name}_0_bn")
        x = layers.norm(layers.conv(x, f"{name}_1_conv", filters, 1, stride=stride, bias=True), f"{name}_1_bn").relu()
        x = layers.norm(layers.conv(x, f"{name}_2_conv", filters, 3, same=True, bias=True), f"{name}_2_bn").relu()
        x = layers.norm(layers.conv(x, f"{name}_3_conv", 4 * filters, 1, bias=True), f"{name}_3_bn")
        return (kept + x).relu()

    x = layers.conv(zero_padded(x, 3), "conv1_conv", 64, 7, stride=2, bias=True)
    x = functional.max_pool2d(zero_padded(layers.norm(x, "conv1_bn").relu(), 1), 3, 2)
    for stage, (filters, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=2):
        for i in range(1, blocks + 1):
            stride = 2 if i == 1 and stage > 2 else 1
            x = block(x, f"conv{stage}_block{i}", filters, stride=stride, shortcut=i == 1)
    return x.mean(dim=(2, 3))


def densenet121(x: Tensor, layers: Layers) -> Tensor:
    x = layers.conv(zero_padded(x, 3), "conv1_conv", 64, 7, stride=2)
    x = functional.max_pool2d(zero_padded(layers.norm(x, "conv1_bn").relu(), 1), 3, 2)
    for stage, blocks in enumerate((6, 12, 24, 16), start=2):
        if stage > 2:
            x = layers.norm(x, f"pool{stage - 1}_bn").relu()
            x = functional.avg_pool2d(layers.conv(x, f"pool{stage - 1}_conv", x.shape[1] // 2, 1), 2, 2)
        for i in range(1, blocks + 1):
            name = f"conv{stage}_block{i}"
            new = layers.conv(layers.norm(x, f"{name}_0_bn").relu(), f"{name}_1_conv", 128, 1)
            new = layers.conv(layers.norm(new, f"{name}_1_bn").relu(), f"{name}_2_conv", 32, 3, same=True)
            x = torch.cat([x, new], dim=1)
    return layers.norm(x, "bn").relu().mean(dim=(2, 3))


def inception_v3(x: Tensor, layers: Layers) -> Tensor:
    def conv(x: Tensor, filters: int, rows: int, columns: int, *, stride: int = 1, same: bool = True) -> Tensor:
        x = layers.conv(x, layers.numbered("conv2d"), filters, (rows, columns), stride=stride, same=same)
        return layers.norm(x, layers.numbered("batch_normalization"), epsilon=1e-3, scale=False).relu()

    def chain(x: Tensor, *shapes: tuple[int, int, int]) -> Tensor:
        for filters, rows, columns in shapes:
            x = conv(x, filters, rows, columns)
        return x

    def averaged(x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)

    def largest(x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 3, 2)

    x = conv(x, 32, 3, 3, stride=2, same=False)
    x = largest(conv(conv(x, 32, 3, 3, same=False), 64, 3, 3))
    x = largest(conv(conv(x, 80, 1, 1, same=False), 192, 3, 3, same=False))
    for pooled in (32, 64, 64):
        branches = [chain(x, (64, 1, 1)), chain(x, (48, 1, 1), (64, 5, 5))]
        branches += [chain(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)), chain(averaged(x), (pooled, 1, 1))]
        x = torch.cat(branches, dim=1)
    first = conv(x, 384, 3, 3, stride=2, same=False)
    double = conv(chain(x, (64, 1, 1), (96, 3, 3)), 96, 3, 3, stride=2, same=False)
    x = torch.cat([first, double, largest(x)], dim=1)
    for n in (128, 160, 160, 192):
        branches = [chain(x, (192, 1, 1)), chain(x, (n, 1, 1), (n, 1, 7), (192, 7, 1))]
        branches += [chain(x, (n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)), chain(averaged(x), (192, 1, 1))]
        x = torch.cat(branches, dim=1)
    first = conv(conv(x, 192, 1, 1), 320, 3, 3, stride=2, same=False)
    sevens = conv(chain(x, (192, 1, 1), (192, 1, 7), (192, 7, 1)), 192, 3, 3, stride=2, same=False)
    x = torch.cat([first, sevens, largest(x)], dim=1)
    for _ in range(2):
        branches = [chain(x, (320, 1, 1))]
        for start in (((384, 1, 1),), ((448, 1, 1), (384, 3, 3))):
            inner = chain(x, *start)
            branches += [conv(inner, 384, 1, 3), conv(inner, 384, 3, 1)]
        x = torch.cat([*branches, chain(averaged(x), (192, 1, 1))], dim=1)
    return x.mean(dim=(2, 3))


REFERENCES: dict[str, Callable[[Tensor, Layers], Tensor]] = {
    "resnet50_keras": resnet50,
    "densenet121_keras": densenet121,
    "inception_v3_keras": inception_v3,
}


def write_h5(path: Path, arrays: Arrays, *, whole_model: bool = False, suffix: str = ":0") -> Path:
    """Write arrays as Keras' HDF5 format has them.

    Args:
        path: The file.
        arrays: Layer → variable → array.
        whole_model: As `model.save` does, below `model_weights`; otherwise as `model.save_weights` does.
        suffix: Keras 2 writes `kernel:0`, Keras 3 `kernel`.
    """
    import h5py

    with h5py.File(path, "w") as file:
        home = file.create_group("model_weights") if whole_model else file
        if whole_model:
            file.attrs["model_config"] = '{"class_name": "Lambda", "config": {"function": "4wEAAAA="}}'
        home.attrs["layer_names"] = [name.encode() for name in ("input_1", *arrays)]
        home.create_group("input_1").attrs["weight_names"] = []
        for layer, variables in arrays.items():
            group = home.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{variable}{suffix}".encode() for variable in variables]
            for variable, values in variables.items():
                group.create_dataset(f"{layer}/{variable}{suffix}", data=values)
    return path
