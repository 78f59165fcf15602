"""JPEG Lossless and 12-bit JPEG for pydicom's decoder, through imagecodecs (libjpeg-turbo; BSD).

Reference: pydicom's decoder plugin interface (`is_available`, `DECODER_DEPENDENCIES`, a function).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import imagecodecs
from pydicom.uid import JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

DECODER_DEPENDENCIES: Final = dict.fromkeys((JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1), ("imagecodecs",))


def is_available(uid: str) -> bool:
    """True for the syntaxes that this plugin decodes."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame; `runner` is told the container's size, and RGB where YBR became that."""
    image = imagecodecs.jpeg8_decode(src)
    runner.set_option("bits_allocated", image.dtype.itemsize * 8)
    runner.set_option("planar_configuration", 0)
    if image.ndim == 3:
        runner.set_option("photometric_interpretation", "RGB")
    return image.tobytes()
