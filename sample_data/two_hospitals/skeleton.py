"""The bones: ribs, vertebrae and clavicles as tubes along arcs, flat and round ones as ellipsoids.

Each has a weight: the share of compact bone in it. Ribs, vertebral bodies and clavicles have a wall of compact bone
around spongy bone, of which mineral and matrix fill 13 % in a young adult (chosen within the 8 to 20 % of human
spongy bone). The walls are 0.7 to 1.3 mm thick in ribs and 1 mm in vertebrae.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import exact
from .rays import LEFT, RIGHT
from .solids import Solid, ellipsoid, scaled
from .thorax import LUNG_HALF_WIDTH, LUNG_MIDDLE, WIDEST_MM, lung_section
from .trunk import spine_y
from .tubes import Tubes, joined, tube

if TYPE_CHECKING:
    from .person import Person
    from .rays import Floats

RIBS = 12
_RIB_ENDS = (190.0, 184.0, 178.0, 171.0, 164.0, 157.0, 150.0, 140.0, 130.0, 120.0, 85.0, 62.0)
"""Azimuth at which the bone of each rib passes into cartilage, degrees from the back by the side to the front."""
_RIB_POINTS = 13
_SPONGY = 0.13
_PITCH_MM = 22.3  # from one thoracic vertebra to the next
_DEGREE = np.pi / 180.0


def tubes_of(person: Person, *, arms: bool) -> Tubes:
    """Ribs, vertebrae, and clavicles, whose outer ends raised arms lift."""
    bones = [rib(person, number=number, side=side) for side in (RIGHT, LEFT) for number in range(1, RIBS + 1)]
    for number in range(-3, 15):
        bones += _vertebra(person, number)
    return joined([*bones, *(_clavicle(person, side=side, raised=not arms) for side in (RIGHT, LEFT))])


def plates_of(person: Person, *, arms: bool) -> list[tuple[Solid, float]]:
    """Sternum, shoulder blades and, unless the arms are raised, their heads; nested ones add up."""
    density, up, deep = person.bone_density, person.up, person.deep
    sternum = ((19.0, 0.0, 0.0), (0.0, 6.0, 0.0), (0.0, -22.0 * deep, 82.0 * up))
    plates = [(ellipsoid((0.0, 76.0 * deep, -28.0 * up), sternum), 0.35 * density)]
    for side in (RIGHT, LEFT):
        x = side * person.thorax_half_width
        blade = ((side * 26.0, 27.0, 0.0), (side * -2.3, 2.2, 0.0), (side * -8.0, -4.0, 68.0 * up))
        plates.append((ellipsoid((x - side * 8.0, -66.0 * deep, -2.0 * up), blade), 0.55 * density))
        if arms:
            head = ellipsoid((x + side * 24.0, -12.0, 82.0 * up), (23.0, 22.0, 24.0))
            plates += [(head, 0.5 * density), (scaled(head, 0.92), -0.34 * density)]
    return plates


def rib(person: Person, *, number: int, side: int) -> Tubes:
    """One rib, from its vertebra around the lung; it slopes down as it runs forwards.

        x = side·(x₀ + r_x sin φ),  y = y₀ − r_y cos φ,  z = z_vertebra + 4 − slope·(y − y_first) − 8 sin²φ

    where the section (y₀, r) of the lung depends on z: a few rounds of substitution settle it. Below its widest
    part the chest does not narrow.
    """
    first, last = -16.0, _RIB_ENDS[number - 1]
    azimuth = (first + (last - first) * np.arange(_RIB_POINTS) / (_RIB_POINTS - 1)) * _DEGREE
    sine, cosine = exact.sin(azimuth), exact.cos(azimuth)
    joint = _vertebra_z(person, number)
    x = y = z = np.full(_RIB_POINTS, joint)
    for _ in range(4):
        share, middle = lung_section(person, np.minimum(z, 92.0 * person.up))
        share = np.where(z < WIDEST_MM * person.up, 1.0, share)
        x = LUNG_MIDDLE * person.thorax_half_width
        x = x + (LUNG_HALF_WIDTH * person.thorax_half_width * share + 5.0) * sine
        y = middle - (person.thorax_half_depth * share + 5.0) * cosine
        z = joint + 4.0 - person.rib_slope * (y - y[0]) - 8.0 * sine * sine
    head = np.array([[side * 15.0 * person.wide, float(spine_y(person, np.array(joint))) - 8.0, joint + 2.0]])
    return tube(
        np.concatenate([head, np.stack([side * x, y, z], axis=1)]),
        half_widths=np.array([3.4, person.rib_height]) * (0.9 if number in {1, 11, 12} else 1.0),
        outward=np.stack([side * sine, -cosine, np.full_like(sine, 0.35)], axis=1),
        hollow=0.8,
        wall=person.bone_density,
        core=_SPONGY * person.bone_density,
    )


def _vertebra_z(person: Person, number: float) -> float:
    """Middle of the thoracic vertebra `number` (0 is the seventh cervical, 13 the first lumbar)."""
    return (5.0 - number) * _PITCH_MM * person.up - 2.0


def _vertebra(person: Person, number: int) -> list[Tubes]:
    """The body with its end plates, and the arch, the spine and the wings behind it."""
    density, grown = person.bone_density, person.wide * (1.0 + 0.03 * (number - 5))
    half = 0.4 * _PITCH_MM * person.up
    z = _vertebra_z(person, number)
    below, y, above = spine_y(person, z + half * np.array([-1.0, 0.0, 1.0])).tolist()
    lean = 0.5 * (above - below)
    low, high = np.array([0.0, y - lean, z - half]), np.array([0.0, y + lean, z + half])
    plate = 0.06 * (high - low)
    size, sideways = (16.5 * grown, 14.5 * grown), (1.0, 0.0, 0.0)
    tip = (0.0, -43.0, -14.0 if number > 0 else -5.0)

    def behind(*points: tuple[float, float, float]) -> Floats:
        return np.array(points) * (person.wide, person.deep, person.up) + (0.0, y, z)

    return [
        tube(
            np.stack([low, high]),
            half_widths=size,
            outward=sideways,
            hollow=0.93,
            wall=density,
            core=_SPONGY * density,
        ),
        tube(np.stack([low, low + plate]), half_widths=size, outward=sideways, wall=0.35 * density),
        tube(np.stack([high - plate, high]), half_widths=size, outward=sideways, wall=0.35 * density),
        tube(
            behind((-9.0, -19.0, 2.0), (0.0, -30.0, 0.0), (9.0, -19.0, 2.0)),
            half_widths=(3.0, 6.5),
            outward=(0.0, -1.0, 0.0),
            wall=0.35 * density,
        ),
        tube(behind((0.0, -31.0, 0.0), tip), half_widths=(2.6, 5.5), outward=sideways, wall=0.35 * density),
        *(
            tube(
                behind((side * 11.0, -20.0, 3.0), (side * 27.0, -30.0, 6.0)),
                half_widths=(4.0, 4.5),
                wall=0.3 * density,
            )
            for side in (RIGHT, LEFT)
        ),
    ]


def _clavicle(person: Person, *, side: int, raised: bool) -> Tubes:
    """An S from the sternum to the shoulder: first forwards, then back."""
    knots = np.array(
        [
            (20.0, 54.0, 48.0),
            (38.0, 58.0, 54.0),
            (60.0, 55.0, 62.0),
            (82.0, 43.0, 69.0),
            (104.0, 28.0, 76.0),
            (124.0, 13.0, 83.0),
            (142.0, 2.0, 88.0),
            (156.0, -5.0, 90.0),
        ]
    ) * (side * person.wide, person.deep, person.up)
    if raised:
        knots = knots + (np.arange(len(knots)) / (len(knots) - 1))[:, None] * (0.0, -20.0, 14.0)
    density = person.bone_density
    return tube(knots, half_widths=(5.6, 6.4), hollow=0.72, wall=density, core=_SPONGY * density)
