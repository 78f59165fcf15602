"""Voxels of a scan, and how much of each a smooth solid fills: partial volume without supersampling.

Millimetres in DICOM's patient axes: x to the patient's left, y to the back, z to the head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .exact import cos, sin, square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Voxel centres `origin + slice · step₀ + row · step₁ + column · step₂`.

    Attributes:
        shape: Slices, rows, columns.
        origin: Centre of the first voxel.
        steps: To the next slice, the next row, the next column.
    """

    shape: tuple[int, int, int]
    origin: Vector
    steps: tuple[Vector, Vector, Vector]

    def points(self) -> Points:
        """All voxels; arrays of `shape`."""
        places = [np.arange(count, dtype=np.float64) for count in self.shape]
        k, i, j = places[0][:, None, None], places[1][None, :, None], places[2][None, None, :]
        x, y, z = (
            (self.origin[axis] + k * self.steps[0][axis]) + i * self.steps[1][axis] + j * self.steps[2][axis]
            for axis in range(3)
        )
        return Points(x=x, y=y, z=z, steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class Points:
    """Places in space and the voxel edges around each; millimetres."""

    x: Floats
    y: Floats
    z: Floats
    steps: tuple[Vector, Vector, Vector]

    def where(self, chosen: NDArray[np.bool_]) -> Points:
        """Some of the points, as flat arrays."""
        return Points(x=self.x[chosen], y=self.y[chosen], z=self.z[chosen], steps=self.steps)

    def span(self, gx: Floats | float, gy: Floats | float, gz: Floats | float) -> Floats | float:
        """By how much a function with this gradient changes across a voxel: √Σ (gradient · step)².

        A ramp of this width has the variance of the voxel's true profile at any angle, so that solids keep their mass.
        """
        total = 0.0
        for step in self.steps:
            total = total + square(gx * step[0] + gy * step[1] + gz * step[2])
        return np.maximum(np.sqrt(total), 1e-9)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How a head lies in the scanner: turned about z, then nodded about x, then moved."""

    turn_degrees: float
    nod_degrees: float
    shift: Vector

    def of_head(self, grid: Grid) -> Grid:
        """The scanner's grid in the head's own axes."""
        x, y, z = (grid.origin[axis] - self.shift[axis] for axis in range(3))
        return Grid(
            shape=grid.shape,
            origin=self._back((x, y, z)),
            steps=(self._back(grid.steps[0]), self._back(grid.steps[1]), self._back(grid.steps[2])),
        )

    def _back(self, vector: Vector) -> Vector:
        x, y, z = vector
        c, s = _turn(self.nod_degrees)
        y, z = c * y + s * z, c * z - s * y
        c, s = _turn(self.turn_degrees)
        return c * x + s * y, c * y - s * x, z


def fraction_inside(level: Floats, span: Floats | float) -> Floats:
    """Part of a voxel below the zero of a level function that changes by `span` across the voxel.

    ½ − level / span, between 0 and 1: exact for a plane parallel to the voxel's faces
    """
    return np.clip(0.5 - level / span, 0.0, 1.0)


def fraction_between(level: Floats, low: Floats | float, high: Floats | float, span: Floats | float) -> Floats:
    """Part of a voxel where a level function lies between two values; thin sheets keep their mass."""
    overlap = np.minimum(level + span / 2, high) - np.maximum(level - span / 2, low)
    return np.clip(overlap / span, 0.0, 1.0)


def ellipsoid(points: Points, *, centre: Vector, radii: Vector, turn_degrees: float = 0.0) -> Floats:
    """Part of each voxel inside an ellipsoid whose first two axes are turned about z."""
    reach = max(radii) + max(math.sqrt(square(x) + square(y) + square(z)) for x, y, z in points.steps)
    near = np.abs(points.z - centre[2]) < reach
    near &= (np.abs(points.y - centre[1]) < reach) & (np.abs(points.x - centre[0]) < reach)
    part = np.zeros(points.x.shape)
    level, span = ellipsoid_level(points.where(near), centre=centre, radii=radii, turn_degrees=turn_degrees)
    part[near] = fraction_inside(level, span)
    return part


def ellipsoid_level(
    points: Points, *, centre: Vector, radii: Vector, turn_degrees: float = 0.0
) -> tuple[Floats, Floats | float]:
    """Level function of an ellipsoid, averaged over each voxel, and its span.

        level = ⟨ρ⟩ − 1,   ρ² = Σ (uᵢ / rᵢ)²,   ∇ρ = (uᵢ / rᵢ²) / ρ
        ⟨ρ⟩² = ⟨ρ²⟩ − Var ρ = ρ² + Σ |stepᵢ / r|² / 12 − span² / 12

    The mean over the voxel, not the value at its middle, since small solids would grow by their curvature.
    """
    c, s = _turn(turn_degrees)
    x, y, z = points.x - centre[0], points.y - centre[1], points.z - centre[2]
    u, v = c * x + s * y, c * y - s * x
    gu, gv, gz = u / square(radii[0]), v / square(radii[1]), z / square(radii[2])
    middle = u * gu + v * gv + z * gz
    rho = np.sqrt(middle) + 1e-9
    span = points.span((c * gu - s * gv) / rho, (s * gu + c * gv) / rho, gz / rho)
    spread = sum(
        square((c * dx + s * dy) / radii[0]) + square((c * dy - s * dx) / radii[1]) + square(dz / radii[2])
        for dx, dy, dz in points.steps
    )
    return np.sqrt(np.maximum(middle + (spread - square(span)) / 12, 0.0)) - 1, span


@lru_cache(maxsize=256)
def _turn(degrees: float) -> tuple[float, float]:
    """Cosine and sine."""
    radians = degrees * (np.pi / 180)
    return float(cos(radians)), float(sin(radians))
