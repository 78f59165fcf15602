"""From a folder to items that can be read, and a ledger in which every file on disk has one row."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.config.data import ReadConfig
from medtransfer.core.errors import ReadError, at_stage
from medtransfer.data.found import Excluded, Failed, Found, Item
from medtransfer.data.ledger import Ledger, ledger_of
from medtransfer.data.walk import files_below

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medtransfer.data.scan import Scan
    from medtransfer.data.walk import FileBelow

LOADERS = ("dicom", "nifti", "raster")
"""Loaders in the order in which they claim files."""

CATALOGUE = Catalogue(package="medtransfer.data.loaders", verb="load", kind="loader")
"""The loaders."""

DEFAULTS = ReadConfig()
"""How files are read where nobody says otherwise."""

_WHOSE = ("patient_id", "study_uid", "series_uid")

NOT_AN_IMAGE_FILE = "not_an_image_file"
"""Rule for files that no loader knows: tables, notes, hidden files."""


def ingest(
    place: Path, *, settings: ReadConfig = DEFAULTS, loaders: tuple[str, ...] = LOADERS
) -> tuple[tuple[Item, ...], Ledger]:
    """Look at every file below `place` without decoding any.

    Args:
        place: A folder, or one file.
        settings: How files become scans.
        loaders: Names in the catalogue of loaders; where two know a file, the first takes it.

    Returns:
        Items that can be read, sorted by path, and the ledger: inputs = read + excluded + failed.
        `read` means here that the header was; add what reading says with `Ledger.with_outcomes`.

    Raises:
        ReadError: `NotFound`: nothing is at `place`; `EmptyFolder`: no file lies below it.
        CatalogueError: There is no such loader.
    """
    return ingest_together((place,), settings=settings, loaders=loaders)


def ingest_together(
    places: Sequence[Path], *, settings: ReadConfig = DEFAULTS, loaders: tuple[str, ...] = LOADERS
) -> tuple[tuple[Item, ...], Ledger]:
    """`ingest` of several files or folders at once: files of one series become one item, wherever they lie.

    Raises:
        ReadError: As `ingest`, for the first place that is not there or empty.
        CatalogueError: There is no such loader.
    """
    items: list[Item] = []
    excluded: list[tuple[str, Excluded]] = []
    failed: list[tuple[str, Failed]] = []
    left: tuple[FileBelow, ...] = ()
    with at_stage("find"):
        for place in places:
            below = files_below(place)
            if not (below.files or below.failed or below.excluded):
                raise ReadError("holds no files", code="EmptyFolder", path=place, hint="Name a folder with images.")
            excluded += [("", entry) for entry in below.excluded]
            failed += [("", _staged(entry, "find")) for entry in below.failed]
            left += below.files
    for name in loaders:
        found: Found = _loader(name).find(left, settings=settings)
        items += found.items
        excluded += [(name, entry) for entry in found.excluded]
        failed += [(name, _staged(entry, "header")) for entry in found.failed]
        taken = {path for item in found.items for path in item.paths}
        taken.update(entry.path for entry in (*found.excluded, *found.failed))
        left = tuple(file for file in left if file.path not in taken)
    excluded += [
        ("", Excluded(path=file.path, rule=NOT_AN_IMAGE_FILE, reason="no loader reads this format")) for file in left
    ]
    return tuple(sorted(items, key=lambda item: (item.path, item.part))), ledger_of(items, excluded, failed)


def read(item: Item, *, settings: ReadConfig = DEFAULTS) -> Scan:
    """Decode one item by the loader that found it.

    Raises:
        ReadError: It cannot be read right; `FileChanged`: it is another patient's, study's or series' by now.
    """
    with at_stage("pixels"):
        scan: Scan = _loader(item.loader).load(item, settings=settings)
        said = {name: getattr(scan.identifiers, name) for name in _WHOSE}
        if any(item.facts.get(name, now) != now for name, now in said.items()):
            raise ReadError(
                "is another scan's by now: it has been replaced since it was found",
                code="FileChanged",
                path=item.path,
                hint="Let nobody write to the folder meanwhile, and run it again.",
            )
        return scan


def _staged(entry: Failed, stage: str) -> Failed:
    entry.error.stage = entry.error.stage or stage
    return entry


def _loader(name: str) -> Any:
    CATALOGUE.check_name(name)
    return importlib.import_module(f"{CATALOGUE.package}.{name}")
