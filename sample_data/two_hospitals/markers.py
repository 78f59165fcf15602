"""Lead letters on the cassette: `R`, `L`, `PORT`, with edges at known millimetres.

Every letter is a grid of 5 × 7 square cells, one empty column apart; the height of a marker is that of its seven
rows. It lies on the detector and is not magnified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .rays import centred

if TYPE_CHECKING:
    from .rays import Floats

_LETTERS = {
    "L": ("#....", "#....", "#....", "#....", "#....", "#....", "#####"),
    "O": (".###.", "#...#", "#...#", "#...#", "#...#", "#...#", ".###."),
    "P": ("####.", "#...#", "#...#", "####.", "#....", "#....", "#...."),
    "R": ("####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"),
    "T": ("#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."),
}


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Letters of lead.

    Attributes:
        text: Of the letters L, O, P, R and T.
        corner: `top left`, `top right`, `bottom left` or `bottom right` of the exposed image.
        height_mm: Of a letter.
        margin_mm: From the edges of the exposed image to the letters.
        lead_mm: Thickness.
    """

    text: str
    corner: str = "top right"
    height_mm: float = 15.0
    margin_mm: float = 14.0
    lead_mm: float = 1.0

    @property
    def cell_mm(self) -> float:
        """Side of a cell."""
        return self.height_mm / 7.0

    @property
    def width_mm(self) -> float:
        """From the first letter's left edge to the last one's right edge."""
        return (6 * len(self.text) - 1) * self.cell_mm

    @property
    def area_mm2(self) -> float:
        """Covered by lead."""
        return float(np.count_nonzero(_cells(self.text))) * self.cell_mm * self.cell_mm


PORTABLE = Marker(text="PORT", corner="top right")


def lead_path(marker: Marker, *, shape: tuple[int, int], spacing_mm: float) -> Floats:
    """Millimetres of lead at each pixel, averaged over the pixel's area: `row column`.

    A cell covers a pixel by the product of how much it covers of its row and of its column.
    """
    cells = _cells(marker.text)
    vertical, horizontal = marker.corner.split()
    height, width = (count * spacing_mm for count in shape)
    top = marker.margin_mm if vertical == "top" else height - marker.margin_mm - marker.height_mm
    left = marker.margin_mm if horizontal == "left" else width - marker.margin_mm - marker.width_mm
    rows = _covered(shape[0], spacing_mm, top - height / 2, marker.cell_mm, cells.shape[0])
    columns = _covered(shape[1], spacing_mm, left - width / 2, marker.cell_mm, cells.shape[1])
    path = np.zeros(shape)
    for cells_of_row, row in zip(cells, rows, strict=True):
        line = np.add.reduce(columns[cells_of_row], axis=0)
        path += row[:, None] * line[None, :]
    return marker.lead_mm * path


def _cells(text: str) -> np.ndarray:
    """The marker's bitmap, `7 cells`."""
    unknown = sorted(set(text) - set(_LETTERS))
    if unknown or not text:
        raise ValueError(f"marker {text!r}: only the letters {''.join(_LETTERS)} are cast in lead")
    lines = [".".join(_LETTERS[letter][row] for letter in text) for row in range(7)]
    return np.array([[cell == "#" for cell in line] for line in lines])


def _covered(count: int, spacing_mm: float, start: float, cell_mm: float, cells: int) -> Floats:
    """What share of each pixel each cell covers along one axis, `cell pixel`."""
    low = start + cell_mm * np.arange(cells)[:, None]
    places = centred(count, spacing_mm)[None, :]
    overlap = np.minimum(places + spacing_mm / 2, low + cell_mm) - np.maximum(places - spacing_mm / 2, low)
    return np.maximum(overlap, 0.0) / spacing_mm
