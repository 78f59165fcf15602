"""What a header claims, checked against the bytes held before anything is decoded or allocated."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.uid import UID

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.codecs import NATIVE, PLUGINS
from medtransfer.data.dicom.header import DEFAULTS, truncated
from medtransfer.data.dicom.tags import ABSURD, bad_number, missing, number, numbers, required, text
from medtransfer.data.dicom.walker import corrupt

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.dicom.header import Description, Header

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_GREYS = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_PALETTE = ("Red", "Green", "Blue")
_GEOMETRY = {
    "ImageOrientationPatient": 6,
    "PixelSpacing": 2,
    "ImagerPixelSpacing": 2,
    "SliceThickness": 1,
    "SpacingBetweenSlices": 1,
}
_MOST_FRAMES = 2**31 - 1
_SMALLEST_FRAME = 10
_AGAIN = "Export the image again from its source."


class Claim(NamedTuple):
    """What a header claims of its pixels.

    Attributes:
        frames: How many there are.
        stored: Bytes of all frames as they are stored; None where they are compressed.
        decoded: Bytes of all frames once decoded.
    """

    frames: int
    stored: int | None
    decoded: int


def check_claims(header: Header, path: Path, *, settings: ReadConfig = DEFAULTS) -> None:
    """Refuse an image whose header contradicts itself, the file's length or the limits.

    Expected bytes of an uncompressed frame: rows · columns · samples · bits allocated / 8, rounded up over all frames;
    two thirds of that for YBR_FULL_422. A compressed frame takes an item of at least 10 bytes. Reference: DICOM PS3.3
    C.7.6.3, PS3.5 section 8 and A.4.

    Raises:
        ReadError: `UnsupportedSyntax`, `MissingTag`, `BadTag`, `BadPixels`, `BadScaling`, `Truncated`,
            `ExtraPixels`, `SizeLimit` or `Corrupt`.
    """
    check_description(header, path)
    _check_scaling(header, path)
    numbers(header.dataset, "ImagePositionPatient", 3, path)
    check_lengths(header, claim_of(header, path), path, settings=settings)


def check_description(header: Header | Description, path: Path) -> None:
    """The part of `check_claims` that the files of a series share: syntax, description of the pixels, geometry."""
    _check_syntax(header, path)
    shape = _shape(header.dataset, path)
    if min(shape) <= 0:
        raise ReadError(f"claims {shape[0]} × {shape[1]} pixels", code="BadPixels", path=path, hint=_AGAIN)
    _check_samples(header, path)
    for keyword, count in _GEOMETRY.items():
        numbers(header.dataset, keyword, count, path)


def is_sound(slope: float | None, intercept: float | None) -> bool:
    """True where a stored value can be rescaled by these; None stands for an absent element."""
    return slope != 0 and all(
        value is None or (isfinite(value) and abs(value) < ABSURD) for value in (slope, intercept)
    )


def _shape(dataset: Any, path: Path) -> tuple[int, int]:
    return required(dataset, "Rows", path), required(dataset, "Columns", path)


def _check_syntax(header: Header | Description, path: Path) -> None:
    if header.syntax not in PLUGINS:
        name = UID(header.syntax).name
        called = header.syntax if name == header.syntax else f"{header.syntax} ({name})"
        raise ReadError(
            f"transfer syntax {called} is not supported",
            code="UnsupportedSyntax",
            path=path,
            hint="Convert the file to Explicit VR Little Endian, JPEG 2000, JPEG-LS or RLE.",
        )
    if header.encapsulated == (header.syntax in NATIVE):
        said, is_ = UID(header.syntax).name, "compressed" if header.encapsulated else "not encapsulated"
        raise ReadError(f"says {said}, but its pixel data are {is_}", code="Corrupt", path=path, hint=_AGAIN)


def _check_samples(header: Header | Description, path: Path) -> None:
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


def _check_palette(header: Header | Description, path: Path) -> None:
    for colour in _PALETTE:
        table = f"{colour}PaletteColorLookupTable"
        if f"{table}Descriptor" not in header.dataset:
            raise missing(f"{table}Descriptor", path)
        if not any(f"{kind}{table}Data" in header.dataset for kind in ("", "Segmented")):
            raise missing(f"{table}Data", path)


def _check_scaling(header: Header, path: Path) -> None:
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        try:
            value = number(header.dataset, keyword, path)
        except ReadError as error:
            raise ReadError(error.message, code="BadScaling", path=path, hint=_AGAIN) from error
        slope, intercept = (value, None) if keyword == "RescaleSlope" else (None, value)
        if not is_sound(slope, intercept):
            raise ReadError(f"{keyword} is {value:g}", code="BadScaling", path=path, hint=_AGAIN)


def claim_of(header: Header | Description, path: Path) -> Claim:
    """What a header claims that its pixels take.

    Raises:
        ReadError: `MissingTag` or `BadTag`.
    """
    dataset, shape = header.dataset, _shape(header.dataset, path)
    samples, allocated = (required(dataset, keyword, path) for keyword in ("SamplesPerPixel", "BitsAllocated"))
    said = number(dataset, "NumberOfFrames", path) or 1
    if not float(said).is_integer() or said < 0 or said > _MOST_FRAMES:
        raise bad_number(f"NumberOfFrames is {said:g}", path)
    frames = max(1, int(said))
    stored = (prod(shape) * samples * allocated * frames + 7) // 8
    if text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        stored = stored * 2 // 3
    return Claim(
        frames=frames,
        stored=stored if header.syntax in NATIVE else None,
        decoded=prod(shape) * samples * frames * max(1, allocated // 8),
    )


def check_lengths(header: Header, claim: Claim, path: Path, *, settings: ReadConfig) -> None:
    """Refuse an image that claims other pixels than the file holds, or more than the limits allow.

    Raises:
        ReadError: `Truncated`, `ExtraPixels`, `Corrupt` or `SizeLimit`.
    """
    frames, held = claim.frames, header.held
    if claim.stored is not None:
        _check_native(header, path, claim.stored, frames)
    else:
        if frames * _SMALLEST_FRAME > held:
            raise truncated(f"claims {frames} frames, holds {held} bytes of compressed pixels", path)
        table = header.dataset.get("ExtendedOffsetTable")
        if table and len(table) != 8 * frames:
            raise corrupt(f"claims {frames} frames, its extended offset table has {len(table) / 8:g}", path)
    if claim.decoded > settings.max_bytes:
        raise ReadError(
            f"claims {claim.decoded} bytes of pixels, the limit is {settings.max_bytes}",
            code="SizeLimit",
            path=path,
            hint="Raise max_bytes if the image is meant to be that large.",
        )


def _check_native(header: Header, path: Path, claimed: int, frames: int) -> None:
    declared, held = header.pixel_length, header.held
    if min(declared, held) < claimed:
        raise truncated(f"claims {claimed} bytes of pixels, holds {min(declared, held)}", path)
    if declared > held:
        raise truncated(f"declares {declared} bytes of pixels, holds {held}", path)
    one = claimed // frames
    if declared >= claimed + one and declared > claimed + 1:
        raise ReadError(
            f"holds {declared} bytes of pixels where {frames} frame{'s' * (frames > 1)} have {claimed}",
            code="ExtraPixels",
            path=path,
            hint=_AGAIN,
        )
