"""One plane of a study as it stands in a report: eight bits a colour, square pixels, as the reader saw it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Plane = Literal["slice", "row", "column"]
AXES: Final[dict[Plane, int]] = {"slice": 0, "row": 1, "column": 2}
MOST: Final = 4_096
"""Pixels along a side; a larger picture is made smaller."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A picture and where it was taken.

    Attributes:
        content: `row column 3`, eight bits, row by row.
        rows: Rows.
        columns: Columns.
        where: `CT · slice 120 of 300 · W 400 · L 40`.
        letters: What its left, right, top and bottom edges show (`R`, `L`, `A`, `P`); empty where that is unknown.
    """

    content: bytes = field(repr=False)
    rows: int
    columns: int
    where: str
    letters: tuple[str, str, str, str] = ("", "", "", "")

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """`row column 3`."""
        return np.frombuffer(self.content, np.uint8).reshape(self.rows, self.columns, 3)

    @property
    def sha256(self) -> str:
        """Of the pixels."""
        return hashlib.sha256(self.content).hexdigest()


def snapshot(
    picture: NDArray[np.uint8],
    where: str,
    *,
    ratio: float = 1.0,
    letters: tuple[str, str, str, str] = ("", "", "", ""),
) -> Snapshot:
    """A snapshot of a plane.

    Args:
        picture: `row column`, or `row column 3`.
        where: What it is of, in words.
        ratio: Height of a pixel by its width.
        letters: Of the left, right, top and bottom edge.
    """
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    rows, columns = colour.shape[:2]
    rows, columns = (round(rows * ratio), columns) if ratio >= 1 else (rows, round(columns / ratio))
    shrink = min(1.0, MOST / max(rows, columns, 1))
    size = (max(1, round(columns * shrink)), max(1, round(rows * shrink)))
    if size != (colour.shape[1], colour.shape[0]):
        colour = np.asarray(Image.fromarray(colour).resize(size, Image.Resampling.BICUBIC))
    return Snapshot(
        content=np.ascontiguousarray(colour).tobytes(),
        rows=colour.shape[0],
        columns=colour.shape[1],
        where=where,
        letters=letters,
    )


def displayed(
    stored: NDArray[Any],
    *,
    slope: float,
    intercept: float,
    centre: float,
    width: float,
    function: str = "LINEAR",
    inverted: bool = False,
    padding: Sequence[float] | None = None,
) -> NDArray[np.uint8]:
    """Stored values through a window, in [0, 255]; padding is black.

        LINEAR        y = (x − (c − ½)) / (w − 1) + ½
        LINEAR_EXACT  y = (x − c) / w + ½
        SIGMOID       y = 1 / (1 + exp(−4 (x − c) / w))

    Reference: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
    """
    values = stored.astype(np.float64) * slope + intercept
    if function == "SIGMOID":
        y = 1 / (1 + np.exp(np.clip(-4 * (values - centre) / max(width, 1e-6), -700, 700)))
    elif function == "LINEAR_EXACT" or width <= 1:
        y = (values - centre) / max(width, 1e-6) + 0.5
    else:
        y = (values - (centre - 0.5)) / (width - 1) + 0.5
    y = np.clip(y, 0, 1)
    y = 1 - y if inverted else y
    if padding is not None:
        y[(stored >= padding[0]) & (stored <= padding[1])] = 0
    return np.rint(y * 255).astype(np.uint8)


def finite(value: object, otherwise: float) -> float:
    """A number that a browser sent, or ours where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return otherwise
    return float(value)
