"""Tubes along arcs: ribs, clavicles, vertebrae, vessels, airways.

An arc is a chain of straight pieces of elliptic cylinder, each cut by the planes that halve the angles to its
neighbours: the pieces fit without overlap or gap, and a ray's way through each is known in closed form.
A wall is what lies between a cylinder and the same cylinder made thinner by a factor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from .rays import cross, dot, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rays import Floats, Rays

_BATCH = 200_000  # rays handled together: about what fits the processor's cache
_NEARLY_ALONG = 1e-9


@dataclass(frozen=True, kw_only=True)
class Tubes:
    """Straight pieces of tube.

    Attributes:
        middle: A point on the axis, `piece xyz`, millimetres.
        forms: Both cross-axes divided by their half-widths, `piece 2 xyz`: inside where Σ (form·(p − middle))² ≤ 1.
        ends: Normals of the two cutting planes, both pointing along the piece, `piece 2 xyz`.
        offsets: A point is between the planes where  ends·p  lies between the two, `piece 2`.
        reach: Points around every piece, `piece corner xyz`.
        hollow: Radius of the inside as a share of the outer one, `piece`; 0 where the tube is solid.
        wall: Weight of the path through the wall, `piece`.
        core: Weight of the path through the inside, `piece`.
    """

    middle: Floats
    forms: Floats
    ends: Floats
    offsets: Floats
    reach: Floats
    hollow: Floats
    wall: Floats
    core: Floats

    def __len__(self) -> int:
        """Number of pieces."""
        return len(self.middle)


def tube(
    points: Floats,
    *,
    half_widths: Sequence[float] | Floats,
    outward: Sequence[float] | Floats = (0.0, 0.0, 1.0),
    hollow: float = 0.0,
    wall: float = 1.0,
    core: float = 0.0,
) -> Tubes:
    """One tube along a chain of points.

    Args:
        points: `point xyz`, millimetres.
        half_widths: Half the thickness along `outward` and half the width across it; for the whole tube or
            `piece 2`.
        outward: A direction not along the tube, for the whole tube or `piece xyz`.
        hollow: Radius of the inside as a share of the outer one.
        wall: Weight of the path through the wall.
        core: Weight of the path through the inside.
    """
    along = unit(points[1:] - points[:-1])
    joints = np.concatenate([along[:1], unit(along[:-1] + along[1:]), along[-1:]])
    material = [np.full(len(along), value) for value in (hollow, wall, core)]
    ends = np.stack([joints[:-1], joints[1:]], axis=1)
    return _assemble(points[:-1], points[1:], ends, np.asarray(half_widths), np.asarray(outward), material)


def pieces(start: Floats, end: Floats, *, radius: Floats, weight: Floats) -> Tubes:
    """Round solid pieces that are cut straight, each for itself; `piece xyz`, millimetres."""
    along = unit(end - start)
    # Any direction across a round piece will do: that of the axis it is least aligned with.
    outward = np.eye(3)[np.argmin(np.abs(along), axis=1)]
    nothing = np.zeros(len(along))
    half_widths = np.stack([radius, radius], axis=1)
    return _assemble(start, end, np.stack([along, along], axis=1), half_widths, outward, [nothing, weight, nothing])


def joined(tubes: Sequence[Tubes]) -> Tubes:
    """All pieces of several tubes."""
    names = [field.name for field in fields(Tubes)]
    return Tubes(**{name: np.concatenate([getattr(tube, name) for tube in tubes]) for name in names})


def add_paths(image: Floats, rays: Rays, tubes: Tubes) -> None:
    """Adds to `image` the millimetres that each ray runs through the tubes, times their weights.

    Pieces whose shadows have about the same size are handled together.
    """
    x, y = rays.project(tubes.reach)
    columns, widths = _shadow(rays.across, x)
    rows, heights = _shadow(rays.down, y)
    seen = (widths > 0) & (heights > 0)
    lengths = rays.lengths()
    sizes = np.minimum(-(-np.stack([heights, widths], axis=1) // 4) * 4, rays.shape)
    for shape in sorted({tuple(size) for size in sizes[seen].tolist()}):
        members = np.flatnonzero(seen & (sizes == shape).all(axis=1))
        step = max(_BATCH // (shape[0] * shape[1]), 1)
        for first in range(0, len(members), step):
            some = members[first : first + step]
            top = np.minimum(rows[some], rays.shape[0] - shape[0])
            left = np.minimum(columns[some], rays.shape[1] - shape[1])
            patches = _paths(rays, tubes, some, top, left, shape)
            for patch, i, j in zip(patches, top.tolist(), left.tolist(), strict=True):
                place = (slice(i, i + shape[0]), slice(j, j + shape[1]))
                image[place] += patch * lengths[place]


def _assemble(
    start: Floats, end: Floats, ends: Floats, half_widths: Floats, outward: Floats, material: Sequence[Floats]
) -> Tubes:
    along = unit(end - start)
    thin = unit(outward - dot(outward, along)[:, None] * along)
    wide = cross(along, thin)
    half_widths = np.broadcast_to(half_widths, (len(along), 2))
    # Slanted ends reach beyond the axis: by at most the larger half-width, since joints turn by less than 90°.
    overhang = half_widths.max(axis=1)[:, None] * along
    a, b = thin * half_widths[:, :1], wide * half_widths[:, 1:]
    corners = [point + i * a + j * b for point in (start - overhang, end + overhang) for i in (-1, 1) for j in (-1, 1)]
    return Tubes(
        middle=start,
        forms=np.stack([thin / half_widths[:, :1], wide / half_widths[:, 1:]], axis=1),
        ends=ends,
        offsets=np.stack([dot(ends[:, 0], start), dot(ends[:, 1], end)], axis=1),
        reach=np.stack(corners, axis=1),
        hollow=material[0],
        wall=material[1],
        core=material[2],
    )


def _shadow(places: Floats, values: Floats) -> tuple[np.ndarray, np.ndarray]:
    """First sample and number of samples of the rising, even `places` that each row of `values` covers."""
    spacing = places[1] - places[0]
    first = np.floor((values.min(axis=1) - places[0]) / spacing).astype(np.int64)
    last = np.ceil((values.max(axis=1) - places[0]) / spacing).astype(np.int64)
    first, last = np.maximum(first, 0), np.minimum(last, len(places) - 1)
    return first, np.maximum(last - first + 1, 0)


def _paths(
    rays: Rays, tubes: Tubes, some: np.ndarray, top: np.ndarray, left: np.ndarray, shape: tuple[int, int]
) -> Floats:
    """Weighted paths through some pieces on their patches, `piece row column`, in units of t.

    With A, B, C of `solids.stretch`; the inside of a hollow tube has the same A and B, and  C + 1 − hollow².
    """
    down = rays.down[top[:, None] + np.arange(shape[0])][:, :, None]
    across = rays.across[left[:, None] + np.arange(shape[1])][:, None, :]
    forms = tubes.forms[some]
    start = -dot(forms, tubes.middle[some][:, None])
    at = [_spread(rays.of_position(forms[:, i]), down, across, shift=start[:, i]) for i in (0, 1)]
    along = [_spread(rays.of_direction(forms[:, i]), down, across) for i in (0, 1)]
    a = along[0] * along[0] + along[1] * along[1] + 1e-15
    b = at[0] * along[0] + at[1] * along[1]
    c = at[0] * at[0] + at[1] * at[1]
    middle = -b / a
    square = middle * middle - c / a
    low, high = _between(rays, tubes, some, down, across)
    inverse = 1.0 / a
    outer = _clipped(middle, square + inverse, low, high)
    wall, core, hollow = (values[some][:, None, None] for values in (tubes.wall, tubes.core, tubes.hollow))
    if not tubes.hollow[some].any():
        return wall * outer
    inner = _clipped(middle, square + inverse * (hollow * hollow), low, high)
    return wall * outer + (core - wall) * inner


def _between(rays: Rays, tubes: Tubes, some: np.ndarray, down: Floats, across: Floats) -> tuple[Floats, Floats]:
    """From where to where rays run between both cutting planes."""
    low, high = np.float64(-1e9), np.float64(1e9)
    for i, sign in ((0, 1.0), (1, -1.0)):
        normal = sign * tubes.ends[some, i]
        along = _spread(rays.of_direction(normal), down, across)
        along = np.where(np.abs(along) < _NEARLY_ALONG, _NEARLY_ALONG, along)
        at = _spread(rays.of_position(normal), down, across, shift=-sign * tubes.offsets[some, i])
        meets = -at / along
        low = np.where(along > 0, np.maximum(low, meets), low)
        high = np.where(along > 0, high, np.minimum(high, meets))
    return low, high


def _clipped(middle: Floats, square: Floats, low: Floats, high: Floats) -> Floats:
    """Length of the stretch of half-length √square around `middle`, between `low` and `high`."""
    half = np.sqrt(np.maximum(square, 0.0))
    return np.maximum(np.minimum(middle + half, high) - np.maximum(middle - half, low), 0.0)


def _spread(
    form: tuple[Floats, Floats, Floats], down: Floats, across: Floats, *, shift: Floats | float = 0.0
) -> Floats:
    """A linear form of every piece on its patch, `piece row column`, or `piece 1 1` where it is constant."""
    constant, over, under = form
    value = (constant + shift)[:, None, None]
    if not over.any() and not under.any():
        return value
    return (value + under[:, None, None] * down) + over[:, None, None] * across
