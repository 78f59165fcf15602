"""What a header claims, checked against the bytes held before anything is decoded or allocated."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Final

from pydicom.uid import UID

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders._dicom_header import UNDEFINED, truncated
from medtransfer.data.loaders._dicom_pixels import NATIVE, PLUGINS
from medtransfer.data.loaders._dicom_tags import missing, number, required, text

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.loaders._dicom_header import Header

MAX_BYTES: Final = 4 * 2**30
"""Default for the largest decoded image in bytes."""

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_GREYS = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_PALETTE = ("Red", "Green", "Blue")
_AGAIN = "Export the image again from its source."


def check_claims(header: Header, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Refuse an image whose header contradicts itself, the file's length or the limits.

    Expected bytes of an uncompressed frame: rows · columns · samples · bits allocated / 8, rounded up;
    two thirds of that for YBR_FULL_422. Reference: DICOM PS3.3 C.7.6.3, PS3.5 section 8.

    Raises:
        ReadError: `UnsupportedSyntax`, `MissingTag`, `BadTag`, `BadPixels`, `BadScaling`, `Truncated`,
            `ExtraPixels`, `SizeLimit`, `MultiFrame` or `Corrupt`.
    """
    _check_syntax(header, path)
    shape = tuple(required(header.dataset, keyword, path) for keyword in ("Rows", "Columns"))
    if min(shape) <= 0:
        raise ReadError(f"claims {shape[0]} × {shape[1]} pixels", code="BadPixels", path=path, hint=_AGAIN)
    _check_samples(header, path)
    _check_scaling(header, path)
    _check_lengths(header, path, shape, max_bytes)


def _check_syntax(header: Header, path: Path) -> None:
    if header.syntax not in PLUGINS:
        name = UID(header.syntax).name
        called = header.syntax if name == header.syntax else f"{header.syntax} ({name})"
        raise ReadError(
            f"transfer syntax {called} is not supported",
            code="UnsupportedSyntax",
            path=path,
            hint="Convert the file to Explicit VR Little Endian, JPEG 2000, JPEG-LS or RLE.",
        )
    encapsulated = header.pixel_length == UNDEFINED
    if encapsulated == (header.syntax in NATIVE):
        said, is_ = UID(header.syntax).name, "compressed" if encapsulated else "not encapsulated"
        raise ReadError(f"says {said}, but its pixel data are {is_}", code="Corrupt", path=path, hint=_AGAIN)


def _check_samples(header: Header, path: Path) -> None:
    dataset = header.dataset
    samples = required(dataset, "SamplesPerPixel", path)
    photometric = text(dataset, "PhotometricInterpretation")
    allocated, stored = required(dataset, "BitsAllocated", path), required(dataset, "BitsStored", path)
    high, signed = number(dataset, "HighBit", path), required(dataset, "PixelRepresentation", path)
    if not photometric:
        raise missing("PhotometricInterpretation", path)
    if photometric not in (_GREYS if samples == 1 else _COLOURS if samples == 3 else ()):
        problem = f"{samples} samples per pixel do not go with {photometric}"
    elif allocated not in {1, 8, 16, 32}:
        problem = f"BitsAllocated is {allocated}"
    elif not 1 <= stored <= allocated:
        problem = f"BitsStored is {stored}, BitsAllocated {allocated}"
    elif high is not None and high != stored - 1:
        problem = f"HighBit is {high:g}, BitsStored {stored}"
    elif signed not in {0, 1}:
        problem = f"PixelRepresentation is {signed}"
    else:
        if photometric == "PALETTE COLOR":
            _check_palette(header, path)
        return
    raise ReadError(problem, code="BadPixels", path=path, hint=_AGAIN)


def _check_palette(header: Header, path: Path) -> None:
    for colour in _PALETTE:
        table = f"{colour}PaletteColorLookupTable"
        if f"{table}Descriptor" not in header.dataset:
            raise missing(f"{table}Descriptor", path)
        if not any(f"{kind}{table}Data" in header.dataset for kind in ("", "Segmented")):
            raise missing(f"{table}Data", path)


def _check_scaling(header: Header, path: Path) -> None:
    slope = number(header.dataset, "RescaleSlope", path)
    intercept = number(header.dataset, "RescaleIntercept", path)
    if slope is not None and (slope == 0 or not isfinite(slope)):
        raise ReadError(f"RescaleSlope is {slope:g}", code="BadScaling", path=path, hint=_AGAIN)
    if intercept is not None and not isfinite(intercept):
        raise ReadError(f"RescaleIntercept is {intercept:g}", code="BadScaling", path=path, hint=_AGAIN)


def _check_lengths(header: Header, path: Path, shape: tuple[int, ...], max_bytes: int) -> None:
    dataset = header.dataset
    samples, allocated = (required(dataset, keyword, path) for keyword in ("SamplesPerPixel", "BitsAllocated"))
    frames = max(1, int(number(dataset, "NumberOfFrames", path) or 1))
    frame_bytes = (prod(shape) * samples * allocated + 7) // 8
    held = header.held
    if header.syntax in NATIVE:
        if text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
            frame_bytes = frame_bytes * 2 // 3
        declared = header.pixel_length
        if min(declared, held) < frames * frame_bytes:
            raise truncated(f"claims {frames * frame_bytes} bytes of pixels, holds {min(declared, held)}", path)
        if declared > held:
            raise truncated(f"declares {declared} bytes of pixels, holds {held}", path)
        if frames == 1 and declared >= 2 * frame_bytes and declared > frame_bytes + 1:
            raise ReadError(
                f"holds {declared} bytes of pixels where one frame has {frame_bytes}",
                code="ExtraPixels",
                path=path,
                hint=_AGAIN,
            )
    if frames > 1:
        raise ReadError(
            f"holds {frames} frames",
            code="MultiFrame",
            path=path,
            hint="This version reads single-frame images; multi-frame files need volume support.",
        )
    if frame_bytes > max_bytes:
        raise ReadError(
            f"claims {frame_bytes} bytes of pixels, the limit is {max_bytes}",
            code="SizeLimit",
            path=path,
            hint="Raise max_bytes if the image is meant to be that large.",
        )
