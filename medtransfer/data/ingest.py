"""From a folder to items that can be read, and a ledger in which every file on disk has one row."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import ReadError
from medtransfer.data.found import Excluded, Failed, Found, Item
from medtransfer.data.ledger import Ledger, ledger_of
from medtransfer.data.walk import files_below

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.scan import Scan

LOADERS = ("dicom", "raster")
"""Loaders in the order in which they claim files."""

CATALOGUE = Catalogue(package="medtransfer.data.loaders", verb="load", kind="loader")
"""The loaders."""

NOT_AN_IMAGE_FILE = "not_an_image_file"
"""Rule for files that no loader knows: tables, notes, hidden files."""


def ingest(place: Path, *, loaders: tuple[str, ...] = LOADERS) -> tuple[tuple[Item, ...], Ledger]:
    """Look at every file below `place` without decoding any.

    Args:
        place: A folder, or one file.
        loaders: Names in the catalogue of loaders; where two know a file, the first takes it.

    Returns:
        Items that can be read, sorted by path, and the ledger: inputs = read + excluded + failed.
        `read` means here that the header was; add what reading says with `Ledger.with_outcomes`.

    Raises:
        ReadError: `NotFound`: nothing is at `place`; `EmptyFolder`: no file lies below it.
        CatalogueError: There is no such loader.
    """
    below = files_below(place)
    if not below.files and not below.failed:
        raise ReadError("holds no files", code="EmptyFolder", path=place, hint="Name a folder with images.")
    items: list[Item] = []
    excluded: list[tuple[str, Excluded]] = []
    failed: list[tuple[str, Failed]] = [("", entry) for entry in below.failed]
    taken: set[Path] = {entry.path for entry in below.failed}
    for name in loaders:
        found: Found = _loader(name).find(place)
        items += [item for item in found.items if taken.isdisjoint(item.paths)]
        excluded += [(name, entry) for entry in found.excluded if entry.path not in taken]
        failed += [(name, entry) for entry in found.failed if entry.path not in taken]
        taken.update(path for item in found.items for path in item.paths)
        taken.update(entry.path for entry in (*found.excluded, *found.failed))
    excluded += [
        ("", Excluded(path=file.path, rule=NOT_AN_IMAGE_FILE, reason="no loader reads this format"))
        for file in below.files
        if file.path not in taken
    ]
    return tuple(sorted(items, key=lambda item: item.path)), ledger_of(items, excluded, failed)


def read(item: Item) -> Scan:
    """Decode one item by the loader that found it.

    Raises:
        ReadError: It cannot be read right.
    """
    return _loader(item.loader).load(item)


def _loader(name: str) -> Any:
    CATALOGUE.check_name(name)
    return importlib.import_module(f"{CATALOGUE.package}.{name}")
