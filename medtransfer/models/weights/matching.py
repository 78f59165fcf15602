"""A state dict into a network: every tensor, or none."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import torch

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import MedTransferError, WeightsError
from medtransfer.core.inert import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

    from medtransfer.models.backbone import Backbone

SHOWN = 8
"""How many keys an error lists."""

_CURE = (
    "Use weights of this very network: a partial match would leave layers random. Files that name their tensors in "
    "another way are imported first: medtransfer weights import {} --as NAME."
)


def fill(backbone: Backbone, state: Mapping[str, Tensor], *, name: str, path: Path) -> None:
    """Copy every tensor, in place, or refuse: no layer may stay random unnoticed.

    Args:
        backbone: The network that `name` built.
        state: Under the network's own names; the origin's head is left out.
        name: The backbone's name in the catalogue.
        path: Where the state dict came from.

    Raises:
        WeightsError: `OtherBackbone`, `KeysDoNotFit` or `NotFinite`.
    """
    wanted = {key: value for key, value in backbone.network.state_dict().items() if not _counts_batches(key)}
    offered = {k: v for k, v in state.items() if not k.startswith(backbone.head_keys) and not _counts_batches(k)}
    if problems := _problems(wanted, offered):
        if others := [other for other in fitting_backbones(state) if other != name]:
            raise other_backbone(" or ".join(others), name, path=path, use=others[0])
        cure = _other_shortcuts(wanted, offered, name) or _CURE.format(path.name)
        raise WeightsError(_listed(problems), code="KeysDoNotFit", path=path, hint=cure)
    bad = [key for key, value in offered.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise WeightsError(
            f"not finite: {', '.join(bad[:SHOWN])}", code="NotFinite", path=path, hint="Copy the file again."
        )
    backbone.network.load_state_dict(offered, strict=False)


def other_backbone(found: str, wanted: str, *, path: Path, use: str = "") -> WeightsError:
    """The error for weights of another network; `use` is what to write where `found` names several."""
    return WeightsError(
        f"these weights are for {found}, not for {wanted}",
        code="OtherBackbone",
        path=path,
        hint=f"Use --backbone {use or found}, or other weights.",
    )


def fitting_backbones(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Every backbone of the catalogue that the state dict fills completely, whatever its number of input channels."""
    volumes = any(value.ndim == 5 for value in state.values())
    names = (name for name in BACKBONES.names() if name.endswith("_3d") == volumes)
    signatures = ((name, _signature(name)) for name in names)
    return tuple(name for name, signature in signatures if signature is not None and _fits(signature, state))


def _problems(wanted: Mapping[str, Tensor], offered: Mapping[str, Tensor]) -> list[str]:
    return [
        *(f"missing {key}" for key in wanted if key not in offered),
        *(f"unknown {one_line(key)}" for key in offered if key not in wanted),
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


def _listed(problems: list[str]) -> str:
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return f"{len(problems)} of the keys do not fit: {'; '.join(problems[:SHOWN])}{more}"


def _other_shortcuts(wanted: Iterable[str], offered: Iterable[str], name: str) -> str:
    """The cure where residual networks differ in their shortcuts: type A has no parameters, type B a convolution."""
    ours, theirs = ("B" if any(".downsample." in key for key in keys) else "A" for keys in (wanted, offered))
    base = name.partition("/")[0]
    if ours == theirs or ":" in name or "variant" not in BACKBONES.hyperparameters(base):
        return ""
    return f"The file's shortcuts are of type {theirs}, those of {name} of type {ours}: use --backbone {base}/{theirs}."


class _Signature(NamedTuple):
    """Names and shapes of a network's tensors, without its first convolution's bias and input channels."""

    shapes: dict[str, tuple[int, ...]]
    stem: str
    head_keys: tuple[str, ...]


@cache
def _signature(name: str) -> _Signature | None:
    """Of a backbone of the catalogue; None where it cannot be built here."""
    try:
        with torch.device("meta"):
            backbone: Backbone = BACKBONES.get(name)()
    except (MedTransferError, ImportError, TypeError, RuntimeError, NotImplementedError):
        return None  # a package is missing, or the entry needs a variant
    shapes = _shapes(backbone.network.state_dict(), backbone.stem)
    return _Signature(shapes, backbone.stem, backbone.head_keys)


def _fits(signature: _Signature, state: Mapping[str, Tensor]) -> bool:
    body = {key: value for key, value in state.items() if not key.startswith(signature.head_keys)}
    return _shapes(body, signature.stem) == signature.shapes


def _shapes(state: Mapping[str, Tensor], stem: str) -> dict[str, tuple[int, ...]]:
    shapes = {key: tuple(value.shape) for key, value in state.items() if not _counts_batches(key)}
    shapes.pop(f"{stem}.bias", None)
    if weight := shapes.get(f"{stem}.weight"):
        shapes[f"{stem}.weight"] = (weight[0], *weight[2:])
    return shapes


def _same_kind(value: Tensor, wanted: Tensor) -> bool:
    """Plain numbers of any precision; quantised, sparse and whole ones would be converted to something else."""
    return value.layout == wanted.layout and value.is_floating_point() == wanted.is_floating_point()


def _counts_batches(key: str) -> bool:
    """`num_batches_tracked` is absent from old files and has no effect on the output."""
    return key.endswith("num_batches_tracked")
