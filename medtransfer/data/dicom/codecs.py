"""Compressed frames → stored values, by one named decoder a transfer syntax, called directly.

What surrounds the decoders (container sizes, signs, colour) follows PS3.5 annexes A.4 and 8.2 and agrees bit for bit
with pydicom's own decoding by the same libraries. This module runs in decoding workers: it loads numpy, and a library
only when its syntax comes up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.stream import StreamFacts, rle_segments, stream_facts

if TYPE_CHECKING:
    from collections.abc import Callable

STORED_RGB: Final = "RGB"

_JPEG, _JPEG_12 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
_RLE = "1.2.840.10008.1.2.5"
_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_JPEG_2000 = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 201, 202, 203))
_GREYS = ("MONOCHROME1", "MONOCHROME2")

PLUGINS: Final = {
    "1.2.840.10008.1.2": "",
    "1.2.840.10008.1.2.1": "",
    "1.2.840.10008.1.2.2": "",
    "1.2.840.10008.1.2.1.99": "",
    _RLE: "pylibjpeg-rle",
    _JPEG: "pillow",
    _JPEG_12: "imagecodecs",
    **dict.fromkeys(_JPEG_LOSSLESS, "imagecodecs"),
    **dict.fromkeys(_JPEG_LS, "imagecodecs"),
    **dict.fromkeys(_JPEG_2000, "pylibjpeg-openjpeg"),
}
"""Transfer syntax UID → package that decodes it; never what happens to be installed. Empty: not compressed."""

NATIVE: Final = frozenset(syntax for syntax, plugin in PLUGINS.items() if not plugin)
"""Syntaxes whose pixel data are not compressed."""


@dataclass(frozen=True, kw_only=True)
class Coding:
    """What the header says about a compressed frame; plain values, so that it can be sent to a worker."""

    syntax: str
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    photometric: str
    planar: int


def decode_part(part: dict[str, Any], room: memoryview, given: memoryview, notes: list[str]) -> dict[str, Any]:
    """Decode one frame into shared memory; a `medtransfer.data.isolation.attempt.Decode`.

    Args:
        part: The fields of `Coding`; `file` and the `spans` of its code stream there, or in `given` where `file` is
            empty; `shape` and `dtype` of the plane.
        room: Where the plane goes.
        given: Code streams.
        notes: Where contradictions between header and stream are noted.

    Raises:
        ReadError: As `decode_frame`; `Truncated`: the file has become shorter.
    """
    coding = Coding(**{field.name: part[field.name] for field in fields(Coding)})
    shape, dtype = tuple(part["shape"]), np.dtype(part["dtype"])
    out = np.frombuffer(room, dtype, count=math.prod(shape)).reshape(shape)
    decode_frame(_stream(part, given), coding, out, notes)
    return {}


def _stream(part: dict[str, Any], given: memoryview) -> bytes:
    """The code stream, its pieces joined."""
    if not part["file"]:
        return b"".join(given[start : start + length] for start, length in part["spans"])
    pieces = []
    with Path(part["file"]).open("rb", buffering=0) as handle:
        for start, length in part["spans"]:
            handle.seek(start)
            pieces.append(handle.read(length))
            if len(pieces[-1]) < length:
                raise ReadError("has become shorter", code="Truncated", hint="Copy or export the file again.")
    return b"".join(pieces)


def decode_frame(stream: bytes, coding: Coding, out: np.ndarray, notes: list[str]) -> None:
    """Decode one frame.

    Args:
        stream: Its code stream, all fragments joined.
        coding: What the header says.
        out: `row column`, or `row column 3` where there are three samples: RGB whatever the stream's colours.
        notes: Where contradictions between header and stream are noted.

    Raises:
        ReadError: Without a path. `Corrupt`: the stream's shape, components or precision are not the header's, or it
            does not begin like its syntax. `Truncated`: it ends inside its header.
    """
    if coding.syntax == _RLE:
        values, photometric = _rle(stream, coding), coding.photometric
    else:
        facts = stream_facts(stream)
        _check(facts, coding)
        if coding.syntax in _JPEG_LS and coding.samples == 1 and _size(facts) == out.dtype.itemsize:
            _jpeg_ls_grey(stream, coding, facts, out)
            return
        values, photometric = _DECODERS[coding.syntax](stream, coding, facts)
        photometric = _colour_space(photometric, facts, coding, notes)
        values = _signs_put_right(values, coding, facts)
    if values.shape != out.shape:
        raise _corrupt(f"{coding.photometric} pixels of shape {out.shape} decode to {values.shape}")
    if coding.syntax in {_RLE, _JPEG, _JPEG_12, *_JPEG_LOSSLESS}:
        values = _unused_bits_off(values, coding)
    if photometric.startswith("YBR_FULL"):
        values = _to_rgb(values)
    out[...] = values


def _check(facts: StreamFacts, coding: Coding) -> None:
    """Before anything is decoded: the stream's own header against the data set's."""
    said, coded = (coding.rows, coding.columns), (facts.rows, facts.columns)
    if said != coded:
        raise _corrupt(f"header says {said}, its code stream {coded} rows and columns")
    if facts.components != coding.samples:
        raise _corrupt(f"header says {coding.samples} samples per pixel, its code stream {facts.components}")
    if facts.precision > coding.allocated:
        raise _corrupt(f"header says {coding.allocated} bits allocated, its code stream {facts.precision}")


def _rle(stream: bytes, coding: Coding) -> np.ndarray:
    from rle.rle import decode_frame as decode

    size = 1 if coding.allocated == 1 else coding.allocated // 8
    rle_segments(stream, expected=size * coding.samples)
    frame = decode(stream, coding.rows * coding.columns, coding.allocated, "<")
    planes = np.frombuffer(frame, _dtype(coding, size)).reshape(coding.samples, coding.rows, coding.columns)
    return planes[0] if coding.samples == 1 else np.moveaxis(planes, 0, -1)


def _pillow(stream: bytes, coding: Coding, facts: StreamFacts) -> tuple[np.ndarray, str]:
    """8-bit JPEG. Colours stay as coded unless an Adobe marker makes Pillow turn them into RGB."""
    from PIL import Image

    image = Image.open(BytesIO(stream), formats=("JPEG",))
    photometric = coding.photometric
    if coding.samples > 1:
        if "adobe_transform" not in image.info:
            image.draft("YCbCr", image.size)
        elif image.info["adobe_transform"] == 1:
            photometric = STORED_RGB
    return _container(np.frombuffer(image.tobytes(), np.uint8), coding, facts), photometric


def _jpeg_8_to_16(stream: bytes, coding: Coding, facts: StreamFacts) -> tuple[np.ndarray, str]:
    """JPEG Lossless and 12-bit JPEG through libjpeg-turbo, which turns YBR into RGB itself."""
    import imagecodecs

    image = imagecodecs.jpeg8_decode(stream)
    return image.view(_dtype(coding, image.dtype.itemsize)), STORED_RGB if image.ndim == 3 else coding.photometric


def _jpeg_ls(stream: bytes, coding: Coding, facts: StreamFacts) -> tuple[np.ndarray, str]:
    """CharLS through imagecodecs; planes of colour become pixels of colour."""
    import imagecodecs

    values = imagecodecs.jpegls_decode(stream)
    if values.ndim == 3 and values.shape[0] == coding.samples and values.shape[1:] == (coding.rows, coding.columns):
        values = np.moveaxis(values, 0, -1)
    return values.view(_dtype(coding, values.dtype.itemsize)), coding.photometric


def _jpeg_ls_grey(stream: bytes, coding: Coding, facts: StreamFacts, out: np.ndarray) -> None:
    """The common case, a CT slice, decoded to where it belongs; the copy would take a tenth of the time."""
    import imagecodecs

    imagecodecs.jpegls_decode(stream, out=out.view(f"u{out.dtype.itemsize}"))
    unused = 8 * out.dtype.itemsize - facts.precision
    if coding.signed and unused:
        np.left_shift(out, unused, out=out)
        np.right_shift(out, unused, out=out)


def _openjpeg(stream: bytes, coding: Coding, facts: StreamFacts) -> tuple[np.ndarray, str]:
    """JPEG 2000 and HTJ2K; OpenJPEG undoes the colour transformations of the code stream itself."""
    from openjpeg.utils import decode_pixel_data

    frame = decode_pixel_data(stream, version=2)
    undone = coding.photometric in {"YBR_ICT", "YBR_RCT"}
    return (
        _container(np.frombuffer(frame, np.uint8), coding, facts),
        STORED_RGB if undone else coding.photometric,
    )


_DECODERS: Final[dict[str, Callable[[bytes, Coding, StreamFacts], tuple[np.ndarray, str]]]] = {
    _JPEG: _pillow,
    **dict.fromkeys((_JPEG_12, *_JPEG_LOSSLESS), _jpeg_8_to_16),
    **dict.fromkeys(_JPEG_LS, _jpeg_ls),
    **dict.fromkeys(_JPEG_2000, _openjpeg),
}


def _container(frame: np.ndarray, coding: Coding, facts: StreamFacts) -> np.ndarray:
    """The decoder's bytes as `row column [sample]`: it chooses its words by the stream's precision."""
    values = frame.view(_dtype(coding, _size(facts)))
    if coding.samples == 1:
        return values.reshape(coding.rows, coding.columns)
    return values.reshape(coding.rows, coding.columns, coding.samples)


def _size(facts: StreamFacts) -> int:
    """Bytes of the words that decoders choose."""
    return 1 if facts.precision <= 8 else 2 if facts.precision <= 16 else 4


def _dtype(coding: Coding, size: int) -> np.dtype:
    return np.dtype(f"{'i' if coding.signed else 'u'}{size}")


def _colour_space(photometric: str, facts: StreamFacts, coding: Coding, notes: list[str]) -> str:
    """What the stream's own markers say of its colours goes before the header.

    Component identifiers `RGB` mean RGB, a JFIF marker means YBR. Reference: ITU-T T.871 (JFIF).
    """
    if coding.samples != 3 or coding.syntax in _JPEG_2000 or photometric != coding.photometric:
        return photometric
    meant = STORED_RGB if facts.rgb_identifiers else "YBR_FULL" if facts.jfif and "YBR" not in photometric else ""
    if not meant or meant == photometric:
        return photometric
    notes.append(f"ColourConflict: the header says {photometric}, the code stream {meant}")
    return meant


def _signs_put_right(values: np.ndarray, coding: Coding, facts: StreamFacts) -> np.ndarray:
    """Sign extension where stream and header disagree about signs: JPEG-LS has none, JPEG 2000 may have the wrong ones.

    Where they agree, the stream's precision holds and `BitsStored` is not looked at.
    """
    grey_2000 = coding.syntax in _JPEG_2000 and coding.photometric in _GREYS and facts.signed != coding.signed
    unused = 8 * values.dtype.itemsize - facts.precision
    if unused and (grey_2000 or (coding.syntax in _JPEG_LS and coding.signed)):
        return values << unused >> unused
    return values


def _unused_bits_off(values: np.ndarray, coding: Coding) -> np.ndarray:
    """Bits above `BitsStored` off, or filled with the sign. Reference: PS3.5, 8.1.1."""
    unused = coding.allocated - coding.stored
    if coding.allocated == 1 or unused <= 0:
        return values
    wide = values.astype(_dtype(coding, coding.allocated // 8), copy=False)
    return wide << unused >> unused


def _to_rgb(values: np.ndarray) -> np.ndarray:
    from pydicom.pixels.processing import convert_color_space

    return convert_color_space(values, "YBR_FULL", STORED_RGB)


def _corrupt(message: str) -> ReadError:
    return ReadError(message, code="Corrupt", hint="Export the image again from its source.")
