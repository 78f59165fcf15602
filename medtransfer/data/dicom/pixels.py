"""The pixels of a series → stored values, one array.

What is not compressed is read straight into the array; what is compressed goes to disposable worker processes, several
frames a task, and they write into the array too. Either way no second copy of the series exists.
"""

from __future__ import annotations

from contextlib import ExitStack
from importlib import metadata
from io import BytesIO
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from pydicom import dcmread
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Voxels
from medtransfer.data.archive import opened
from medtransfer.data.dicom.codecs import NATIVE, PLUGINS, STORED_RGB
from medtransfer.data.dicom.compressed import decode_planes
from medtransfer.data.dicom.native import frame_bits, read_plane, stored_dtype
from medtransfer.data.dicom.source import PixelSource, pixel_source
from medtransfer.data.loaders._containment import contained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.core.config.data import ReadConfig

__all__ = ["NATIVE", "PLUGINS", "PixelSource", "available_syntaxes", "pixel_source", "stored_values"]


def stored_values(planes: Sequence[PixelSource], *, settings: ReadConfig, notes: list[str]) -> Voxels:
    """Read planes of one shape into one array, in the order given.

    YBR becomes RGB, palettes are applied, signs and unused bits are put right: the values that pydicom's `pixel_array`
    has, colours as RGB. Where planes have different types (signed and unsigned slices), the type holds both.

    Args:
        planes: Frames of files (`pixel_source`, `PixelSource.at`), whose headers' claims have been checked.
        settings: How files become scans: `max_bytes`, `decode_seconds`.
        notes: Where the decoders' complaints go.

    Returns:
        `plane row column`, or `plane row column 3` for colour, in the machine's byte order.

    Raises:
        ReadError: Naming the file: `BadPixels`, `Corrupt`, `DecoderCrashed`, `DecoderTimeout`, `SizeLimit`,
            `Truncated` or `Unreadable`.
    """
    shape, dtype = _shape_and_type(planes)
    size = prod(shape) * dtype.itemsize
    if size > settings.max_bytes:
        raise ReadError(
            f"claims {size} bytes of pixels, the limit is {settings.max_bytes}",
            code="SizeLimit",
            path=planes[0].path,
            hint="Raise max_bytes if the image is meant to be that large.",
        )
    if all(plane.encapsulated and plane.palette is None for plane in planes):
        return decode_planes(planes, shape, dtype, settings=settings, notes=notes)
    voxels = np.empty(shape, dtype)
    for first, last in _runs(planes):
        part = planes[first:last]
        if part[0].encapsulated:
            indices = [plane.without_palette() for plane in part]
            decoded = decode_planes(
                indices, (len(part), *indices[0].shape), stored_dtype(part[0]), settings=settings, notes=notes
            )
            for plane, values, room in zip(part, decoded, voxels[first:last], strict=True):
                room[...] = values if plane.palette is None else plane.palette.apply(values)
        else:
            _read_native(part, voxels[first:last], notes)
    return voxels


def available_syntaxes() -> dict[str, str]:
    """Name of each transfer syntax we decode → what decodes it; empty where that is not installed."""
    found = {}
    for syntax, plugin in PLUGINS.items():
        try:
            works = not plugin or bool(metadata.version(plugin))
        except metadata.PackageNotFoundError:
            works = False
        found[UID(syntax).name] = (plugin or "medtransfer") if works else ""
    return found


def _shape_and_type(planes: Sequence[PixelSource]) -> tuple[tuple[int, ...], np.dtype]:
    first = planes[0]
    for plane in planes:
        if plane.shape != first.shape:
            raise ReadError(
                f"has planes of shape {plane.shape}, {first.path} of {first.shape}",
                code="BadPixels",
                path=plane.path,
                hint="Export the series again from its source.",
            )
    return (len(planes), *first.shape), np.result_type(*{plane.dtype for plane in planes})


def _runs(planes: Sequence[PixelSource]) -> list[tuple[int, int]]:
    """Neighbours of one kind: compressed with one type of value, or not compressed and of one file."""
    kinds = [(True, stored_dtype(plane).str) if plane.encapsulated else (False, str(plane.path)) for plane in planes]
    edges = [0, *(place for place in range(1, len(kinds)) if kinds[place] != kinds[place - 1]), len(kinds)]
    return list(pairwise(edges))


def _read_native(planes: Sequence[PixelSource], out: np.ndarray, notes: list[str]) -> None:
    """Frames of one file."""
    first = planes[0]
    if first.offset >= 0 and max(plane.frame + 1 for plane in planes) * frame_bits(first) > 8 * min(
        first.length, first.held
    ):
        raise ReadError(
            f"{first.frames} frames have {-(-first.frames * frame_bits(first) // 8)} bytes of pixels, "
            f"holds {min(first.length, first.held)}",
            code="Truncated",
            path=first.path,
            hint="Copy or export the file again.",
        )
    with contained(first.path, notes, library="Pydicom", doing="reading the pixels"), ExitStack() as stack:
        handle, start = _value(first, stack)
        for plane, room in zip(planes, out, strict=True):
            if plane.palette is None and room.dtype == stored_dtype(plane):
                read_plane(handle, start, plane, room)
                values = room
            else:
                indices = plane.without_palette()
                values = np.empty(indices.shape, stored_dtype(plane))
                read_plane(handle, start, indices, values)
                room[...] = values if plane.palette is None else plane.palette.apply(values)
            if plane.photometric in {"YBR_FULL", "YBR_FULL_422"}:
                room[...] = convert_color_space(values, "YBR_FULL", STORED_RGB)


def _value(source: PixelSource, stack: ExitStack) -> tuple[BinaryIO | BytesIO, int]:
    """The bytes that hold the pixel data, and where their value begins; a deflated data set is inflated."""
    handle = stack.enter_context(opened(source.path))
    if source.offset >= 0:
        return handle, source.offset
    dataset = dcmread(handle, force=True, specific_tags=[source.keyword])
    return BytesIO(dataset[source.keyword].value), 0
