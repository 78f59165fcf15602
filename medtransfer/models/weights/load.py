"""Pretrained weights into a backbone: the one place where a foreign `.pth` file is opened.

`torch.load(weights_only=True)` needs torch ≥ 2.10: earlier versions could be made to run code.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from medtransfer.core.errors import WeightsError
from medtransfer.core.files import file_digest
from medtransfer.core.inert import one_line
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.weights.channels import with_channels_of
from medtransfer.models.weights.download import fetch
from medtransfer.models.weights.files import PICKLED, kind_of, truncated
from medtransfer.models.weights.library import located
from medtransfer.models.weights.matching import SHOWN, fill
from medtransfer.models.weights.sidecar import GREY, InputSpec, check_weight_file

if TYPE_CHECKING:
    from medtransfer.models.backbone import Backbone

UNPARSABLE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    struct.error,
    pickle.UnpicklingError,
)
"""What `torch.load` is seen to raise on damaged files."""

_ENDED = (EOFError, RuntimeError, struct.error)
"""What of it means, in a file of the old form, that bytes are missing."""

HALF = (0.5, 0.5, 0.5)
CONVERTED = {"inception_v3": (HALF, HALF)}
"""Mean and deviation of torchvision's networks that convert ImageNet's inside, which ours do not."""


class PretrainedHead(NamedTuple):
    """The last layer that the weights were trained with: from a backbone's features to logits of its own classes.

    Attributes:
        weight: `class feature`.
        bias: `class`.
    """

    weight: Tensor
    bias: Tensor


class Loaded(NamedTuple):
    """What a backbone's weights are.

    Attributes:
        spec: What input they expect, with the backbone's own number of channels.
        modalities: DICOM modalities that they were made for; empty: any.
        sha256: Of the file they came from; None for a random start.
        origin: What they were trained on, and where they came from.
        head: Their own last layer, where the file holds it and it is linear in the backbone's features.
    """

    spec: InputSpec
    modalities: tuple[str, ...] = ()
    sha256: str | None = None
    origin: str = "random"
    head: PretrainedHead | None = None


def load_weights(backbone: Backbone, weights: str, *, name: str, download: bool = False) -> Loaded:
    """Load pretrained weights into a backbone, in place.

    Args:
        backbone: The network that `name` built.
        weights: `none`, `imagenet`, the name of imported weights, or the path of a local file with its sidecar whose
            tensors have the network's own names.
        name: The backbone's name in the catalogue.
        download: May torchvision's file be fetched when its cache lacks it?

    Raises:
        WeightsError: The file is absent, altered, for another network, or leaves any layer random.
    """
    if weights == "none":
        return Loaded(InputSpec() if backbone.in_channels == 3 else GREY)
    if weights == "imagenet":
        path, loaded = _imagenet(name, download=download)
    else:
        path, loaded = _checked_file(weights, name)
    state, spec = with_channels_of(backbone, _state_dict(path), loaded.spec, path=path)
    fill(backbone, state, name=name, path=path)
    return loaded._replace(spec=spec, head=_pretrained_head(backbone, state))


def _pretrained_head(backbone: Backbone, state: dict[str, Tensor]) -> PretrainedHead | None:
    """The origin's last layer; None where the file lacks it, or where there is more to it than one linear layer."""
    parts = {key: value for key, value in state.items() if key.startswith(backbone.head_keys)}
    weight = [value for key, value in parts.items() if key.endswith("weight")]
    bias = [value for key, value in parts.items() if key.endswith("bias")]
    if len(parts) != 2 or len(weight) != 1 or len(bias) != 1:
        return None
    if weight[0].ndim != 2 or weight[0].shape[1] != backbone.feature_dim or bias[0].shape != weight[0].shape[:1]:
        return None
    return PretrainedHead(weight[0].float(), bias[0].float())


def _state_dict(path: Path) -> dict[str, Tensor]:
    content = opened(path)
    if not is_state_dict(content):
        raise WeightsError(
            "holds something other than a plain state dict",
            code="BadWeights",
            path=path,
            hint=f"Import it, medtransfer weights import {path.name} --as NAME, or save `module.state_dict()` itself.",
        )
    require_plain(content, path)
    return content


def is_state_dict(content: object) -> bool:
    """Names and tensors, nothing else."""
    return isinstance(content, dict) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())


def require_plain(state: dict[str, Tensor], path: Path) -> None:
    """Refuse tensors that are not stored number by number: a small file may claim tensors of any size.

    Raises:
        WeightsError: `NotPlain`: sparse, quantised, complex, without data, or one number shown as many.
    """
    odd = [key for key, tensor in state.items() if not _is_plain(tensor)]
    if odd:
        named = ", ".join(one_line(key) for key in odd[:SHOWN])
        raise WeightsError(
            f"not plain numbers: {named}",
            code="NotPlain",
            path=path,
            hint="Save plain tensors: {name: tensor.contiguous() for name, tensor in module.state_dict().items()}.",
        )


def _is_plain(tensor: Tensor) -> bool:
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def opened(path: Path) -> Any:
    """What a `.pth` or `.safetensors` file holds, tensors on the CPU; nothing in it is executed.

    Raises:
        WeightsError: `Truncated`, or `BadWeights`: it cannot be read safely.
    """
    kind = kind_of(path)
    try:
        if kind == "safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (*UNPARSABLE, SafetensorError) as error:
        if kind == "old torch" and isinstance(error, _ENDED):
            raise truncated(path) from error
        raise WeightsError(
            f"cannot be read as a state dict ({type(error).__name__})",
            code="BadWeights",
            path=path,
            hint=PICKLED,
        ) from error


def require_digest(path: Path, sha256: str) -> None:
    """Refuse a file that is not the one its sidecar means.

    Raises:
        WeightsError: `Altered`.
    """
    found = file_digest(path)
    if found != sha256:
        raise WeightsError(
            f"SHA-256 is {found[:12]}…, the sidecar says {sha256[:12]}…",
            code="Altered",
            path=path,
            hint="The file was cut short or changed: copy it again from its origin.",
        )


def _checked_file(weights: str, name: str) -> tuple[Path, Loaded]:
    path, sidecar = located(weights), check_weight_file(weights, name)
    require_digest(path, sidecar.sha256)
    origin = f"{sidecar.pretrained_on} ({sidecar.origin})" if sidecar.origin else sidecar.pretrained_on
    return path, Loaded(sidecar.input, sidecar.modalities, sidecar.sha256, origin)


def imagenet_file(name: str, *, download: bool) -> Path:
    """Torchvision's ImageNet weights of a network, in torchvision's own cache, verified.

    Raises:
        WeightsError: `NoWeights`, `NotDownloaded`, `DownloadFailed` or `Altered`.
    """
    url = _imagenet_entry(name).url
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    digest = path.stem.rpartition("-")[2]
    if not path.is_file():
        if not download:
            raise WeightsError(
                "torchvision's cache does not hold the ImageNet weights, and downloading was not asked for",
                code="NotDownloaded",
                path=path,
                hint="Put the file there, or allow it: --set model.download=true in a plan, or medtransfer weights "
                f"fetch {name} --download.",
            )
        return fetch(url, path, sha256=digest)
    if not file_digest(path).startswith(digest):
        raise WeightsError(
            f"SHA-256 does not begin with {digest}, as the file's name says",
            code="Altered",
            path=path,
            hint="Remove the file and fetch it again.",
        )
    return path


def _imagenet(name: str, *, download: bool) -> tuple[Path, Loaded]:
    entry, path = _imagenet_entry(name), imagenet_file(name, download=download)
    transform = entry.transforms()
    size = transform.crop_size[0]
    mean, std = CONVERTED.get(name, (tuple(transform.mean), tuple(transform.std)))
    spec = InputSpec(size=(size, size), mean=mean, std=std)
    return path, Loaded(spec, sha256=file_digest(path), origin=f"ImageNet (torchvision, {entry.url})")


def _imagenet_entry(name: str) -> Any:
    models = import_torchvision().models
    try:
        return models.get_model_weights(name).DEFAULT
    except ValueError as error:
        raise WeightsError(
            f"torchvision has no ImageNet weights for {name}", code="NoWeights", hint="Give a local file."
        ) from error
