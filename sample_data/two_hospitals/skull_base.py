"""The floor of the skull and what lies below it: orbits, sinuses, petrous bones with their air cells.

Axes of the head (see `head.py`): x left, y back, z up. The floor steps down from the anterior over the middle to the
posterior fossa; sphenoid and petrous ridges stand between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .exact import square
from .voxels import ellipsoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .voxels import Points, Vector

    Floats = NDArray[np.float64]

ORBITAL_FAT, VITREOUS, LENS, MUSCLE, SINUS_AIR, CELLS = -90.0, 10.0, 80.0, 50.0, -1000.0, -550.0
ANTERIOR, MIDDLE, SELLA, POSTERIOR = -22.0, -46.0, -30.0, -95.0  # heights of the floor
HIGHEST = -5.0  # nothing here reaches above

_PAIRED: tuple[tuple[str, Vector, Vector, float], ...] = (
    # what, centre on the left, radii, degrees about z
    ("bone", (34, -62, -38), (22, 26, 21), 18),
    ("fat", (34, -65, -38), (18.5, 25, 17.5), 18),
    ("muscle", (41.5, -60, -38), (2.0, 15, 5), 20),
    ("muscle", (24, -58, -38), (2.0, 15, 5), 12),
    ("nerve", (30, -52, -38), (2.2, 14, 2.5), 20),
    ("globe", (34, -75, -38), (12, 12, 12), 0),
    ("lens", (34, -84, -38), (4.5, 2.2, 4.5), 0),
    ("bone", (55, 22, -50), (15, 18, 22), 0),
    ("cells", (57, 26, -52), (9, 12, 16), 0),
    ("air", (62, 12, -46), (8, 2.5, 2.5), 0),
)
_MIDLINE: tuple[tuple[str, Vector, Vector, float], ...] = (
    ("bone", (0, -58, -40), (13, 24, 13), 0),
    ("air", (0, -58, -42), (10, 22, 12), 0),
    ("bone", (0, -12, -44), (15, 22, 13), 0),
    ("air", (0, -17, -43), (10, 11, 9), 0),
)


def floor_height(x: Floats, y: Floats) -> Floats:
    """Upper surface of the skull base."""
    side = np.abs(x)
    middle = np.where(side < 13, SELLA, MIDDLE)
    anterior = ANTERIOR - 0.2 * (y + 60)
    floor = anterior + (middle - anterior) * np.clip((y + 30 + 0.2 * side) / 10, 0, 1)
    behind = y - _petrous_line(side)
    floor = floor + (POSTERIOR - floor) * np.clip((behind - 4) / 14, 0, 1)
    orbital_roof = 6 * np.clip(1 - square((side - 32) / 20) - square((y + 58) / 28), 0, 1)
    return np.maximum(floor, MIDDLE + 16 * _ridge(side, behind) - 60 * (1 - _ridge(side, behind))) + orbital_roof


def floor_thickness(x: Floats, y: Floats) -> Floats:
    """Of the bone below that surface: thin plates, and the petrous pyramids."""
    side = np.abs(x)
    return 2 + 22 * _ridge(side, y - _petrous_line(side))


def paint_base(hu: Floats, points: Points, skin_depth: Floats, *, bone: float) -> Floats:
    """Draws the paired and the midline parts over the low slices, inside the skin."""
    low = (points.z < HIGHEST) & (skin_depth > 0)
    if not low.any():
        return hu
    near = points.where(low)
    values = hu[low]
    numbers = {
        "bone": bone,
        "fat": ORBITAL_FAT,
        "globe": VITREOUS,
        "lens": LENS,
        "muscle": MUSCLE,
        "nerve": MUSCLE - 15,
        "air": SINUS_AIR,
        "cells": CELLS,
    }
    for what, (x, y, z), radii, degrees in (*_PAIRED, *_MIDLINE):
        for side in (1, -1) if x else (1,):
            part = ellipsoid(near, centre=(side * x, y, z), radii=radii, turn_degrees=side * degrees)
            values = values + part * (numbers[what] - values)
    painted = hu.copy()
    painted[low] = values
    return painted


def _petrous_line(side: Floats) -> Floats:
    """Where the petrous ridge runs: from beside the clivus outwards and back."""
    return 4 + 0.42 * side


def _ridge(side: Floats, behind: Floats) -> Floats:
    """1 on the crest of the petrous bone, 0 where it ends."""
    return np.clip(1 - np.abs(behind) / 11, 0, 1) * np.clip((side - 9) / 8, 0, 1)
