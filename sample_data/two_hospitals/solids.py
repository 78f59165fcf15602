"""Where rays enter and leave ellipsoids and elliptic cylinders, and how such stretches combine.

Nothing is sampled along a ray: a solid gives the two ends of a stretch in closed form, and solids that cut one
another are combined on these ends, so that what is displaced is displaced exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .rays import cross, dot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rays import Floats, Rays, Window

_NEARLY_ALONG = 1e-15  # keeps the quadratic from degenerating for a ray along a cylinder


class Stretch(NamedTuple):
    """From where to where rays run inside something, in units of t; nothing where both are equal."""

    enter: Floats
    leave: Floats

    def length(self) -> Floats:
        """In units of t."""
        return self.leave - self.enter


@dataclass(frozen=True, kw_only=True)
class Solid:
    """All points p with  Σᵢ (formᵢ · (p − centre))² ≤ 1.

    Three forms make an ellipsoid, two an elliptic cylinder without ends.

    Attributes:
        centre: `xyz`, millimetres.
        forms: `form xyz`, 1/millimetres.
        corners: Points around an ellipsoid, `corner xyz`; None for a cylinder.
    """

    centre: Floats
    forms: Floats
    corners: Floats | None = None

    def contains(self, points: Floats) -> np.ndarray:
        """Whether points `... xyz` lie inside."""
        return self.depth(points) <= 1.0

    def depth(self, points: Floats) -> Floats:
        """Σᵢ (formᵢ · (p − centre))²: 0 at the centre, 1 on the surface."""
        away = points - self.centre
        total = np.zeros(points.shape[:-1])
        for form in self.forms:
            part = dot(form, away)
            total = total + part * part
        return total

    def footprint(self, rays: Rays) -> Window:
        """A window of the detector that holds the solid's shadow."""
        if self.corners is None:
            return slice(0, rays.shape[0]), slice(0, rays.shape[1])
        return rays.cover(*rays.project(self.corners))


def ellipsoid(centre: Sequence[float], axes: Sequence[Sequence[float]] | Sequence[float]) -> Solid:
    """An ellipsoid.

    Args:
        centre: `xyz`, millimetres.
        axes: Three half-axes along x, y and z, or three vectors from the centre to the surface, `axis xyz`.
            These need not be at right angles: the solid is the image of the unit ball.
    """
    middle = np.array(centre, dtype=np.float64)
    vectors = np.array(axes, dtype=np.float64)
    if vectors.ndim == 1:
        vectors = vectors[:, None] * np.eye(3)
    a, b, c = vectors
    forms = np.stack([cross(b, c), cross(c, a), cross(a, b)]) / dot(a, cross(b, c))
    corners = np.stack([middle + i * a + j * b + k * c for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
    return Solid(centre=middle, forms=forms, corners=corners)


def column(centre: Sequence[float], half_axes: Sequence[float]) -> Solid:
    """An upright elliptic cylinder without ends, with half-axes along x and y."""
    forms = np.array([[1.0 / half_axes[0], 0.0, 0.0], [0.0, 1.0 / half_axes[1], 0.0]])
    return Solid(centre=np.array(centre, dtype=np.float64), forms=forms)


def scaled(solid: Solid, factor: float) -> Solid:
    """The solid grown about its centre."""
    corners = None if solid.corners is None else solid.centre + factor * (solid.corners - solid.centre)
    return Solid(centre=solid.centre, forms=solid.forms / factor, corners=corners)


def stretch(rays: Rays, solid: Solid) -> Stretch:
    """Where each ray enters and leaves a solid.

    A t² + 2 B t + C = 0,   A = Σ (f·d)²,  B = Σ (f·o)(f·d),  C = Σ (f·o)² − 1
    t = (−B ∓ √(B² − A C)) / A;   rays that miss get the empty stretch at −B / A
    """
    a: Floats = np.full((1, 1), _NEARLY_ALONG)
    b: Floats = np.zeros((1, 1))
    c: Floats = np.full((1, 1), -1.0)
    for form in solid.forms:
        at = _plane(rays, rays.of_position(form)) - dot(form, solid.centre)
        along = _plane(rays, rays.of_direction(form))
        a, b, c = a + along * along, b + at * along, c + at * at
    half = np.sqrt(np.maximum(b * b - a * c, 0.0))
    return Stretch(*(np.broadcast_to(end, rays.shape) for end in ((-b - half) / a, (-b + half) / a)))


def beyond(rays: Rays, inside: Stretch, *, normal: Sequence[float], offset: float) -> Stretch:
    """The part of `inside` where  normal · p ≥ offset."""
    form = np.array(normal, dtype=np.float64)
    along = np.broadcast_to(_plane(rays, rays.of_direction(form)), rays.shape)
    along = np.where(np.abs(along) < 1e-9, np.where(along < 0, -1e-9, 1e-9), along)
    meets = (offset - _plane(rays, rays.of_position(form))) / along
    meets = np.minimum(np.maximum(meets, inside.enter), inside.leave)
    return Stretch(np.where(along > 0, meets, inside.enter), np.where(along > 0, inside.leave, meets))


def without(inside: Stretch, cuts: Sequence[Stretch]) -> list[Stretch]:
    """What is left of `inside` once `cuts` are taken away: at most one stretch more than cuts.

    Starts and ends are sorted each for themselves. Where a ray is outside all cuts, as many cuts have begun
    as have ended: the i-th gap reaches from the i-th end to the (i+1)-th start, if that comes later.
    """
    clipped = [
        (np.clip(cut.enter, inside.enter, inside.leave), np.clip(cut.leave, inside.enter, inside.leave)) for cut in cuts
    ]
    starts = [*_sorted([start for start, _ in clipped]), inside.leave]
    ends = [inside.enter, *_sorted([end for _, end in clipped])]
    return [Stretch(end, np.maximum(start, end)) for end, start in zip(ends, starts, strict=True)]


def shared_length(inside: Stretch, parts: Sequence[Stretch]) -> Floats:
    """How much of `inside` lies in the disjoint `parts`, in units of t."""
    total = np.zeros_like(inside.enter)
    for part in parts:
        total += np.maximum(np.minimum(inside.leave, part.leave) - np.maximum(inside.enter, part.enter), 0.0)
    return total


def union_length(stretches: Sequence[Stretch]) -> Floats:
    """How much lies in at least one stretch, each overlap counted once, in units of t."""
    starts = _sorted([part.enter for part in stretches])
    ends = _sorted([part.leave for part in stretches])
    total = ends[-1] - starts[0]
    for end, start in zip(ends[:-1], starts[1:], strict=True):
        total -= np.maximum(start - end, 0.0)
    return total


def _sorted(values: Sequence[Floats]) -> list[Floats]:
    """Sorts a few arrays element by element, by exchanging neighbours."""
    rows = list(values)
    for last in range(len(rows) - 1, 0, -1):
        for i, j in pairwise(range(last + 1)):
            rows[i], rows[j] = np.minimum(rows[i], rows[j]), np.maximum(rows[i], rows[j])
    return rows


def _plane(rays: Rays, form: tuple[Floats, Floats, Floats]) -> Floats:
    """A linear form on the whole grid, or `1 1` where it is the same for all rays."""
    constant, across, down = form
    if across == 0.0 and down == 0.0:
        return np.reshape(constant, (1, 1))
    return (constant + down * rays.down)[:, None] + (across * rays.across)[None, :]
