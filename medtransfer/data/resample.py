"""A volume with tilted, unevenly spaced or missing slices, put on a regular orthogonal grid.

3-D models need one, and so does whoever cuts across the slices.

Rows and columns keep their directions and spacing. Slices lie along the normal n at even distances, from the first
slice to the last, at the usual step of the original ones (the lower median). With slice i at distance d_i along n, and
its first voxel a_i rows and b_i columns aside, a voxel at distance d with d_i ≤ d ≤ d_{i+1} is

    v(d, r, c) = (1 − w) · S_i(r − a_i, c − b_i) + w · S_{i+1}(r − a_{i+1}, c − b_{i+1})
    w = (d − d_i) / (d_{i+1} − d_i)

with S_i bilinear within its slice: a linear function of world coordinates is kept. The grid grows by the rows and
columns by which slices are aside, so that nothing is cut off. What takes part in no slice, or in background only, is
background.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Affine, Positions, Voxels
from medtransfer.data.geometry import UPRIGHT, is_orthogonal

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

Padding = tuple[int, int] | tuple[float, float]
"""Smallest and largest value of background, as in `Presentation`."""

MOST_SLICES: Final = 4
"""A volume has at most so many times the slices of the original one; a giant gap makes thicker slices, not more."""

_WHOLE: Final = 1e-5
"""Pixels: shifts this near to a whole number are rounded decimals, and interpolation would blur for nothing."""

_NEGLIGIBLE: Final = 1e-6
"""Weights below this are rounding: a voxel on a slice needs no other."""


def regular(scan: Scan) -> Scan:
    """The scan on a regular orthogonal grid; the same object where it is on one, or is no volume with an affine.

    Voxels keep their type, whole numbers are rounded. Besides the result, a few planes are held in memory.

    Raises:
        ReadError: `BadGeometry`: rows and columns are not perpendicular, or all slices are in one place.
    """
    affine = scan.affine
    if scan.kind != "volume" or affine is None or (scan.positions is None and is_orthogonal(affine)):
        return scan
    positions = scan.positions
    if positions is None:
        positions = affine[:3, 3] + np.arange(len(scan.voxels))[:, None] * affine[:3, 0]
    grid = _grid(affine, positions, scan.voxels.shape, scan)
    voxels = _sampled(scan.voxels, grid, _outside(scan), scan.presentation.padding)
    note = f"Resampled: {len(positions)} slices became {len(voxels)}, {grid.step:.4g} mm apart"
    return replace(scan, voxels=voxels, affine=grid.affine, positions=None, notes=(*scan.notes, note))


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """Where new voxels lie among the old ones.

    Attributes:
        affine: Of the new volume.
        shape: Of the new volume: slices, rows, columns.
        step: Millimetres between new slices.
        order: Old slices by distance, each place once.
        distances: Of those, from the first.
        shifts: Their first voxels in rows and columns of the new grid.
    """

    affine: Affine
    shape: tuple[int, int, int]
    step: float
    order: np.ndarray
    distances: np.ndarray
    shifts: np.ndarray


def _outside(scan: Scan) -> float:
    """The stored value of background: padding, or what is shown darkest."""
    if scan.presentation.padding is not None:
        return float(scan.presentation.padding[0])
    return float(scan.voxels.max() if scan.presentation.inverted else scan.voxels.min())


def _grid(affine: Affine, positions: Positions, shape: tuple[int, ...], scan: Scan) -> _Grid:
    rows, columns = affine[:3, 1], affine[:3, 2]
    lengths = np.linalg.norm(rows), np.linalg.norm(columns)
    if min(lengths) <= 0 or abs(rows @ columns) > UPRIGHT * lengths[0] * lengths[1]:
        raise ReadError(
            "rows and columns are not perpendicular",
            code="BadGeometry",
            path=scan.path,
            hint="Correct the orientation in its header, or read its slices as they were acquired.",
        )
    normal = np.cross(rows, columns) / (lengths[0] * lengths[1])
    normal *= 1.0 if (positions[-1] - positions[0]) @ normal >= 0 else -1.0
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    order = order[np.concatenate([[True], np.diff(along[order]) > _NEGLIGIBLE * max(lengths)])]
    if len(order) < 2:
        raise ReadError(
            "all slices are in one place",
            code="BadGeometry",
            path=scan.path,
            hint="Export the series again: its positions are wrong.",
        )
    first = positions[order[0]]
    distances = along[order] - along[order[0]]
    aside = positions[order] - first - np.outer(distances, normal)
    shifts = np.stack([aside @ rows / lengths[0] ** 2, aside @ columns / lengths[1] ** 2], axis=1)
    shifts = np.where(np.abs(shifts - shifts.round()) < _WHOLE, shifts.round(), shifts)
    least = np.floor(shifts.min(axis=0))
    usual = float(np.sort(np.diff(distances))[(len(order) - 2) // 2])
    slices = min(round(float(distances[-1]) / usual) + 1, MOST_SLICES * len(positions))
    step = float(distances[-1]) / (slices - 1)
    grown = np.ceil(shifts.max(axis=0) - least).astype(int)
    new = affine.copy()
    new[:3, 0] = normal * step
    new[:3, 3] = first + rows * least[0] + columns * least[1]
    return _Grid(
        affine=new,
        shape=(slices, shape[1] + int(grown[0]), shape[2] + int(grown[1])),
        step=step,
        order=order,
        distances=distances,
        shifts=shifts - least,
    )


def _sampled(voxels: Voxels, grid: _Grid, outside: float, padding: Padding | None) -> Voxels:
    """The volume on the new grid, made slice by slice."""
    result = np.empty((*grid.shape, *voxels.shape[3:]), dtype=voxels.dtype)
    placed: dict[int, np.ndarray] = {}
    for index in range(grid.shape[0]):
        distance = index * grid.step
        below = int(np.clip(np.searchsorted(grid.distances, distance, side="right") - 1, 0, len(grid.order) - 2))
        gap = grid.distances[below + 1] - grid.distances[below]
        weight = float(np.clip((distance - grid.distances[below]) / gap, 0.0, 1.0))
        needed = [(below, 1.0 - weight), (below + 1, weight)]
        needed = [(number, share) for number, share in needed if share > _NEGLIGIBLE]
        placed = {
            number: placed[number] if number in placed else _placed(voxels, number, grid, padding)
            for number, _ in needed
        }
        total = sum(share for _, share in needed)
        plane = np.add.reduce(
            [placed[number] * np.asarray(share / total, placed[number].dtype) for number, share in needed]
        )
        result[index] = _as_stored(plane, outside, voxels.dtype)
    return result


def _placed(voxels: Voxels, number: int, grid: _Grid, padding: Padding | None) -> np.ndarray:
    """One old slice on the rows and columns of the new grid; NaN where it does not reach, or is background."""
    stored = voxels[grid.order[number]]
    plane = stored.astype(np.float32 if stored.dtype.itemsize <= 2 or stored.dtype == np.float32 else np.float64)
    if padding is not None:
        plane[(stored >= padding[0]) & (stored <= padding[1])] = np.nan
    corner = np.floor(grid.shifts[number])
    by_row, by_column = (grid.shifts[number] - corner).tolist()
    top, left = corner.astype(int).tolist()
    if by_row:  # between each sample and the next: one sample fewer, and the first lies one further on
        plane, top = by_row * plane[:-1] + (1 - by_row) * plane[1:], top + 1
    if by_column:
        plane, left = by_column * plane[:, :-1] + (1 - by_column) * plane[:, 1:], left + 1
    result = np.full((*grid.shape[1:], *stored.shape[2:]), np.nan, dtype=plane.dtype)
    result[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
    return result


def _as_stored(plane: np.ndarray, outside: float, dtype: np.dtype) -> np.ndarray:
    plane[np.isnan(plane)] = outside
    return np.rint(plane).astype(dtype) if np.issubdtype(dtype, np.integer) else plane.astype(dtype)
