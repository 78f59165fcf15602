"""Branching vessels of the lungs, and the airways that lead to them.

A vessel splits into two whose radii obey Murray's law, r³ = r₁³ + r₂³, after four to nine radii, as arteries of
the lung do; a tree ends where its vessels are thinner than about half a pixel.

Reference: Murray 1926, The physiological principle of minimum work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import exact
from .exact import Stream
from .rays import LEFT, RIGHT, cross, unit
from .tubes import joined, pieces, tube

if TYPE_CHECKING:
    from .person import Person
    from .rays import Floats
    from .thorax import Thorax
    from .tubes import Tubes

_THINNEST_MM = 0.75
_MARGIN = 0.97  # vessels end this share of the way to the lung's surface
_TRUNK_MM = 34.0
_TRUNKS = (
    ((0.45, 0.25, 0.85), 4.2),
    ((0.55, -0.45, 0.70), 3.6),
    ((0.90, 0.30, 0.25), 3.8),
    ((0.90, -0.35, -0.05), 4.0),
    ((0.70, 0.45, -0.55), 4.2),
    ((0.55, -0.55, -0.65), 5.0),
    ((0.45, -0.15, -0.88), 6.0),
    ((0.80, 0.10, -0.60), 4.2),
)
"""Direction (outwards, forwards, upwards) and radius in millimetres of the vessels that leave each hilum."""


def vessels_of(thorax: Thorax) -> Tubes:
    """Both lungs' trees, cut off where they would leave the lung; every piece has the weight 1."""
    trees = [_tree(thorax, side) for side in (RIGHT, LEFT)]
    start, end, radius = (np.concatenate(parts) for parts in zip(*trees, strict=True))
    return pieces(start, end, radius=radius, weight=np.ones(len(radius)))


def airways_of(person: Person) -> Tubes:
    """Trachea and main bronchi, inside the tissue between the lungs."""
    up, wide, deep, lean = person.up, person.wide, person.deep, person.kyphosis
    fork = (3.0, -18.0 * deep, 4.0 * up)
    above = [(3.0, -18.0 * deep, 50.0 * up), (0.0, -16.0 * deep + 0.3 * lean, 95.0 * up)]
    throat = (0.0, -6.0 * deep + 0.6 * lean, 190.0 * up)
    right = [(14.0 * wide, -20.0 * deep, -16.0 * up), (22.0 * wide, -22.0 * deep, -28.0 * up)]
    left = [(-10.0 * wide, -20.0 * deep, -12.0 * up), (-24.0 * wide, -26.0 * deep, -24.0 * up)]
    courses = (([fork, *above, throat], (8.0, 8.5)), ([fork, *right], (6.0, 6.0)), ([fork, *left], (5.5, 5.5)))
    return joined([tube(np.array(points), half_widths=size, outward=(0.0, 1.0, 0.0)) for points, size in courses])


def _tree(thorax: Thorax, side: int) -> tuple[Floats, Floats, Floats]:
    """Starts, ends and radii of one lung's vessels, generation by generation.

    Branches that left the lung go on growing unseen: their numbers are drawn with those of their neighbours, so
    that another breath changes nothing but where the tree is cut off.
    """
    person = thorax.person
    stream = Stream("vessels", person.vessel_seed, side)
    hilum = np.array([side * 22.0 * person.wide, -14.0 * person.deep, (-16.0 if side == RIGHT else -8.0) * person.up])
    start = hilum + stream.normal(sd=4.0, size=(len(_TRUNKS), 3))
    direction = unit(np.array([(side * x, y, z) for (x, y, z), _ in _TRUNKS]))
    radius = np.array([r for _, r in _TRUNKS])
    length = np.full(len(radius), _TRUNK_MM * person.wide)
    seen = np.ones(len(radius), dtype=bool)
    grown: list[tuple[Floats, Floats, Floats]] = []
    while len(radius):
        end = start + length[:, None] * direction
        seen = seen & thorax.in_lung(end, side, margin=_MARGIN)
        grown.append((start[seen], end[seen], radius[seen]))
        direction, radius, thick = _split(stream, direction, radius)
        start, seen = np.concatenate([end, end])[thick], np.concatenate([seen, seen])[thick]
        length = radius * stream.uniform(4.5, 8.5, len(radius))
    starts, ends, radii = (np.concatenate(parts) for parts in zip(*grown, strict=True))
    return starts, ends, radii


def _split(stream: Stream, direction: Floats, radius: Floats) -> tuple[Floats, Floats, np.ndarray]:
    """Directions and radii of the branches that are thick enough, and which those are of all first and second ones.

    The first, thinner branch turns away further than the second.
    """
    count = len(radius)
    share = stream.uniform(0.3, 0.5, count)
    turn = 2.0 * np.pi * stream.uniform(size=count)
    wobble = stream.normal(sd=0.12, size=(2, count, 3))
    across = unit(cross(direction, np.eye(3)[np.argmin(np.abs(direction), axis=1)]))
    aside = exact.cos(turn)[:, None] * across + exact.sin(turn)[:, None] * cross(direction, across)
    away = unit(direction + (0.75 * (1.0 - share))[:, None] * aside + wobble[0])
    onward = unit(direction - (0.75 * share)[:, None] * aside + wobble[1])
    radii = np.concatenate([radius, radius]) * exact.power(np.concatenate([share, 1.0 - share]), 1.0 / 3.0)
    thick = radii >= _THINNEST_MM
    return np.concatenate([away, onward])[thick], radii[thick], thick
