"""Uncompressed pixel data, read straight from the file into the array that is handed on.

    stored value = the `BitsStored` low bits of each word of `BitsAllocated`, sign extended where they are signed

One plane is read, put right and left alone while it is still in the processor's cache, so that no second copy of the
series ever exists. Reference: DICOM PS3.5 section 8, annexes A and D; PS3.3 C.7.6.3.1.2 (YBR_FULL_422).
"""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from medtransfer.core.errors import ReadError

if TYPE_CHECKING:
    from medtransfer.data.dicom.source import PixelSource

_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_FLOATS = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}


def stored_dtype(source: PixelSource) -> np.dtype:
    """Type of the stored values, in the machine's byte order. 1 bit is kept in 8, 12 in 16.

    Raises:
        ReadError: `BadPixels`: no such type.
    """
    if source.keyword in _FLOATS:
        return np.dtype(_FLOATS[source.keyword])
    held = {1: 8, 12: 16}.get(source.allocated, source.allocated)
    if held not in {8, 16, 32, 64}:
        raise ReadError(f"BitsAllocated is {source.allocated}", code="BadPixels", path=source.path)
    signed = source.signed and source.allocated != 1
    return np.dtype(f"{'i' if signed else 'u'}{held // 8}")


def frame_bits(source: PixelSource) -> int:
    """Bits of one uncompressed frame; two thirds where colour is subsampled."""
    bits = source.rows * source.columns * source.samples * source.allocated
    return bits * 2 // 3 if source.photometric == "YBR_FULL_422" else bits


def read_plane(handle: BinaryIO | BytesIO, start: int, source: PixelSource, out: np.ndarray) -> None:
    """Read one frame.

    Args:
        handle: The file, or what was inflated from it.
        start: Where in it the pixel data's value begins.
        source: What the header says of it, and which frame.
        out: `row column [3]`, of `stored_dtype`, in one piece; colours as stored (YBR is not converted).

    Raises:
        ReadError: `Truncated`: the bytes run out.
    """
    plain = source.allocated not in {1, 12} and source.photometric != "YBR_FULL_422"
    if plain and (source.samples == 1 or source.planar == 0) and not _pairs_swapped(handle, start, source):
        handle.seek(start + source.frame * frame_bits(source) // 8)
        _fill(handle, out.data.cast("B"), source)
        _in_native_order(out, source)
    else:
        values = _unpacked(handle, start, source)
        if source.samples == 1 or source.planar == 0:
            out[...] = values.reshape(out.shape)
        else:
            out[...] = np.moveaxis(values.reshape(source.samples, source.rows, source.columns), 0, -1)
    mask_unused_bits(out, source)


def mask_unused_bits(values: np.ndarray, source: PixelSource) -> None:
    """Clear the bits above `BitsStored`, or fill them with the sign, in place. Reference: PS3.5, 8.1.1."""
    unused = source.allocated - source.stored
    if unused <= 0 or values.dtype.kind == "f" or source.allocated in {1, 12}:
        return
    if values.dtype.kind == "u":
        np.bitwise_and(values, values.dtype.type((1 << source.stored) - 1), out=values)
    else:
        np.left_shift(values, unused, out=values)
        np.right_shift(values, unused, out=values)


def _fill(handle: BinaryIO | BytesIO, room: memoryview, source: PixelSource) -> None:
    filled = 0
    while filled < len(room):
        got = handle.readinto(room[filled:])  # type: ignore[attr-defined]
        if not got:
            raise ReadError(
                f"frame {source.frame + 1}: has {filled} of {len(room)} bytes of pixels",
                code="Truncated",
                path=source.path,
                hint="Copy or export the file again.",
            )
        filled += got


def _bytes(handle: BinaryIO | BytesIO, first: int, count: int, source: PixelSource) -> np.ndarray:
    handle.seek(first)
    content = np.empty(count, np.uint8)
    _fill(handle, content.data, source)
    return content


def _unpacked(handle: BinaryIO | BytesIO, start: int, source: PixelSource) -> np.ndarray:
    """One frame's samples in the order of the file, each in a word of its own."""
    bits = frame_bits(source)
    before = source.frame * bits
    swapped = _pairs_swapped(handle, start, source)
    first = before // 8 - (before // 8) % 2 if swapped else before // 8
    last = -(-(before + bits) // 8)
    content = _bytes(handle, start + first, last - first + ((last - first) % 2 if swapped else 0), source)
    if swapped:
        content = content.reshape(-1, 2)[:, ::-1].reshape(-1)[before // 8 - first :][: bits // 8]
    if source.allocated == 1:
        return np.unpackbits(content, bitorder="little")[before % 8 :][:bits]
    if source.allocated == 12:
        return _twelve_bit(content, skip=before % 8 // 4, count=bits // 12)
    values = content.view(stored_dtype(source))
    _in_native_order(values, source)
    if source.photometric != "YBR_FULL_422":
        return values
    groups = values.reshape(-1, 4)  # Y1 Y2 Cb Cr → Y1 Cb Cr Y2 Cb Cr
    return groups[:, [0, 2, 3, 1, 2, 3]].reshape(-1)


def _twelve_bit(content: np.ndarray, *, skip: int, count: int) -> np.ndarray:
    """Packed 12-bit words, the low bits first. Reference: PS3.5 (2008), annex D, retired since."""
    nibbles = np.stack([content & 0xF, content >> 4], axis=-1).reshape(-1)[skip:][: 3 * count].astype(np.uint16)
    low, middle, high = nibbles.reshape(-1, 3).T
    return low | middle << 4 | high << 8


def _in_native_order(values: np.ndarray, source: PixelSource) -> None:
    if (source.syntax == _BIG_ENDIAN) != (sys.byteorder == "big") and values.dtype.itemsize > 1:
        values.byteswap(inplace=True)


def _pairs_swapped(handle: BinaryIO | BytesIO, start: int, source: PixelSource) -> bool:
    """True for 8-bit samples written as big-endian words (`OW`): each pair of bytes stands the other way round."""
    if source.syntax != _BIG_ENDIAN or source.allocated != 8 or start < 8:
        return False
    handle.seek(start - 8)
    return handle.read(2) == b"OW"
