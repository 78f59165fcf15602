"""A study as 8 × 8 greys: too coarse to show a finding, fine enough to show how and where the picture was made.

    tile_jk = mean over the study's planes of mean{grey(r, c) : r in tile row j, c in tile column k} · 255

Tiles are equal shares of the prepared square; a pixel that lies in two of them counts in each by its share. The border
is the 28 outermost tiles, clockwise from the top left corner. The shortcut panel judges by both
(`evaluation/accounting/shortcuts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float64

from medtransfer.data.preprocess import FULL, to_grey
from medtransfer.prediction.types import StudyScans

SIDE: Final = 8
RANGE: Final = 255.0

Tiles = Float64[np.ndarray, "8 8"]


def tiles(study: StudyScans) -> Tiles:
    """Grey means, 0 to 255, over all planes of all prepared rows of a study; at least one plane."""
    planes = [plane for scan in study for plane in scan.planes]
    total = np.zeros((SIDE, SIDE))
    for plane in planes:
        grey = to_grey(plane)[0].astype(np.float64) / FULL
        total += _shares(grey.shape[0]) @ grey @ _shares(grey.shape[1]).T
    return total / len(planes) * RANGE


def thumbnail(study: StudyScans) -> list[int]:
    """The tiles of a study in whole greys, row by row."""
    return np.rint(tiles(study)).astype(int).ravel().tolist()


def border(small: Sequence[int]) -> list[int]:
    """Of a thumbnail the outermost tiles, clockwise from the top left corner."""
    found = np.asarray(small).reshape(SIDE, SIDE)
    top, right, bottom, left = found[0, :-1], found[:-1, -1], found[-1, :0:-1], found[:0:-1, 0]
    return np.concatenate([top, right, bottom, left]).tolist()


def _shares(pixels: int) -> Float64[np.ndarray, "8 pixels"]:
    """Of each pixel in the mean of each tile; each row adds up to 1."""
    edges = np.arange(pixels + 1) * (SIDE / pixels)
    tile = np.arange(SIDE)[:, None]
    overlap = np.minimum(edges[1:], tile + 1) - np.maximum(edges[:-1], tile)
    return np.maximum(overlap, 0.0)
