"""Pictures: PNG, JPEG and TIFF with one page.

    stored values = pixels turned as EXIF says, grey as `row column`, colour as `row column 3`

A colour picture whose three channels are equal is grey. Transparency is laid over black. What Pillow
would do without a word (16-bit colour cut to 8 bits, a second page left out) is noted or refused.
Reference: PNG 3rd edition, JPEG ITU-T T.81, TIFF 6.0, EXIF 2.32 (tag 0x0112).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Voxels
from medtransfer.data.archive import opened
from medtransfer.data.found import Failed, Found, Item
from medtransfer.data.isolation.pool import run
from medtransfer.data.isolation.shared import SharedBuffer
from medtransfer.data.isolation.work import Part, Work
from medtransfer.data.loaders._containment import contained
from medtransfer.data.loaders._raster_pixels import FORMATS, check_format
from medtransfer.data.loaders._signatures import begins_like, has_dicom_magic
from medtransfer.data.scan import Identifiers, Presentation, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.walk import FileBelow

MAX_PIXELS: Final = 2**27
"""Default for the largest picture in pixels (11,585²); Pillow itself refuses more than 178,956,970."""

_MOST_BYTES_PER_PIXEL = 3
_WORKING_BYTES_PER_PIXEL = 16
_DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})


def find(files: tuple[FileBelow, ...], *, settings: ReadConfig) -> Found:
    """The pictures among `files`, by suffix or by first bytes.

    Files with DICOM's magic or suffix are not pictures, whatever else they look like.
    """
    items: list[Item] = []
    failed: list[Failed] = []
    for file in files:
        suffix = file.path.suffix.lower()
        by_content = begins_like(file.head) in FORMATS.values() and suffix not in _DICOM_SUFFIXES
        if has_dicom_magic(file.head) or not (suffix in FORMATS or by_content):
            continue
        try:
            check_format(file.head, suffix)
        except ReadError as error:
            error.path = str(file.path)
            failed.append(Failed(path=file.path, error=error))
        else:
            items.append(Item(paths=(file.path,), loader="raster"))
    return Found(items=tuple(items), excluded=(), failed=tuple(failed))


def load(item: Item, *, settings: ReadConfig, max_pixels: int = MAX_PIXELS) -> Scan:
    """Read one picture.

    Args:
        item: What `find` found.
        settings: How files become scans.
        max_pixels: Largest picture in pixels.

    Raises:
        ReadError: `EmptyFile`, `WrongFormat`, `SizeLimit`, `MultiFrame`, `BadPixels`, `Truncated`,
            `Corrupt` or `Unreadable`.
    """
    path = item.path
    notes: list[str] = []
    pictures: list[tuple[Voxels, bool]] = []

    def collect(_: int, facts: dict[str, Any], pixels: memoryview) -> None:
        shape, dtype = tuple(facts["shape"]), np.dtype(facts["dtype"])
        values = np.frombuffer(pixels, dtype, count=prod(shape)).reshape(shape)
        pictures.append((values.copy(), facts["inverted"]))

    with contained(path, notes, library="Pillow", doing="reading the picture"), _bytes_of(path) as given:
        values = {
            "file": "" if given else os.fspath(path.absolute()),
            "suffix": path.suffix.lower(),
            "max_pixels": max_pixels,
            "max_bytes": settings.max_bytes,
        }
        run(
            Work(
                run="medtransfer.data.loaders._raster_pixels:decode_part",
                parts=(Part(values=values, path=path),),
                slot=min(settings.max_bytes, _MOST_BYTES_PER_PIXEL * max_pixels),
                collect=collect,
                seconds=settings.decode_seconds,
                memory=min(settings.max_bytes, _WORKING_BYTES_PER_PIXEL * max_pixels),
                given=given,
                doing="decoding the picture",
                library="Pillow",
            ),
            notes,
        )
    ((voxels, inverted),) = pictures
    return Scan(
        voxels=voxels,
        affine=None,
        modality="OT",
        presentation=Presentation(stored_range=(0, int(np.iinfo(voxels.dtype).max)), inverted=inverted),
        identifiers=Identifiers(),
        path=path,
        attributes={},
        notes=tuple(notes),
    )


@contextmanager
def _bytes_of(path: Path) -> Iterator[SharedBuffer | None]:
    """The content of a picture in an archive, which a decoding process cannot open; None for one on the disk."""
    if path.is_file():
        yield None
        return
    with opened(path) as handle:
        content = handle.read()
    with SharedBuffer(len(content)) as given:
        given.view()[: len(content)] = content
        yield given
