"""Packages that networks come from, and that need not be installed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from medtransfer.core.errors import CatalogueError
from medtransfer.core.torchvision_guard import import_torchvision

if TYPE_CHECKING:
    from types import ModuleType


def origin(package: str, module: str) -> ModuleType:
    """Import a module of `timm` or `monai`, after torchvision, which they import themselves.

    Raises:
        CatalogueError: The package, or one that it needs, is not installed.
    """
    import_torchvision()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise CatalogueError(
            f"these networks come from {package}, which is not installed ({error})",
            code="NotInstalled",
            hint=f"pip install 'medtransfer[{package}]'",
        ) from error
