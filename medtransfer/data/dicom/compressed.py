"""Compressed planes → one array, decoded in processes of their own."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.data.archive import opened
from medtransfer.data.dicom.frames import Spans, frame_spans
from medtransfer.data.isolation.pool import run
from medtransfer.data.isolation.shared import SharedBuffer
from medtransfer.data.isolation.work import Part, Work
from medtransfer.data.loaders._containment import contained

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.dicom.source import PixelSource

_DECODE = "medtransfer.data.dicom.codecs:decode_part"

_WORKING_COPIES = 8
"""A decoder may hold so many times the decoded frame: OpenJPEG keeps two 32-bit numbers a sample, and copies."""


def decode_planes(
    planes: Sequence[PixelSource],
    shape: tuple[int, ...],
    dtype: np.dtype,
    *,
    settings: ReadConfig,
    notes: list[str],
) -> np.ndarray:
    """Decode planes of one shape.

    Files are opened by the processes that decode them; code streams of files in archives travel through shared memory.

    Args:
        planes: Frames without palettes.
        shape: Of the result: `plane row column [3]`.
        dtype: Of the result.
        settings: How files become scans.
        notes: Where the decoders' complaints go.

    Raises:
        ReadError: Naming the file and, where it has several, the frame.
    """
    spans = _located(planes, notes)
    size = prod(shape[1:]) * dtype.itemsize
    given = _Given()
    parts = []
    for plane, where in zip(planes, spans, strict=True):
        on_disk = plane.path.is_file()
        parts.append(
            Part(
                values={
                    **coding(plane),
                    "file": str(plane.path.absolute()) if on_disk else "",
                    "spans": where if on_disk else given.add(plane.path, where),
                    "shape": shape[1:],
                    "dtype": dtype.str,
                },
                path=plane.path,
                place=f"frame {plane.frame + 1}" if plane.frames > 1 else "",
            )
        )
    voxels = np.empty(shape, dtype)

    def collect(number: int, _: dict[str, Any], pixels: memoryview) -> None:
        voxels[number] = np.frombuffer(pixels, dtype, count=voxels[number].size).reshape(shape[1:])

    with given.buffer() as streams:
        work = Work(
            run=_DECODE,
            parts=parts,
            slot=size,
            collect=collect,
            seconds=settings.decode_seconds,
            memory=min(_WORKING_COPIES * size, settings.max_bytes),
            given=streams if given.used else None,
        )
        run(work, notes)
    return voxels


def coding(plane: PixelSource) -> dict[str, Any]:
    """What `dicom/codecs.Coding` holds, as plain values."""
    names = ("syntax", "rows", "columns", "samples", "allocated", "stored", "signed", "photometric", "planar")
    return {name: getattr(plane, name) for name in names}


def _located(planes: Sequence[PixelSource], notes: list[str]) -> list[Spans]:
    """Where each plane's code stream lies; each file is looked at once."""
    files: dict[Path, list[Spans]] = {}
    for plane in planes:
        if plane.path not in files:
            with (
                contained(plane.path, notes, library="Pydicom", doing="reading the pixels"),
                opened(plane.path) as handle,
            ):
                files[plane.path] = frame_spans(handle, plane, notes)
    return [files[plane.path][plane.frame] for plane in planes]


class _Given:
    """Code streams that processes cannot open by path, one behind the other."""

    def __init__(self) -> None:
        self._streams = bytearray()

    @property
    def used(self) -> bool:
        return bool(self._streams)

    def add(self, path: Path, spans: Spans) -> Spans:
        """Keep a code stream; where it lies now."""
        start = len(self._streams)
        with opened(path) as handle:
            for position, length in spans:
                handle.seek(position)
                self._streams += handle.read(length)
        return ((start, len(self._streams) - start),)

    def buffer(self) -> SharedBuffer:
        """All of them in shared memory."""
        buffer = SharedBuffer(len(self._streams))
        if self._streams:
            buffer.view()[:] = self._streams
        return buffer
