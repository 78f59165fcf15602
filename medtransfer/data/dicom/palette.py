"""Palette colour: index → red, green, blue. Reference: DICOM PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import UID, ExplicitVRBigEndian

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line

if TYPE_CHECKING:
    from pathlib import Path

_COLOURS = ("Red", "Green", "Blue")


@dataclass(frozen=True, kw_only=True, eq=False)
class Palette:
    """Colours `entry 3` of the indices from `first` on; indices outside take the nearest entry."""

    first: int
    colours: np.ndarray

    def apply(self, indices: np.ndarray) -> np.ndarray:
        """Colours `… 3` of the indices."""
        places = np.clip(indices.astype(np.int64) - self.first, 0, len(self.colours) - 1)
        return self.colours[places]


def palette_of(dataset: object, syntax: str, path: Path) -> Palette:
    """The palette of an image.

    Raises:
        ReadError: `BadPixels`: its tables cannot be used.
    """
    try:
        entries, first, _ = (int(number) for number in _value(dataset, "RedPaletteColorLookupTableDescriptor"))
        entries = entries or 2**16
        if _value(dataset, "RedPaletteColorLookupTableData") is not None:
            colours = _plain(dataset, syntax, entries)
        else:
            colours = _segmented(dataset, syntax, entries, first)
    except (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        raise ReadError(
            f"the palette cannot be used: {one_line(str(error))}",
            code="BadPixels",
            path=path,
            hint="Export the image again from its source.",
        ) from error
    return Palette(first=first, colours=np.ascontiguousarray(colours))


def _plain(dataset: object, syntax: str, entries: int) -> np.ndarray:
    """Tables of 8-bit entries, or of 16-bit ones in the byte order of the data set."""
    tables = [bytes(_value(dataset, f"{colour}PaletteColorLookupTableData")) for colour in _COLOURS]
    size = round(len(tables[0]) / entries)
    if size not in {1, 2} or any(len(table) < entries * size for table in tables):
        raise ValueError(f"{entries} entries in tables of {', '.join(str(len(table)) for table in tables)} bytes")
    words = np.dtype(f"{'>' if syntax == ExplicitVRBigEndian else '<'}u{size}")
    columns = [np.frombuffer(table, words, count=entries) for table in tables]
    return np.stack(columns, axis=-1).astype(words.newbyteorder("="))


def _segmented(dataset: object, syntax: str, entries: int, first: int) -> np.ndarray:
    """Tables of line segments, expanded by pydicom."""
    tables = Dataset()
    for colour in _COLOURS:
        descriptor = f"{colour}PaletteColorLookupTableDescriptor"
        setattr(tables, descriptor, [int(number) for number in _value(dataset, descriptor)])
        segments = f"Segmented{colour}PaletteColorLookupTableData"
        setattr(tables, segments, bytes(_value(dataset, segments)))
    tables.file_meta = FileMetaDataset()
    tables.file_meta.TransferSyntaxUID = UID(str(syntax))
    colours = apply_color_lut(np.arange(first, first + entries), tables)[:, :3]
    if entries > 256 and colours.dtype.itemsize == 1:  # pydicom 3.0 counts such entries modulo 256
        raise ValueError(f"{entries} entries of 8 bits in segments")
    return colours


def _value(dataset: object, keyword: str) -> Any:
    return dataset.get(keyword)  # type: ignore[attr-defined]
