"""The rays from the focal spot to the pixels of a detector, in the patient's frame.

Patient axes are RAS+ millimetres: x grows to the patient's right, y to the front, z to the head; the origin
lies in the midline, midway between the back and the front, at the level of the tracheal bifurcation. Image
columns grow along `across_axis` and rows along `down_axis`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Window: TypeAlias = tuple[slice, slice]


RIGHT, LEFT = 1, -1
"""Sides of the patient: the sign of x."""


@dataclass(frozen=True, kw_only=True)
class Rays:
    """One ray for each pixel: points  o + t·d  with t in millimetres along the central ray.

        diverging:  o = source,                    d = n + (X·across_axis + Y·down_axis) / source_mm
        parallel:   o = base + X·across + Y·down,  d = n

    Attributes:
        across: X of every column's centre on the detector, millimetres, `column`.
        down: Y of every row's centre, millimetres, `row`.
        base: The source, or with parallel rays the middle of the detector.
        normal: Unit vector n along the central ray, which meets the middle of the detector at right angles.
        across_axis: Unit vector of growing columns.
        down_axis: Unit vector of growing rows.
        source_mm: From the source to the detector; infinite for parallel rays.
    """

    across: Floats
    down: Floats
    base: Floats
    normal: Floats
    across_axis: Floats
    down_axis: Floats
    source_mm: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.down), len(self.across)

    @property
    def parallel(self) -> bool:
        """Whether the source is infinitely far away."""
        return self.source_mm == float("inf")

    def window(self, window: Window) -> Rays:
        """Only the rays of some rows and columns."""
        return replace(self, down=self.down[window[0]], across=self.across[window[1]])

    def lengths(self) -> Floats:
        """|d|: millimetres for each unit of t, `row column`."""
        if self.parallel:
            return np.ones(self.shape)
        square = (self.down * self.down)[:, None] + (self.across * self.across)[None, :]
        return np.sqrt(1.0 + square / (self.source_mm * self.source_mm))

    def of_position(self, form: Floats) -> tuple[Floats, Floats, Floats]:
        """The linear form f·o as (constant, for each mm across, for each mm down); forms `... xyz`."""
        constant = dot(form, self.base)
        if self.parallel:
            return constant, dot(form, self.across_axis), dot(form, self.down_axis)
        return constant, np.zeros_like(constant), np.zeros_like(constant)

    def of_direction(self, form: Floats) -> tuple[Floats, Floats, Floats]:
        """The linear form f·d as (constant, for each mm across, for each mm down)."""
        constant = dot(form, self.normal)
        if self.parallel:
            return constant, np.zeros_like(constant), np.zeros_like(constant)
        return constant, dot(form, self.across_axis) / self.source_mm, dot(form, self.down_axis) / self.source_mm

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Where points `... xyz` are seen on the detector: (X, Y) in millimetres from its middle."""
        from_base = points - self.base
        x, y = dot(from_base, self.across_axis), dot(from_base, self.down_axis)
        if self.parallel:
            return x, y
        enlarged = self.source_mm / dot(from_base, self.normal)
        return x * enlarged, y * enlarged

    def magnification(self, point: Floats) -> float:
        """How much larger than it is a small thing at `point` appears."""
        return 1.0 if self.parallel else float(self.source_mm / dot(point - self.base, self.normal))

    def cover(self, x: Floats, y: Floats) -> Window:
        """The smallest window that holds the detector's points (x, y), cut to the detector."""
        return _span(self.down, y), _span(self.across, x)


def dot(a: Floats, b: Floats) -> Floats:
    """Σ aᵢ bᵢ over the last axis, in fixed order."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def total(image: Floats) -> float:
    """The sum of an image in fixed order: row is added to row, then their columns exactly."""
    return math.fsum(np.add.reduce(np.ascontiguousarray(image), axis=0).tolist())


def cross(a: Floats, b: Floats) -> Floats:
    """The vector product over the last axis."""
    return np.stack(
        [
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ],
        axis=-1,
    )


def unit(a: Floats) -> Floats:
    """Vectors of length 1."""
    return a / np.sqrt(dot(a, a))[..., None]


def centred(count: int, spacing_mm: float) -> Floats:
    """Positions of `count` pixel centres around 0."""
    return np.arange(count, dtype=np.float64) * spacing_mm - (count - 1) / 2 * spacing_mm


def _span(places: Floats, values: Floats) -> slice:
    """The samples of the rising `places` that lie between the least and the largest of `values`."""
    first = int(np.searchsorted(places, values.min()))
    last = int(np.searchsorted(places, values.max(), side="right"))
    return slice(max(first - 1, 0), min(last + 1, len(places)))
