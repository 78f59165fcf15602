"""Building blocks of the phantom: soft edges, tubes and smooth noise on a grid of millimetres."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.floating]
"""One value a pixel, `row column`."""


def soft_step(distance: Field, *, width: float) -> Field:
    """0 far below zero, 1 far above, with a transition of about `width` millimetres."""
    return 0.5 + 0.5 * np.tanh(distance * np.float32(1.5 / width))


def tube(distance: Field, *, radius: float, wall: float | None = None) -> Field:
    """Path through a round tube seen from the side, relative to its radius.

        √(1 − d²/R²), less the marrow's  0.75·√((R−wall)² − d²)/R  where a wall is given

    A hollow tube has bright margins, as ribs have.
    """
    square = (distance / np.float32(radius)) ** 2
    path = np.sqrt(np.maximum(1.0 - square, 0.0))
    if wall is not None:
        inner = (1.0 - wall / radius) ** 2
        path -= 0.75 * np.sqrt(np.maximum(inner - square, 0.0))
    return path.astype(np.float32)


def dome(square: Field) -> Field:
    """√(1 − r²) from r²: the relative depth of an ellipsoid; 0 outside it."""
    return np.sqrt(np.maximum(1.0 - square, 0.0))


def smooth_noise(shape: tuple[int, ...], *, cells: int, rng: np.random.Generator) -> Field:
    """Noise of about unit variance whose detail is one `cells`-th of the image wide.

    A coarse grid of normal numbers, interpolated by cubic B-splines along both axes.
    """
    coarse = rng.standard_normal((cells + 3, cells + 3), dtype=np.float32)
    fine = _interpolate(_interpolate(coarse, shape[0]).T, shape[1]).T
    # A cubic B-spline keeps 0.479 of the variance per axis on average over the cell.
    return np.ascontiguousarray(fine) / np.float32(0.479)


def _interpolate(coarse: Field, length: int) -> Field:
    """Uniform cubic B-splines along the first axis, `cells + 3` control values → `length` values.

    A sum of four terms rather than a matrix product: BLAS rounds differently with the number of threads,
    and equal seeds must give equal bytes.
    """
    position = np.arange(length) * ((len(coarse) - 3) / length)
    cell = position.astype(int)
    t = (position - cell).astype(np.float32)[:, None]
    return (
        (1 - t) ** 3 * coarse[cell]
        + (3 * t**3 - 6 * t**2 + 4) * coarse[cell + 1]
        + (-3 * t**3 + 3 * t**2 + 3 * t + 1) * coarse[cell + 2]
        + t**3 * coarse[cell + 3]
    ) / np.float32(6)
