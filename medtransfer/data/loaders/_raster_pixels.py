"""Pictures → pixels, by Pillow; this module runs in decoding processes and loads nothing else.

    stored values = pixels turned as EXIF says, grey as `row column`, colour as `row column 3`

Reference: PNG 3rd edition, JPEG ITU-T T.81, TIFF 6.0, EXIF 2.32 (tag 0x0112).
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from PIL import Image, ImageOps

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line
from medtransfer.data.isolation.attempt import FOREIGN
from medtransfer.data.loaders._signatures import real_format

FORMATS: Final = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
"""Suffix → format. A suffix that names another of these formats than the content is noted only."""

_NAMES = tuple(dict.fromkeys(FORMATS.values()))
_ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9"}
_DEEP_GREYS = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I"})
_TRANSPARENT = frozenset({"LA", "RGBA", "PA", "La", "RGBa"})
_WHITE_IS_ZERO, _PHOTOMETRIC = 0, 262


def decode_part(part: dict[str, Any], room: memoryview, given: memoryview, notes: list[str]) -> dict[str, Any]:
    """Decode one picture into shared memory; a `medtransfer.data.isolation.attempt.Decode`.

    Args:
        part: `file`, or an empty string where its bytes are `given`; its `suffix`; most `max_pixels`; most `max_bytes`.
        room: Where the pixels go.
        given: The file's bytes.
        notes: `SuffixConflict`, `ReducedTo8Bit`, `ExifIgnored`, `TransparencyOverBlack`.

    Returns:
        `shape`, `dtype`, and `inverted`: low values are bright (only 16-bit TIFF keeps them so in Pillow).

    Raises:
        ReadError: Without a path. `SizeLimit`, `MultiFrame`, `BadPixels` or `Truncated`.
    """
    with BytesIO(given) if not part["file"] else Path(part["file"]).open("rb") as handle:
        head = handle.read(64)
        check_format(head, part["suffix"])
        try:
            values, inverted = _pixels(handle, head, part, notes)
        except FOREIGN as error:
            if _is_short(error, handle, head):
                raise ReadError(
                    f"decoding the picture failed: {one_line(f'{type(error).__name__}: {error}')}",
                    code="Truncated",
                    hint="Copy or export the picture again.",
                ) from error
            raise
    np.frombuffer(room, values.dtype, count=values.size).reshape(values.shape)[...] = values
    return {"shape": values.shape, "dtype": values.dtype.str, "inverted": inverted}


def check_format(head: bytes, suffix: str) -> None:
    """Refuse what begins like no picture.

    Raises:
        ReadError: Without a path. `EmptyFile`, or `WrongFormat` naming the real format.
    """
    if not head:
        raise ReadError("the file has 0 bytes", code="EmptyFile", hint="Copy the file again.")
    real = real_format(head)
    if real not in _NAMES:
        raise ReadError(
            f"is {real or 'of no known format'}, not {FORMATS.get(suffix, 'a picture')}",
            code="WrongFormat",
            hint="Give the file its right suffix, or convert it to PNG.",
        )


def _pixels(handle: BinaryIO | BytesIO, head: bytes, part: dict[str, Any], notes: list[str]) -> tuple[np.ndarray, bool]:
    handle.seek(0)
    try:
        image = Image.open(handle, formats=_NAMES)
    except Image.DecompressionBombError as error:
        raise _too_large(str(error)) from error
    with image:
        _check_size(image, part)
        if image.format != FORMATS.get(part["suffix"]):
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
        values = _deep_grey(turned) if deep else _eight_bit(turned, notes)
        return values, deep and photometric == _WHITE_IS_ZERO


def _check_size(image: Image.Image, part: dict[str, Any]) -> None:
    """Before anything is decoded."""
    pixels = image.width * image.height
    if pixels > part["max_pixels"]:
        raise _too_large(f"{image.width} × {image.height} pixels, the limit is {part['max_pixels']}")
    needed = pixels * (2 if image.mode in _DEEP_GREYS else len(image.getbands()))
    if needed > part["max_bytes"]:
        raise _too_large(f"claims {needed} bytes of pixels, the limit is {part['max_bytes']}")
    pages = getattr(image, "n_frames", 1)
    if pages > 1:
        raise ReadError(f"holds {pages} pages", code="MultiFrame", hint="Save each page as a picture of its own.")


def _deep_grey(image: Image.Image) -> np.ndarray:
    values = np.asarray(image)
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise _unusable("holds grey values outside 0…65,535")
    return values.astype(np.uint16)


def _eight_bit(image: Image.Image, notes: list[str]) -> np.ndarray:
    mode = image.mode
    if mode == "P":
        mode = "RGBA" if "transparency" in image.info else "RGB"
    elif mode == "1":
        mode = "L"
    elif mode in _TRANSPARENT or "transparency" in image.info:
        mode = "RGBA"
    if mode not in {"L", "RGB", "RGBA"}:
        raise _unusable(f"has colour mode {mode}")
    values = np.asarray(image if mode == image.mode else image.convert(mode))
    if mode == "RGBA":
        values, alpha = values[..., :3], values[..., 3:].astype(np.uint16)
        if alpha.min() < 255:
            notes.append("TransparencyOverBlack")
            values = ((values * alpha + 127) // 255).astype(np.uint8)
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    return values


def _is_short(error: Exception, handle: BinaryIO | BytesIO, head: bytes) -> bool:
    """True where decoding failed because bytes ran out: the decoder says so, or the format's end is missing."""
    if isinstance(error, OSError) and error.errno:
        return False
    end = _ENDS.get(real_format(head) or "")
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return True
    if end is None:
        return False
    length = handle.seek(0, 2)
    handle.seek(max(0, length - 4096))
    return end not in handle.read()


def _too_large(message: str) -> ReadError:
    return ReadError(message, code="SizeLimit", hint="Reduce the picture, or cut it into tiles.")


def _unusable(message: str) -> ReadError:
    return ReadError(message, code="BadPixels", hint="Save it as a grey or RGB PNG.")
