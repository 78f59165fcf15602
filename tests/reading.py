"""Finding and loading with one loader, as tests write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.walk import files_below

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.found import Found, Item
    from medtransfer.data.scan import Scan


def finding(loader: Any, place: Path, **settings: Any) -> Found:
    """What one loader (a module of the catalogue) finds at `place`."""
    return loader.find(files_below(place).files, settings=ReadConfig(**settings))


def loading(loader: Any, item: Item, **settings: Any) -> Scan:
    """What the loader makes of an item."""
    return loader.load(item, settings=ReadConfig(**settings))
