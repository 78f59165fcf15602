"""Pretrained weights into a backbone: the one place where a foreign `.pth` file is opened.

`torch.load(weights_only=True)` needs torch ≥ 2.10: earlier versions could be made to run code.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from medtransfer.core.errors import WeightsError
from medtransfer.core.files import file_digest
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.input_spec import InputSpec, check_weight_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medtransfer.models.backbone import Backbone

SHOWN = 8
"""How many keys an error lists of each kind."""

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


def load_weights(backbone: Backbone, weights: str, *, name: str, download: bool = False) -> InputSpec:
    """Load pretrained weights into a backbone, in place.

    Args:
        backbone: The network that `name` built.
        weights: `none`, `imagenet` or the path of a local file with its sidecar.
        name: The backbone's name in the catalogue.
        download: May torchvision's file be fetched when its cache lacks it?

    Returns:
        What input the weights expect.

    Raises:
        WeightsError: The file is absent, altered, for another network, or leaves any layer random.
    """
    if weights == "none":
        return InputSpec()
    if weights == "imagenet":
        path, spec = _imagenet(name, download=download)
    else:
        path = Path(weights)
        spec = _checked_file(path, name)
    _fill(backbone, _state_dict(path), path)
    return spec


def _checked_file(path: Path, name: str) -> InputSpec:
    sidecar = check_weight_file(path, name)
    found = file_digest(path)
    if found != sidecar.sha256:
        raise WeightsError(
            f"SHA-256 is {found[:12]}…, the sidecar says {sidecar.sha256[:12]}…",
            code="Altered",
            path=path,
            hint="The file was cut short or changed: copy it again from its origin.",
        )
    return sidecar.input


def _imagenet(name: str, *, download: bool) -> tuple[Path, InputSpec]:
    models = import_torchvision().models
    try:
        entry = models.get_model_weights(name).DEFAULT
    except ValueError as error:
        raise WeightsError(
            f"torchvision has no ImageNet weights for {name}", code="NoWeights", hint="Give a local file."
        ) from error
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
    stem = path.stem.rpartition("-")[2]
    if not path.is_file():
        if not download:
            raise WeightsError(
                "torchvision's cache does not hold the ImageNet weights, and downloading was not asked for",
                code="NotDownloaded",
                path=path,
                hint="Put the file there, pass the path of a local one, or allow it: --set model.download=true.",
            )
        _download(entry.url, path, stem)
    if not file_digest(path).startswith(stem):
        raise WeightsError(
            f"SHA-256 does not begin with {stem}, as the file's name says",
            code="Altered",
            path=path,
            hint="Remove the file and fetch it again.",
        )
    transform = entry.transforms()
    size = transform.crop_size[0]
    return path, InputSpec(size=(size, size), mean=tuple(transform.mean), std=tuple(transform.std))


def _download(url: str, path: Path, digest: str) -> None:
    """Fetch a file into torchvision's cache; it gets its name once its SHA-256 begins with `digest`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError) as error:  # a failed look-up or connection is an OSError
        raise WeightsError(
            f"cannot be fetched from {url}: {error}",
            code="DownloadFailed",
            path=path,
            hint="Try again, or put the file there by other means.",
        ) from error


def _state_dict(path: Path) -> dict[str, Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except UNPARSABLE as error:
        raise WeightsError(
            f"cannot be read as a state dict ({type(error).__name__})",
            code="BadWeights",
            path=path,
            hint="The file is cut short, or holds a pickled module, which is never opened: "
            "save `module.state_dict()` where it came from.",
        ) from error
    if not isinstance(loaded, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()
    ):
        raise WeightsError(
            "holds something other than a plain state dict",
            code="BadWeights",
            path=path,
            hint="Save `module.state_dict()` itself.",
        )
    return loaded


def _fill(backbone: Backbone, state: Mapping[str, Tensor], path: Path) -> None:
    """Copy every tensor, or refuse: no layer may stay random unnoticed."""
    wanted = {key: value for key, value in backbone.network.state_dict().items() if not _counts_batches(key)}
    offered = {k: v for k, v in state.items() if not k.startswith(backbone.head_keys) and not _counts_batches(k)}
    problems = [
        *(f"missing {key}" for key in wanted if key not in offered),
        *(f"unknown {key}" for key in offered if key not in wanted),
        *(
            f"{key} has shape {list(value.shape)}, not {list(wanted[key].shape)}"
            for key, value in offered.items()
            if key in wanted and value.shape != wanted[key].shape
        ),
        *(
            f"{key} holds {value.layout} {value.dtype}, not {wanted[key].dtype}"
            for key, value in offered.items()
            if key in wanted and not _same_kind(value, wanted[key])
        ),
    ]
    if problems:
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise WeightsError(
            f"{len(problems)} of the keys do not fit: {'; '.join(problems[:SHOWN])}{more}",
            code="KeysDoNotFit",
            path=path,
            hint="Use weights of this very network: a partial match would leave layers random.",
        )
    bad = [key for key, value in offered.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise WeightsError(
            f"not finite: {', '.join(bad[:SHOWN])}", code="NotFinite", path=path, hint="Copy the file again."
        )
    backbone.network.load_state_dict(offered, strict=False)


def _same_kind(value: Tensor, wanted: Tensor) -> bool:
    """Plain numbers of any precision; quantised, sparse and whole ones would be converted to something else."""
    return value.layout == wanted.layout and value.is_floating_point() == wanted.is_floating_point()


def _counts_batches(key: str) -> bool:
    """`num_batches_tracked` is absent from old files and has no effect on the output."""
    return key.endswith("num_batches_tracked")
