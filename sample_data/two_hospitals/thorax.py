"""The inside of the chest as solids: the lungs, and what cuts into them.

Everything scales with the person; the numbers are millimetres in a man of 1.75 m with lungs 230 mm high. The
origin is where the trachea forks, in front of the fifth thoracic vertebra; the lungs' apices are 105 mm above,
the domes of the diaphragm 125 mm (right) and about 137 mm (left) below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .rays import LEFT, RIGHT, cross, dot, unit
from .solids import Solid, ellipsoid

if TYPE_CHECKING:
    from .exposure import Exposure
    from .person import Person
    from .rays import Floats

APEX_MM, WIDEST_MM = 105.0, -90.0
"""Heights of the lungs' apices and of where they are widest."""
_DOME_MM = -125.0
_LEAN_MM = 22.0  # the apex of a lung lies this much further back than its widest part
LUNG_MIDDLE, LUNG_HALF_WIDTH = 0.32, 0.68
"""Where the middle of a lung lies, and its half-axis, as shares of half the width of the thorax."""
MIDLINE_MM = 2.0
"""The lungs do not reach nearer to the midline: the membranes between them."""


@dataclass(frozen=True, kw_only=True)
class Thorax:
    """One person at one moment of breathing.

    Attributes:
        person: Whose.
        domes: Top of the diaphragm on the right and on the left, z.
        lungs: What the ribs enclose on either side; the cuts are to be taken away.
        cuts: Diaphragm, heart, great vessels and spine, as they indent each lung.
    """

    person: Person
    domes: dict[int, float]
    lungs: dict[int, Solid]
    cuts: dict[int, tuple[Solid, ...]]

    def point_in_lung(self, side: int, *, across: float, front: float, height: float) -> Floats:
        """From a lung's coordinates to `xyz`.

        Args:
            side: `RIGHT` or `LEFT`.
            across: −1 towards the midline … 1 at the side.
            front: −1 at the back … 1 in front; across² + front² ≤ 1 is inside the ribs.
            height: 0 at the dome of the diaphragm … 1 at the apex.
        """
        person = self.person
        z = np.array(self.domes[side] + height * (APEX_MM * person.up - self.domes[side]))
        share, y = lung_section(person, z)
        x = person.thorax_half_width * (LUNG_MIDDLE + across * share * LUNG_HALF_WIDTH)
        return np.stack([side * x, y + front * share * person.thorax_half_depth, z])

    def in_lung(self, points: Floats, side: int, *, margin: float = 1.0) -> np.ndarray:
        """Whether points lie in a lung, outside all that cuts into it.

        Args:
            points: `... xyz`.
            side: `RIGHT` or `LEFT`.
            margin: The share of the lung's half-axes within which points count.
        """
        inside = (self.lungs[side].depth(points) <= margin * margin) & (side * points[..., 0] >= MIDLINE_MM)
        for cut in self.cuts[side]:
            inside &= ~cut.contains(points)
        return inside


def thorax_of(person: Person, exposure: Exposure) -> Thorax:
    """Builds the chest of a person as it is during an exposure."""
    right_dome = _DOME_MM * person.up - exposure.inspiration
    domes = {RIGHT: right_dome, LEFT: right_dome - person.left_dome}
    shared = (
        *_heart(person, floor=domes[LEFT], lying=exposure.portable),
        *_between_lungs(person),
        *_around_spine(person),
    )
    cuts = {side: (_half_diaphragm(person, domes[side], side=side), *shared) for side in (RIGHT, LEFT)}
    cuts[LEFT] = (*cuts[LEFT], *_aorta(person))
    return Thorax(
        person=person, domes=domes, lungs={side: _lung(person, side=side) for side in (RIGHT, LEFT)}, cuts=cuts
    )


def lung_section(person: Person, z: Floats) -> tuple[Floats, Floats]:
    """A lung's cross-section at heights z: its size as a share of the widest one, and the y of its middle."""
    from_widest = (z / person.up - WIDEST_MM) / (APEX_MM - WIDEST_MM)
    return np.sqrt(np.maximum(1.0 - from_widest * from_widest, 0.0)), -_LEAN_MM * person.deep * from_widest


def stomach_gas(thorax: Thorax) -> Solid:
    """The bubble of air in the stomach, below the left half of the diaphragm."""
    width, deep = thorax.person.thorax_half_width, thorax.person.deep
    return ellipsoid((-0.42 * width, 4.0 * deep, thorax.domes[LEFT] - 23.0), (0.15 * width, 20.0, 11.0))


def _lung(person: Person, *, side: int) -> Solid:
    """A sheared half-axis towards the apex makes the upper lung lean back."""
    width = person.thorax_half_width
    axes = (
        (LUNG_HALF_WIDTH * width, 0.0, 0.0),
        (0.0, person.thorax_half_depth, 0.0),
        (0.0, -_LEAN_MM * person.deep, (APEX_MM - WIDEST_MM) * person.up),
    )
    return ellipsoid((side * LUNG_MIDDLE * width, 0.0, WIDEST_MM * person.up), axes)


def _half_diaphragm(person: Person, top: float, *, side: int) -> Solid:
    """Lower at the side and behind, where the lung reaches deepest."""
    width, depth, high = person.thorax_half_width, person.thorax_half_depth, 100.0 * person.up
    return ellipsoid((side * 0.36 * width, 12.0, top - high), (0.72 * width, 1.22 * depth, high))


def _heart(person: Person, *, floor: float, lying: bool) -> tuple[Solid, Solid]:
    """The ventricles, an ellipsoid that points to the left, forwards and down, and the atria behind them.

    The ventricles' width across the chest is heart_ratio times that of the thorax, 5 % more lying down. An
    ellipsoid with half-axes aᵢ along unit vectors eᵢ reaches  √Σ (aᵢ eᵢₓ)²  along x.
    """
    apex, front = unit(np.array([[-0.78, 0.38, -0.50], [0.53, 0.75, -0.26]]))
    front = unit(front - dot(front, apex) * apex)
    axes = np.stack([72.0 * apex, 54.0 * front, 50.0 * cross(apex, front)])
    half_width = person.heart_ratio * person.thorax_half_width * (1.05 if lying else 1.0)
    size = half_width / float(np.sqrt(dot(axes[:, 0], axes[:, 0])))
    ventricles = ellipsoid((-0.24 * half_width, 20.0, floor + 30.0 * size), (size * axes).tolist())
    atria = ellipsoid((0.14 * half_width, 2.0, floor + 46.0 * size), (0.56 * half_width, 38.0, 54.0 * size))
    return ventricles, atria


def _between_lungs(person: Person) -> tuple[Solid, ...]:
    """Pulmonary trunk, great veins of the upper chest, and the thin band between the lungs."""
    up, wide, deep = person.up, person.wide, person.deep
    return (
        ellipsoid((-15.0 * wide, 10.0 * deep, -22.0 * up), (21.0 * wide, 27.0 * deep, 30.0 * up)),
        ellipsoid((5.0 * wide, 2.0 * deep, 80.0 * up), (29.0 * wide, 46.0 * deep, 130.0 * up)),
        ellipsoid((1.0, 4.0 * deep, 0.0), (9.0 * wide, 92.0 * deep, 300.0 * up)),
    )


def _around_spine(person: Person) -> tuple[Solid, Solid]:
    """Vertebrae and the tissue around them, above and below the hollow of the thoracic curve."""
    up, wide, deep = person.up, person.wide, person.deep
    half_axes = (21.0 * wide, 29.0 * deep, 260.0 * up)
    return (
        ellipsoid((0.0, -66.0 * deep, 60.0 * up), half_axes),
        ellipsoid((0.0, -72.0 * deep, -130.0 * up), half_axes),
    )


def _aorta(person: Person) -> tuple[Solid, Solid]:
    """The arch, which stands out to the left above the root of the lung, and the descending aorta behind."""
    up, deep, radius = person.up, person.deep, person.aorta
    arch = ellipsoid((-5.0 - 0.5 * radius, -14.0 * deep, 24.0 * up), (1.45 * radius, 42.0 * deep, 1.7 * radius))
    leaning = (-4.0 - 0.5 * (radius - 13.0), -6.0 * deep, 150.0 * up)
    descending = ellipsoid((-21.0, -50.0 * deep, -70.0 * up), ((radius, 0.0, 0.0), (0.0, radius, 0.0), leaning))
    return arch, descending
