"""Weights of keras.applications' ResNet50, DenseNet121 and InceptionV3 in Keras' `.h5` files, under torch's names.

    convolution     kernel (row, column, in, out)           → weight (out, in, row, column),   bias → bias
    dense           kernel (in, out)                        → weight (out, in),                bias → bias
    normalisation   gamma, beta, moving mean and variance   → weight, bias, running_mean, running_var

The file is taken apart in a process of its own (`hdf5.py`). It needs h5py, which the extra `h5` installs.
"""

from __future__ import annotations

import importlib.util
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from medtransfer.core.errors import ReadError, WeightsError
from medtransfer.core.inert import one_line
from medtransfer.data.isolation.pool import run
from medtransfer.data.isolation.work import Part, Work
from medtransfer.models.weights.keras_names import torch_modules

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float32

_VARIABLES: Final = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_FROM_KERAS: Final = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}
"""Axes of a kernel (or a vector) in torch's order, by their number."""

_LARGEST_BYTES: Final = 2**28
"""Of all arrays together; the largest of the three networks has 100 MB with its head."""

_MEMORY_BYTES: Final = 2**29
_SECONDS: Final = 120.0
_SHOWN: Final = 6

_HINT = (
    "Only keras.applications' ResNet50, DenseNet121 and InceptionV3 can be read, with or without their own head: "
    "save the base network alone."
)

_DAMAGED = "The file is damaged, or was made to do harm: copy it again from its origin."


def load_h5(path: Path) -> dict[str, Tensor]:
    """Every array of a Keras file as the tensor that it is in the backbone which `load_keras` names.

    Raises:
        WeightsError: As `load_keras` does.
    """
    return load_keras(path)[1]


def load_keras(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The backbone that a Keras file holds, and its tensors, those of its head (`predictions`) included.

    Returns:
        `resnet50_keras`, `densenet121_keras` or `inception_v3_keras`, and name in that network → tensor.

    Raises:
        WeightsError: The file is absent or damaged, points elsewhere, is too large, or holds another network, be it by
            one layer; `MissingPackage`: h5py is not installed.
    """
    arrays = _arrays(path)
    layers = sorted({layer for layer, _ in arrays})
    backbone, modules = torch_modules(layers)
    if not backbone:
        raise _another_network(layers, path)
    tensors: dict[str, Tensor] = {}
    for (layer, variable), values in arrays.items():
        if variable not in _VARIABLES or values.ndim not in _FROM_KERAS:
            raise WeightsError(
                f"{one_line(f'{layer}/{variable}')} with {values.ndim} axes is no variable of {backbone}",
                code="KeysDoNotFit",
                path=path,
                hint=_HINT,
            )
        tensor = torch.from_numpy(values.transpose(_FROM_KERAS[values.ndim]).copy())
        tensors[f"{modules[layer]}.{_VARIABLES[variable]}"] = tensor
    return backbone, tensors


def _arrays(path: Path) -> dict[tuple[str, str], Float32[np.ndarray, "*axes"]]:
    """(Layer, variable) → array, as the file has them."""
    if importlib.util.find_spec("h5py") is None:
        raise WeightsError(
            "Keras' .h5 files are read by h5py, which is not installed",
            code="MissingPackage",
            path=path,
            hint="Install it: pip install 'medtransfer[h5]'.",
        )
    arrays: dict[tuple[str, str], np.ndarray] = {}

    def collect(_part: int, result: dict[str, Any], room: memoryview) -> None:
        offset = 0
        for layer, variable, shape in result["arrays"]:
            values = np.frombuffer(room, dtype=np.float32, count=math.prod(shape), offset=offset)
            arrays[str(layer), str(variable)] = values.reshape(shape).copy()
            offset += values.nbytes

    work = Work(
        run="medtransfer.models.weights.hdf5:read_part",
        parts=[Part(values={"path": str(path.resolve())}, path=path)],
        slot=_LARGEST_BYTES,
        collect=collect,
        seconds=_SECONDS,
        memory=_MEMORY_BYTES,
        doing="reading the weights",
        library="h5py",
    )
    try:
        run(work, [])
    except ReadError as error:
        hint = _DAMAGED if error.code.startswith("Decoder") else error.hint
        raise WeightsError(error.message, code=error.code, path=path, hint=hint) from error
    except (LookupError, TypeError, ValueError) as error:  # the file has taken the process over
        raise WeightsError("was answered for with nonsense", code="BadWeights", path=path, hint=_DAMAGED) from error
    return arrays


def _another_network(layers: list[str], path: Path) -> WeightsError:
    shown = ", ".join(one_line(layer) for layer in layers[:_SHOWN])
    more = f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else ""
    return WeightsError(
        f"holds another network, with the layers {shown or 'none'}{more}", code="OtherBackbone", path=path, hint=_HINT
    )
