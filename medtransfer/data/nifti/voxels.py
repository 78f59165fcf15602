"""From the bytes of a NIfTI file to canonical voxels, through a buffer that fits into the processor's cache.

The array that is handed over is the only large one. Where the file's axes, type and byte order are the array's own,
bytes are read straight into it; else some slices at a time are read into the buffer and written to where they belong.
So nothing is held twice, and 64-bit floats are never whole in memory. Integers stay what they are; all floats become
32-bit ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BufferedIOBase
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Voxels
from medtransfer.data.nifti.bytes import bytes_look_swapped
from medtransfer.data.nifti.inflate import CHUNK, fill

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.nifti.geometry import Turn
    from medtransfer.data.nifti.header import Header

LARGEST: Final = float(np.finfo(np.float32).max)
"""Largest value of a 32-bit float."""

_SWAPPED_HINT = "The header's byte order and that of the voxels may differ; export the image again from its source."
_NOT_FINITE_HINT = "Mask or fill the values that are not finite, and save the image again."


@dataclass(kw_only=True)
class _Seen:
    """What is known of the values read so far."""

    low: float = math.inf
    high: float = -math.inf
    first: float | None = None
    constant: bool = True


def voxels_of(stream: BufferedIOBase, header: Header, turn: Turn, path: Path, notes: list[str]) -> Voxels:
    """Read one volume from where the stream stands.

    One value everywhere is noted as `ConstantImage`, bytes in an unlikely order as `ByteOrderSuspicious`.

    Returns:
        `slice row column`, contiguous, in the machine's byte order.

    Raises:
        ReadError: `Truncated`: the content ends too early; `NonFinite`: a float is not finite, or a value, as stored
            or scaled, does not fit into 32 bits; `SizeLimit`: the system has no memory for it.
    """
    target = _allocated(header, turn, path)
    slabs = _in_file_order(target, turn)
    if len(slabs) == 1:
        slabs = slabs[0]
    direct = slabs.flags.c_contiguous and slabs.dtype == header.dtype
    step = min(len(slabs), max(1, CHUNK // (slabs[0].size * header.dtype.itemsize)))
    buffer = np.empty((0 if direct else step, *slabs.shape[1:]), dtype=header.dtype)
    seen = _Seen()
    for start in range(0, len(slabs), step):
        there = slabs[start : start + step]
        stored = there if direct else buffer[: len(there)]
        if fill(stream, stored.reshape(-1).view(np.uint8).data) < stored.nbytes:
            raise ReadError(
                f"ends before the {header.end - header.offset} bytes of voxels that its header claims",
                code="Truncated",
                path=path,
                hint="Copy the file again.",
            )
        _look(stored, seen, header, path)
        if not direct:
            there[...] = stored
    _check_scaled(seen, header, path)
    if seen.constant:
        notes.append(f"ConstantImage: every voxel is {seen.first:g}")
    elif bytes_look_swapped(target[len(target) // 2], stored=header.dtype):
        notes.append("ByteOrderSuspicious: with swapped bytes the values would be far more regular")
    return target


def stored_range(dtype: np.dtype) -> tuple[int, int]:
    """Smallest and largest value of the type."""
    if dtype.kind == "f":
        return -int(LARGEST), int(LARGEST)
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _allocated(header: Header, turn: Turn, path: Path) -> Voxels:
    lengths = header.shape[::-1]
    dtype = np.dtype(np.float32) if header.dtype.kind == "f" else header.dtype.newbyteorder("=")
    try:
        return np.empty(tuple(lengths[axis] for axis in turn.axes), dtype=dtype)
    except MemoryError as error:
        raise ReadError(
            f"needs {header.volume_bytes} bytes of memory, which the system refuses",
            code="SizeLimit",
            path=path,
            hint="Close other programs, or crop or resample the image.",
        ) from error


def _in_file_order(target: Voxels, turn: Turn) -> Voxels:
    """The array `k j i` whose cells are those of `target`."""
    ways = tuple(slice(None, None, -1 if backwards else None) for backwards in turn.reversed)
    return target[ways].transpose(np.argsort(turn.axes))


def _look(stored: np.ndarray, seen: _Seen, header: Header, path: Path) -> None:
    """Note the range of some values where it can matter, and whether they are all the same."""
    if seen.first is None:
        seen.first = stored.flat[0].item()
    if header.dtype.kind != "f" and _always_fits(header):
        seen.constant = seen.constant and bool((stored == seen.first).all())
        return
    low, high = stored.min().item(), stored.max().item()
    if header.dtype.kind == "f" and not (abs(low) <= LARGEST and abs(high) <= LARGEST):
        swapped = bytes_look_swapped(stored.reshape(-1, stored.shape[-1]), stored=header.dtype)
        raise ReadError(
            f"holds values that are not finite 32-bit floats: {int((~(abs(stored) <= LARGEST)).sum())} of "
            f"{stored.size} voxels in the first part that has any",
            code="NonFinite",
            path=path,
            hint=_SWAPPED_HINT if swapped else _NOT_FINITE_HINT,
        )
    seen.low, seen.high = min(seen.low, low), max(seen.high, high)
    seen.constant = seen.low == seen.high


def _always_fits(header: Header) -> bool:
    """Whether every integer that the type can hold is a 32-bit float after scaling."""
    largest = max(abs(limit) for limit in stored_range(header.dtype))
    return abs(header.slope) * largest + abs(header.intercept) <= LARGEST


def _check_scaled(seen: _Seen, header: Header, path: Path) -> None:
    ends = [] if math.isinf(seen.low) else [seen.low * header.slope, seen.high * header.slope]
    ends += [end + header.intercept for end in ends]
    if any(abs(end) > LARGEST for end in ends):
        raise ReadError(
            f"scaling by {header.slope:g} takes the values {seen.low:g} to {seen.high:g} beyond 32-bit floats",
            code="NonFinite",
            path=path,
            hint="Correct scl_slope and scl_inter, or export the image again from its source.",
        )
