"""The outside of a person as solids: what the skin encloses, and what lies under the fat.

Everything scales with the person; the numbers are millimetres in a man of 1.75 m.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .rays import LEFT, RIGHT
from .solids import Solid, column, ellipsoid

if TYPE_CHECKING:
    from .person import Person
    from .rays import Floats

CHEST_WALL_MM = 28.0
"""From the widest part of the lungs to the fat of the back or the front: ribs and muscle."""
CHEST_SIDE_MM = 36.0
"""From the lungs to the fat of the side."""


def skin_of(person: Person, *, arms: bool) -> list[Solid]:
    """Trunk, shoulders, neck, belly and breasts, with the fat under the skin."""
    solids = _trunk(person, person.fat, arms=arms)
    if person.breast:
        hang = 0.35 * max(person.age - 25, 0) + 0.4 * person.breast
        y = person.thorax_half_depth + 0.55 * (CHEST_WALL_MM + person.fat) - 45.0
        out = person.breast + 45.0
        for side in (RIGHT, LEFT):
            axes = (
                (58.0 + 0.4 * person.breast, 0.0, 0.0),
                (0.0, out, -0.35 * out),
                (0.0, 12.0, 66.0 + 0.3 * person.breast),
            )
            solids.append(ellipsoid((side * 0.56 * person.thorax_half_width, y, -30.0 - hang), axes))
    return solids


def muscle_of(person: Person, *, arms: bool) -> list[Solid]:
    """What lies under the fat."""
    return _trunk(person, 0.0, arms=arms)


def spine_y(person: Person, z: Floats) -> Floats:
    """Where the middles of the vertebral bodies lie: the thoracic curve, hollow towards the front."""
    above = (z / person.up + 45.0) / 150.0
    bend = np.where(above > 0, 22.0 + person.kyphosis, 14.0)
    return -66.0 * person.deep + bend * above * above


def _trunk(person: Person, fat: float, *, arms: bool) -> list[Solid]:
    """Chest, belly, neck and shoulders, with the beginning of the arms unless these are raised."""
    up = person.up
    width, depth = person.thorax_half_width + CHEST_SIDE_MM + fat, person.thorax_half_depth + CHEST_WALL_MM + fat
    neck = 56.0 + 0.3 * fat
    nape = float(spine_y(person, np.array(130.0 * up)))
    chest = ((width, 0.0, 0.0), (0.0, depth, 0.0), (0.0, 0.75 * nape, 198.0 * up + 0.3 * fat))
    solids = [
        ellipsoid((0.0, -2.0, -60.0 * up), chest),
        ellipsoid((0.0, 2.0, -235.0 * up), (width, depth + 4.0 + 0.25 * fat, 210.0 * up)),
        column((0.0, nape, 0.0), (neck, neck + 2.0)),
    ]
    for side in (RIGHT, LEFT):
        reach = side * (person.thorax_half_width + 26.0)
        shoulder = (
            (0.62 * reach, 0.0, -34.0 * up),
            (0.0, (62.0 if arms else 52.0) + fat, 0.0),
            (side * 12.0, 0.0, 40.0 + 0.6 * fat),
        )
        solids.append(ellipsoid((0.52 * reach, nape + 8.0, 84.0 * up), shoulder))
        if arms:
            thick = 46.0 + 0.7 * fat
            arm = ((thick, 0.0, 0.0), (0.0, thick + 10.0, 0.0), (side * 30.0, 0.0, -105.0 * up - 0.5 * fat))
            solids.append(ellipsoid((reach + side * 8.0, -10.0, 18.0 * up), arm))
    return solids
