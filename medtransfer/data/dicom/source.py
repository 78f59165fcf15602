"""Where the pixels of a DICOM file lie and how they are written: all that reading them needs of the header."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.codecs import NATIVE, STORED_RGB
from medtransfer.data.dicom.native import stored_dtype
from medtransfer.data.dicom.palette import Palette, palette_of
from medtransfer.data.dicom.tags import number, required, text

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.dicom.header import Header


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelSource:
    """One frame of one file.

    Attributes:
        path: The file; it may lie in an archive.
        syntax: Transfer syntax UID.
        keyword: `PixelData`, `FloatPixelData` or `DoubleFloatPixelData`.
        offset: Position of the pixel data's value in the file; −1 where the data set is deflated.
        length: Bytes that the value declares; 0xFFFFFFFF where it is encapsulated.
        held: Bytes from the value's start to the end of the file.
        rows: Rows.
        columns: Columns.
        samples: Samples per pixel.
        allocated: Bits allocated.
        stored: Bits stored.
        signed: True where PixelRepresentation is 1.
        photometric: Photometric interpretation as the header says.
        planar: Planar configuration.
        frames: How many frames the file holds.
        offsets: Extended offset table: positions and lengths of the frames, or empty.
        palette: Colours of a palette image, or None.
        frame: Which frame, from 0.
    """

    path: Path
    syntax: str
    keyword: str
    offset: int
    length: int
    held: int
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    photometric: str
    planar: int
    frames: int
    offsets: tuple[tuple[int, int], ...] = ()
    palette: Palette | None = None
    frame: int = 0

    def at(self, frame: int) -> PixelSource:
        """Another frame of the same file.

        Raises:
            ReadError: `Corrupt`: it has no such frame.
        """
        if not 0 <= frame < self.frames:
            raise ReadError(f"has no frame {frame + 1} of {self.frames}", code="Corrupt", path=self.path)
        return replace(self, frame=frame)

    def without_palette(self) -> PixelSource:
        """The same frame, read as indices into its palette."""
        return self if self.palette is None else replace(self, palette=None)

    @property
    def encapsulated(self) -> bool:
        """True where the pixel data are compressed."""
        return self.syntax not in NATIVE

    @property
    def is_colour(self) -> bool:
        """True where `stored_values` yields red, green and blue."""
        return self.samples > 1 or self.palette is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the plane: `row column` or `row column 3`."""
        return (self.rows, self.columns, 3) if self.is_colour else (self.rows, self.columns)

    @property
    def dtype(self) -> np.dtype:
        """Type of the plane's values."""
        return self.palette.colours.dtype if self.palette is not None else stored_dtype(self)

    @property
    def photometric_now(self) -> str:
        """Photometric interpretation of what `stored_values` yields: `MONOCHROME1`, `MONOCHROME2` or `RGB`."""
        return STORED_RGB if self.is_colour else self.photometric


def pixel_source(header: Header, path: Path) -> PixelSource:
    """What the header says about the pixels; its claims have been checked (`check_claims`).

    Returns:
        The file's first frame; the others by `PixelSource.at`.

    Raises:
        ReadError: `MissingTag`, `BadTag`, or `BadPixels` where the palette cannot be used.
    """
    dataset = header.dataset
    photometric = text(dataset, "PhotometricInterpretation").upper()
    allocated = required(dataset, "BitsAllocated", path)
    whole = header.pixel_keyword == "PixelData"
    return PixelSource(
        path=path,
        syntax=str(header.syntax),
        keyword=header.pixel_keyword,
        offset=int(getattr(header, "pixel_offset", -1)),
        length=header.pixel_length,
        held=header.held,
        rows=required(dataset, "Rows", path),
        columns=required(dataset, "Columns", path),
        samples=required(dataset, "SamplesPerPixel", path),
        allocated=allocated,
        stored=required(dataset, "BitsStored", path) if whole else allocated,
        signed=whole and required(dataset, "PixelRepresentation", path) == 1,
        photometric=photometric,
        planar=int(number(dataset, "PlanarConfiguration", path) or 0),
        frames=max(1, int(number(dataset, "NumberOfFrames", path) or 1)),
        offsets=_extended_offsets(dataset),
        palette=palette_of(dataset, header.syntax, path) if photometric == "PALETTE COLOR" else None,
    )


def _extended_offsets(dataset: object) -> tuple[tuple[int, int], ...]:
    """Reference: DICOM PS3.3 C.7.6.3.1.8. Empty where the two tables do not go together."""
    tables = []
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        value = dataset.get(keyword)  # type: ignore[attr-defined]
        if not isinstance(value, bytes) or not value or len(value) % 8:
            return ()
        tables.append(np.frombuffer(value, "<u8").tolist())
    starts, lengths = tables
    return tuple(zip(starts, lengths, strict=True)) if len(starts) == len(lengths) else ()
