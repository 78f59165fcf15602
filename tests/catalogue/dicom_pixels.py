"""Bad DICOM pixels: what the header says of them against what is there (29 to 46)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import imagecodecs
import numpy as np
from catalogue.control import INTERCEPT, PIXELS, Case, Expected, ct_bytes, element, written
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filereader import dcmread
from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless

_COLOUR: Final = np.stack([PIXELS, PIXELS[::-1], PIXELS[:, ::-1]], axis=-1).astype(np.uint8)


def rows_zero(folder: Path) -> Case:
    return written(folder, ct_bytes(Rows=0))


def rows_65535(folder: Path) -> Case:
    return written(folder, ct_bytes(Rows=65535, Columns=65535))


def frames_million(folder: Path) -> Case:
    return written(folder, ct_bytes(NumberOfFrames=1_000_000))


def rows_missing(folder: Path) -> Case:
    return written(folder, ct_bytes(Rows=None))


def pixels_missing(folder: Path) -> Case:
    return written(folder, ct_bytes(PixelData=None))


def bits_stored_17(folder: Path) -> Case:
    return written(folder, ct_bytes(BitsStored=17, HighBit=16))


def signedness_flipped(folder: Path) -> Case:
    """The padding value is signed, the pixels are said not to be."""
    content = ct_bytes(PixelPaddingValue=-2000)
    signed = element(0x28, 0x103, b"US", b"\x01\x00")
    assert signed in content
    return written(folder, content.replace(signed, element(0x28, 0x103, b"US", b"\x00\x00")))


def pixels_odd(folder: Path) -> Case:
    """Declared and held: one byte less than the pixels need."""
    content = ct_bytes()
    start = content.rindex(b"\xe0\x7f\x10\x00")
    return written(folder, content[:start] + element(0x7FE0, 0x10, b"OW", PIXELS.tobytes()[:-1]))


def pixels_odd_padded(folder: Path) -> Case:
    """The last byte was lost and a zero put in its place: a value, not a length, has changed."""
    pixels = np.frombuffer(PIXELS.tobytes()[:-1] + b"\0", dtype=np.int16).reshape(PIXELS.shape)
    return written(folder, ct_bytes(pixels=pixels), expected=(Expected(values=pixels + INTERCEPT),))


def pixels_doubled(folder: Path) -> Case:
    return written(folder, ct_bytes(PixelData=PIXELS.tobytes() * 2))


def samples_conflict(folder: Path) -> Case:
    return written(folder, ct_bytes(SamplesPerPixel=3, PixelData=PIXELS.tobytes() * 3))


def palette_missing(folder: Path) -> Case:
    return written(folder, ct_bytes(PhotometricInterpretation="PALETTE COLOR", PixelRepresentation=0))


def slope_zero(folder: Path) -> Case:
    return written(folder, ct_bytes(RescaleSlope=0))


def slope_nan(folder: Path) -> Case:
    content = ct_bytes(RescaleSlope="1.0")
    said = element(0x28, 0x1053, b"DS", b"1.0 ")
    assert said in content
    return written(folder, content.replace(said, element(0x28, 0x1053, b"DS", b"NaN ")))


def slope_missing(folder: Path) -> Case:
    expected = Expected(values=PIXELS.astype(float))
    return written(folder, ct_bytes(RescaleSlope=None, RescaleIntercept=None), expected=(expected,))


def monochrome1(folder: Path) -> Case:
    """Bright where the control is dark, stored so that inverting shows the control again."""
    pixels = PIXELS.max() - PIXELS
    content = ct_bytes(pixels=pixels, PhotometricInterpretation="MONOCHROME1")
    return written(folder, content, expected=(Expected(values=pixels + INTERCEPT),))


def window_zero(folder: Path) -> Case:
    return written(folder, ct_bytes(WindowCenter=40, WindowWidth=0))


def jpeg_12_bit(folder: Path) -> Case:
    """pydicom's own 12-bit file, opened by imagecodecs alone."""
    source = get_testdata_file("JPGExtended.dcm", download=False)
    assert isinstance(source, str)
    dataset = dcmread(source)
    values = imagecodecs.jpeg8_decode(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    scaled = values * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    return written(folder, Path(source).read_bytes(), expected=(Expected(values=scaled),))


def jpeg_components(folder: Path) -> Case:
    return _grey_that_is_colour(folder, JPEGBaseline8Bit, bytes(imagecodecs.jpeg8_encode(_COLOUR)))


def jpeg_ls_components(folder: Path) -> Case:
    return _grey_that_is_colour(folder, JPEGLSLossless, bytes(imagecodecs.jpegls_encode(_COLOUR)))


def _grey_that_is_colour(folder: Path, syntax: str, code: bytes) -> Case:
    grey = PIXELS.astype(np.uint8)
    return written(folder, ct_bytes(syntax=syntax, pixels=grey, PixelData=encapsulate([code])))
