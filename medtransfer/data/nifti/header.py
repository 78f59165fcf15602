"""The header of a NIfTI file, checked field by field: nothing that it says is believed before it is possible.

    NIfTI-1   348 bytes, magic `n+1` (single file) or `ni1` (header of a pair) at byte 344
    NIfTI-2   540 bytes, magic `n+2` or `ni2` at byte 4
    a pair    `.hdr` with the header, `.img` with the voxels

nibabel takes the fields apart; what they may be is decided here, since it accepts nearly everything.
Reference: nifti1.h and nifti2.h, https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders._containment import contained
from medtransfer.data.loaders._signatures import real_format

if TYPE_CHECKING:
    from pathlib import Path

    from nibabel.nifti1 import Nifti1Header

DTYPES: Final = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
"""`datatype` → stored values that are one real number each."""

_UNSUPPORTED = {
    1: "one-bit",
    32: "complex",
    128: "RGB colour",
    1536: "128-bit float",
    1792: "complex",
    2048: "complex",
    2304: "RGBA colour",
}
_MAGIC_1 = {b"n+1\0": False, b"ni1\0": True}
_MAGIC_2 = {b"n+2\0\r\n\x1a\n": False, b"ni2\0\r\n\x1a\n": True}
_LENGTHS = {1: 348, 2: 540}
HEADER_BYTES: Final = 544
"""Enough for either header and the four bytes that announce extensions."""

_LARGEST = float(np.finfo(np.float32).max)
_EXPORT_AGAIN = "Export or convert the image again from its source."


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a header says, after its checks.

    Attributes:
        version: 1 or 2.
        fields: All fields as nibabel reads them.
        is_pair: The voxels lie in a file of their own.
        dims: `dim[1…dim[0]]`, trailing ones taken away down to three axes; axes that are missing up to three are 1.
        axes: How many spatial axes the file itself declares, 2 or 3.
        dtype: Of the stored values, in the file's byte order.
        extensions_at: Where extensions begin, if there are any.
        offset: Where the voxels begin.
        has_extensions: Whether extensions are announced.
        slope: Of the scaling, 1 where there is none.
        intercept: Of the scaling, 0 where there is none.
    """

    version: int
    fields: Nifti1Header
    is_pair: bool
    dims: tuple[int, ...]
    axes: int
    dtype: np.dtype
    extensions_at: int
    offset: int
    has_extensions: bool
    slope: float
    intercept: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.dims[0], self.dims[1], self.dims[2]

    @property
    def volumes(self) -> int:
        """How many volumes the file holds one after the other."""
        return math.prod(self.dims[3:])

    @property
    def volume_bytes(self) -> int:
        """Stored bytes of one volume."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def end(self) -> int:
        """Where the voxels of the last volume end."""
        return self.offset + self.volumes * self.volume_bytes


def looks_like_nifti(head: bytes) -> bool:
    """True where the magic of NIfTI-1 or NIfTI-2 is in its place."""
    return head[344:348] in _MAGIC_1 or head[4:12] in _MAGIC_2


def is_single_file(head: bytes) -> bool:
    """True where the magic says that header and voxels share one file."""
    return _MAGIC_1.get(head[344:348]) is False or _MAGIC_2.get(head[4:12]) is False


def header_of(first: bytes, path: Path, notes: list[str]) -> Header:
    """Take the first `HEADER_BYTES` of a file's content apart.

    Scaling holds where `scl_slope` is neither 0 (the standard's "none") nor NaN (noted: `SlopeIgnored`). A single
    file whose `vox_offset` is 0 has its voxels behind the header (noted: `OffsetAssumed`).

    Raises:
        ReadError: `EmptyFile`, `WrongFormat`, `NotNifti`, `Truncated`, `BadHeader`, `EmptyImage`, `WrongRank` or
            `UnsupportedType`.
    """
    version, order, is_pair = _kind(first, path)
    fields = _fields(first[: _LENGTHS[version]], version, order, path, notes)
    dtype = _dtype(fields, path)
    dims, axes = _dims(fields, path)
    slope, intercept = _scaling(fields, path, notes)
    return Header(
        version=version,
        fields=fields,
        is_pair=is_pair,
        dims=dims,
        axes=axes,
        dtype=dtype,
        extensions_at=_LENGTHS[version] + 4,
        offset=_offset(fields, is_pair, _LENGTHS[version] + 4, path, notes),
        has_extensions=first[_LENGTHS[version] : _LENGTHS[version] + 1] not in {b"", b"\0"},
        slope=slope,
        intercept=intercept,
    )


def _kind(first: bytes, path: Path) -> tuple[int, str, bool]:
    """NIfTI's version, its byte order, and whether the file is the header of a pair."""
    if not first:
        raise ReadError("holds no bytes", code="EmptyFile", path=path, hint="Copy the file again.")
    for version, length in _LENGTHS.items():
        for order in "<>":
            if first[:4] == length.to_bytes(4, "little" if order == "<" else "big"):
                if len(first) < length:
                    raise ReadError(
                        f"ends after {len(first)} bytes, inside the header of {length}",
                        code="Truncated",
                        path=path,
                        hint="Copy the file again.",
                    )
                is_pair = _MAGIC_1.get(first[344:348]) if version == 1 else _MAGIC_2.get(first[4:12])
                if is_pair is not None:
                    return version, order, is_pair
    real = real_format(first)
    if real not in {None, "NIfTI"}:
        raise ReadError(
            f"is {real}, not NIfTI", code="WrongFormat", path=path, hint="Give the file its right suffix, or remove it."
        )
    size = int.from_bytes(first[:4], "little")
    raise ReadError(
        f"is not NIfTI: sizeof_hdr is {size}, the magic is {first[344:348]!r}",
        code="NotNifti",
        path=path,
        hint="Convert it to NIfTI; an Analyze 7.5 file does not say where left and right are.",
    )


def _fields(block: bytes, version: int, order: str, path: Path, notes: list[str]) -> Nifti1Header:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    parser = Nifti1Header if version == 1 else Nifti2Header
    with contained(path, notes, library="nibabel", doing="reading the header", code="BadHeader"):
        return parser(block, endianness=order, check=False)


def _dtype(fields: Nifti1Header, path: Path) -> np.dtype:
    code, bits = int(fields["datatype"]), int(fields["bitpix"])
    if code not in DTYPES:
        raise ReadError(
            f"datatype {code} ({_UNSUPPORTED.get(code, 'unknown')}) is not read",
            code="UnsupportedType",
            path=path,
            hint="Convert it to a grey image of integers or floats (for complex data: its magnitude).",
        )
    dtype = np.dtype(fields.endianness + DTYPES[code])
    if bits != 8 * dtype.itemsize:
        _bad(f"bitpix is {bits}, but datatype {code} has {8 * dtype.itemsize} bits", path)
    return dtype


def _dims(fields: Nifti1Header, path: Path) -> tuple[tuple[int, ...], int]:
    declared = [int(number) for number in fields["dim"]]
    count, dims = declared[0], declared[1:]
    if not 1 <= count <= 7:
        _bad(f"dim[0] is {count}; an image has 1 to 7 axes", path)
    dims = dims[:count]
    if min(dims) < 0:
        _bad(f"an axis has a negative length: {dims}", path)
    if min(dims) == 0:
        raise ReadError(f"an axis has no voxels: {dims}", code="EmptyImage", path=path, hint=_EXPORT_AGAIN)
    if count == 1:
        raise ReadError(
            "has one axis", code="WrongRank", path=path, hint="Give an image with two or three spatial axes."
        )
    dims += [1] * (3 - count)
    while len(dims) > 3 and dims[-1] == 1:
        dims.pop()
    return tuple(dims), min(count, 3)


def _scaling(fields: Nifti1Header, path: Path, notes: list[str]) -> tuple[float, float]:
    """Slope and intercept: value = slope · stored + intercept. Reference: nifti1.h, "DATA SCALING"."""
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    if math.isnan(slope):
        notes.append("SlopeIgnored: scl_slope is not a number")
        return 1.0, 0.0
    if slope == 0:
        return 1.0, 0.0
    if not (1 / _LARGEST <= abs(slope) <= _LARGEST and abs(intercept) <= _LARGEST):
        _bad(f"scl_slope is {slope:g} and scl_inter is {intercept:g}", path)
    return slope, intercept


def _offset(fields: Nifti1Header, is_pair: bool, least: int, path: Path, notes: list[str]) -> int:
    offset = float(fields["vox_offset"])
    if not math.isfinite(offset) or offset < 0 or offset != int(offset):
        _bad(f"vox_offset is {offset:g}", path)
    if is_pair:
        return int(offset)
    if offset == 0:
        notes.append(f"OffsetAssumed: vox_offset is 0; the voxels are taken to begin at byte {least}")
        return least
    if offset < least:
        _bad(f"vox_offset is {offset:g}, inside the header of {least} bytes", path)
    return int(offset)


def _bad(message: str, path: Path) -> NoReturn:
    raise ReadError(message, code="BadHeader", path=path, hint=_EXPORT_AGAIN)
