"""Pictures: PNG, JPEG and TIFF with one page.

    stored values = pixels turned as EXIF says, grey as `row column`, colour as `row column 3`

A colour picture whose three channels are equal is grey. Transparency is laid over black. What Pillow
would do without a word (16-bit colour cut to 8 bits, a second page left out) is noted or refused.
Reference: PNG 3rd edition, JPEG ITU-T T.81, TIFF 6.0, EXIF 2.32 (tag 0x0112).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageOps

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Voxels
from medtransfer.data.found import Failed, Found, Item
from medtransfer.data.loaders._containment import FOREIGN, contained
from medtransfer.data.loaders._signatures import begins_like, has_dicom_magic, real_format
from medtransfer.data.scan import Identifiers, Presentation, Scan

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.walk import FileBelow

FORMATS: Final = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
"""Suffix → format. A suffix that names another of these formats than the content is noted only."""

MAX_PIXELS: Final = 2**27
"""Default for the largest picture in pixels (11,585²); Pillow itself refuses more than 178,956,970."""

_DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
_ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
_DEEP_GREYS = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I"})
_TRANSPARENT = frozenset({"LA", "RGBA", "PA", "La", "RGBa"})
_WHITE_IS_ZERO, _PHOTOMETRIC = 0, 262


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
            _check_format(file.head, file.path)
        except ReadError as error:
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
    with contained(path, notes, library="Pillow", doing="reading the picture"), path.open("rb") as handle:
        head = handle.read(64)
        _check_format(head, path)
    try:
        with contained(path, notes, library="Pillow", doing="decoding the picture"):
            voxels, inverted = _pixels(path, max_pixels, head, notes)
    except ReadError as error:
        raise _explained(error, path, head) from error
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


def _check_format(head: bytes, path: Path) -> None:
    if not head:
        raise ReadError("the file has 0 bytes", code="EmptyFile", path=path, hint="Copy the file again.")
    real = real_format(head)
    if real not in FORMATS.values():
        raise ReadError(
            f"is {real or 'of no known format'}, not {FORMATS.get(path.suffix.lower(), 'a picture')}",
            code="WrongFormat",
            path=path,
            hint="Give the file its right suffix, or convert it to PNG.",
        )


def _pixels(path: Path, max_pixels: int, head: bytes, notes: list[str]) -> tuple[Voxels, bool]:
    """Stored values, and whether low ones are bright (only 16-bit TIFF keeps them so in Pillow)."""
    try:
        image = Image.open(path, formats=tuple(dict.fromkeys(FORMATS.values())))
    except Image.DecompressionBombError as error:
        raise _too_large(str(error), path) from error
    with image:
        if image.width * image.height > max_pixels:
            raise _too_large(f"{image.width} × {image.height} pixels, the limit is {max_pixels}", path)
        pages = getattr(image, "n_frames", 1)
        if pages > 1:
            raise ReadError(
                f"holds {pages} pages",
                code="MultiFrame",
                path=path,
                hint="Save each page as a picture of its own.",
            )
        if image.format != FORMATS.get(path.suffix.lower()):
            notes.append(f"SuffixConflict: the content is {image.format}")
        if head[24:25] == b"\x10" and image.format == "PNG" and image.mode not in _DEEP_GREYS:
            notes.append("ReducedTo8Bit: 16-bit colour")
        photometric = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC)
        image.load()
        try:
            turned = ImageOps.exif_transpose(image)
        except FOREIGN:
            turned = image
            notes.append("ExifIgnored: the orientation cannot be read")
        deep = turned.mode in _DEEP_GREYS
        voxels = _deep_grey(turned, path) if deep else _eight_bit(turned, path, notes)
        return voxels, deep and photometric == _WHITE_IS_ZERO


def _deep_grey(image: Image.Image, path: Path) -> Voxels:
    values = np.asarray(image)
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise _unusable("holds grey values outside 0…65,535", path)
    return values.astype(np.uint16)


def _eight_bit(image: Image.Image, path: Path, notes: list[str]) -> Voxels:
    mode = image.mode
    if mode == "P":
        mode = "RGBA" if "transparency" in image.info else "RGB"
    elif mode == "1":
        mode = "L"
    elif mode in _TRANSPARENT or "transparency" in image.info:
        mode = "RGBA"
    if mode not in {"L", "RGB", "RGBA"}:
        raise _unusable(f"has colour mode {mode}", path)
    values = np.asarray(image.convert(mode))
    if mode == "RGBA":
        values, alpha = values[..., :3], values[..., 3:].astype(np.uint16)
        if alpha.min() < 255:
            notes.append("TransparencyOverBlack")
            values = ((values * alpha + 127) // 255).astype(np.uint8)
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    return np.ascontiguousarray(values)


def _explained(error: ReadError, path: Path, head: bytes) -> ReadError:
    """`Truncated` where decoding failed and the format's end marker is not there."""
    end = _ENDS.get(real_format(head) or "")
    if error.code == "Corrupt":
        complete = end is not None and end in path.read_bytes()[-4096:]
        short = "truncated" in error.message.lower() or isinstance(error.__cause__, EOFError)
        if short or (end is not None and not complete):
            return ReadError(error.message, code="Truncated", path=path, hint="Copy or export the picture again.")
    return error


def _too_large(message: str, path: Path) -> ReadError:
    return ReadError(message, code="SizeLimit", path=path, hint="Reduce the picture, or cut it into tiles.")


def _unusable(message: str, path: Path) -> ReadError:
    return ReadError(message, code="BadPixels", path=path, hint="Save it as a grey or RGB PNG.")
