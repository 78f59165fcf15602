"""Import torchvision where torch is a CPU build and torchvision's wheel a CUDA build.

Such a torchvision finds no compiled operators for this torch, and its import fails with
"operator torchvision::nms does not exist" while it registers shape functions for them. Declaring the
schemas first cures the import; the operators themselves (detection only) stay unavailable, and
classification networks do not use them.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


@cache
def import_torchvision() -> ModuleType:
    """Import torchvision, declaring its missing operators first where that is needed.

    Every room that needs torchvision (or timm, or MONAI, which import it) calls this before.

    Returns:
        The module `torchvision`.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    _forget("torchvision")
    _declare_operators()
    return importlib.import_module("torchvision")


def _forget(package: str) -> None:
    """Drop the half-imported package, so that the second import starts afresh."""
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        del sys.modules[name]


@cache
def _declare_operators() -> torch.library.Library:
    """Declare the schemas; they live as long as the returned object, which the cache keeps."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    return library
