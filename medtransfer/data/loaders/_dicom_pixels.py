"""Pixel data → stored values, by one named decoder a transfer syntax."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom import uid
from pydicom.encaps import get_frame
from pydicom.pixels import apply_color_lut, get_decoder
from pydicom.pixels.decoders.base import Decoder

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Voxels
from medtransfer.data.loaders._dicom_header import truncated

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset


_IMAGECODECS = "imagecodecs"

PLUGINS: Final = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.DeflatedExplicitVRLittleEndian: "",
    uid.RLELossless: "pylibjpeg",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: _IMAGECODECS,
    uid.JPEGLossless: _IMAGECODECS,
    uid.JPEGLosslessSV1: _IMAGECODECS,
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
"""Transfer syntax → plugin that decodes it; never what happens to be installed. Empty: pydicom itself."""

NATIVE: Final = frozenset(syntax for syntax, plugin in PLUGINS.items() if not plugin)
"""Syntaxes whose pixel data are not compressed."""

_JPEG_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xDA)})


def decode(dataset: Dataset, syntax: str, path: Path) -> tuple[Voxels, str]:
    """Stored values of a single-frame image, with the photometric interpretation they have now.

    YBR colours become RGB; a palette is applied; signs and unused bits are put right.

    Returns:
        `row column` or `row column 3`, and `MONOCHROME1`, `MONOCHROME2` or `RGB`.

    Raises:
        ReadError: `Corrupt`: the code stream is of another shape, or the decoder left another one.
    """
    shape = (int(dataset.Rows), int(dataset.Columns))
    if syntax not in NATIVE:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        coded = shape if syntax == uid.RLELossless else coded_shape(frame, path)
        if coded != shape:
            raise _corrupt(f"header says {shape}, its code stream {coded} rows and columns", path)
    decoder, plugin = _decoder(uid.UID(syntax))
    voxels, properties = decoder.as_array(dataset, decoding_plugin=plugin)
    photometric = str(properties["photometric_interpretation"])
    if photometric == "PALETTE COLOR":
        voxels, photometric = _coloured(voxels, dataset, syntax), "RGB"
    wanted = (*shape, 3) if photometric == "RGB" else shape
    if voxels.shape != wanted:
        raise _corrupt(f"{photometric} pixels of shape {wanted} decode to {voxels.shape}", path)
    return np.ascontiguousarray(voxels, dtype=voxels.dtype.newbyteorder("=")), photometric


def available_syntaxes() -> dict[str, str]:
    """Name of each transfer syntax we decode → what decodes it; empty where that is not installed."""
    found = {}
    for syntax, plugin in PLUGINS.items():
        works = plugin == _IMAGECODECS or not plugin or plugin in get_decoder(syntax).available_plugins
        found[syntax.name] = (plugin or "pydicom") if works else ""
    return found


def coded_shape(frame: bytes, path: Path) -> tuple[int, int]:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 code stream itself declares.

    Reference: ITU-T T.81 B.2.2 (SOF), T.87 C.2.2 (SOF55), T.800 A.5.1 (SIZ).

    Raises:
        ReadError: `Corrupt` where it declares none, `Truncated` where it ends before.
    """
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    try:
        if start >= 0:
            right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
            return bottom - top, right - left
        if not frame.startswith(b"\xff\xd8"):
            raise _corrupt("the pixel data do not begin like the transfer syntax says", path)
        at = 2
        while True:
            mark, marker = struct.unpack_from(">BB", frame, at)
            if mark != 0xFF:
                raise _corrupt(f"no marker at byte {at} of the code stream", path)
            if marker == 0xFF:
                at += 1
            elif marker in _JPEG_BARE:
                at += 2
            elif marker in _JPEG_SIZES:
                return struct.unpack_from(">HH", frame, at + 5)
            else:
                at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
    except struct.error as error:
        raise truncated("the code stream ends inside its header", path) from error


def _coloured(indices: Voxels, dataset: Dataset, syntax: str) -> Voxels:
    """The palette's colours; pydicom 3.0 takes the words of a plain table for little endian always."""
    colours = apply_color_lut(indices, dataset)
    plain = "RedPaletteColorLookupTableData" in dataset
    swapped = syntax == uid.ExplicitVRBigEndian and plain and colours.dtype.itemsize == 2
    return colours.byteswap() if swapped else colours


def _decoder(syntax: uid.UID) -> tuple[Decoder, str]:
    plugin = PLUGINS[syntax]
    if plugin != _IMAGECODECS:
        return get_decoder(syntax), plugin
    decoder = Decoder(syntax)  # our own: pydicom's shared ones stay as they are
    decoder.add_plugin(plugin, ("medtransfer.data.loaders._imagecodecs_plugin", "decode_frame"))
    return decoder, plugin


def _corrupt(message: str, path: Path) -> ReadError:
    return ReadError(message, code="Corrupt", path=path, hint="Export the image again from its source.")
