"""Pneumonia: foci of lung whose air is partly replaced by fluid, from hardly anything to whole segments.

Consolidated lung has the density of soft tissue (about 1.05 g/cm³ against 0.2 to 0.3 of aerated lung), ground
glass lies between. A focus is an ellipsoid; its edge is soft: four nested ellipsoids each carry a quarter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import exact
from .rays import LEFT, RIGHT
from .solids import Solid, ellipsoid, scaled
from .thorax import LUNG_HALF_WIDTH

if TYPE_CHECKING:
    from .exact import Stream
    from .person import Person
    from .thorax import Thorax

SHELLS = (0.7, 0.9, 1.1, 1.3)
"""Sizes of the nested ellipsoids relative to the radii."""

_ATTEMPTS = 6


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """One focus.

    Attributes:
        side: +1 in the right lung, −1 in the left.
        across: Place in the lung: −1 towards the midline … 1 at the side.
        front: −1 at the back … 1 in front.
        height: 0 at the dome of the diaphragm … 1 at the apex.
        radii_mm: Half-axes along x, y and z where half of the core's density is reached.
        density: Share of the air in its core that is replaced by fluid, 0 … 1.
    """

    side: int
    across: float
    front: float
    height: float
    radii_mm: tuple[float, float, float]
    density: float

    @property
    def volume_ml(self) -> float:
        """Volume of lung whose air is replaced, millilitres, before the lung's edges cut it off.

        4/3 π abc · density · mean of shell³
        """
        a, b, c = self.radii_mm
        cubes = math.fsum(shell * shell * shell for shell in SHELLS) / len(SHELLS)
        return 4.0 / 3.0 * np.pi * a * b * c * self.density * cubes / 1000.0


def draw_lesions(stream: Stream, person: Person, *, severity: float) -> tuple[Lesion, ...]:
    """Draws one to five foci, most of them in one lung.

    Number, size and density rise with severity (0 … 1), each with a wide spread of its own: severe disease may
    hide behind the heart or below the dome of the diaphragm, and slight disease may be too thin to be seen.

        radius = 9 mm · 3.2^severity · exp(0.3 z);   density = 0.2 + 0.7·severity ± 0.15, at most 0.95
    """
    if not 0.0 <= severity <= 1.0:
        raise ValueError(f"severity {severity!r} is not between 0 and 1")
    main = LEFT if float(stream.uniform()) < 0.45 else RIGHT
    count = 1 + int(np.count_nonzero(stream.uniform(size=4) < 0.15 + 0.5 * severity))
    lesions: list[Lesion] = []
    for number in range(count):
        for attempt in range(_ATTEMPTS):
            own = stream.child("lesion", number, attempt)
            lesion = _draw_focus(own, person, severity=severity, main=main, first=number == 0)
            if all(_apart(lesion, other, person) for other in lesions):
                lesions.append(lesion)
                break
    return tuple(lesions)


def _draw_focus(stream: Stream, person: Person, *, severity: float, main: int, first: bool) -> Lesion:
    """One focus; the first is the largest as a rule and lies in the main lung."""
    z = [min(max(float(value), -2.5), 2.5) for value in stream.normal(size=4)]
    smaller, elsewhere, angle, out, height, thinner = stream.uniform(size=6).tolist()
    radius = person.wide * 9.0 * float(exact.power(3.2, severity) * exact.exp(0.3 * z[0]))
    radius *= 1.0 if first else 0.4 + 0.5 * smaller
    angle, out = 2.0 * np.pi * angle, 0.8 * math.sqrt(out)
    return Lesion(
        side=main if first or elsewhere < 0.7 else -main,
        across=0.1 + out * float(exact.cos(angle)),
        front=-0.1 + out * float(exact.sin(angle)),
        height=-0.08 + 0.88 * height,
        radii_mm=(radius * (1.0 + 0.2 * z[1]), radius * (1.0 + 0.2 * z[2]), radius * (1.0 + 0.2 * z[3])),
        density=min(max(0.2 + 0.7 * severity + 0.3 * (thinner - 0.5), 0.05), 0.95),
    )


def shells_of(lesion: Lesion, thorax: Thorax) -> list[tuple[Solid, float]]:
    """The nested ellipsoids of a focus, each with the share of air that it replaces; they add up."""
    centre = thorax.point_in_lung(lesion.side, across=lesion.across, front=lesion.front, height=lesion.height)
    core = ellipsoid(centre.tolist(), lesion.radii_mm)
    return [(scaled(core, size), lesion.density / len(SHELLS)) for size in SHELLS]


def _apart(one: Lesion, other: Lesion, person: Person) -> bool:
    """Whether two foci hardly overlap: in units of their summed outer half-axes, their centres are 1 apart or more.

    The height of a lung is taken as after a shallow breath.
    """
    if one.side != other.side:
        return True
    away = (
        (one.across - other.across) * LUNG_HALF_WIDTH * person.thorax_half_width,
        (one.front - other.front) * person.thorax_half_depth,
        (one.height - other.height) * 0.85 * person.lung_height,
    )
    square = 0.0
    for distance, a, b in zip(away, one.radii_mm, other.radii_mm, strict=True):
        part = distance / (SHELLS[-1] * (a + b))
        square += part * part
    return square >= 1.0
