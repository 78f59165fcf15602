"""Intracranial bleeding: epidural, subdural, intracerebral, subarachnoid; from a few drops to 60 ml.

Fresh clotted blood measures 50–80 HU, in proportion to its haemoglobin (New and Aronow, Radiology 1976; 121:635). Sizes
are log-uniform, so that many bleeds are thinner than a voxel or lost in noise: nothing makes them visible. Blood
replaces what was there; brain is not pushed aside and does not swell, so that a bleed changes no other voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .exact import cos, exp, log, power, sin, square
from .lattice import smooth_lattice
from .voxels import ellipsoid_level, fraction_between, fraction_inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .exact import Stream
    from .head import Head, HeadImage
    from .lattice import Lattice
    from .voxels import Points, Vector

    Floats = NDArray[np.float64]

KINDS = ("subdural", "intracerebral", "epidural", "subarachnoid")
SHARES = (0.35, 0.35, 0.15, 0.15)
SMALLEST_ML, LARGEST_ML = 0.3, 60.0
LOWEST_HU, HIGHEST_HU = 50.0, 80.0
# Half widths along and across the longer axis, and the greatest thickness, as parts of the first: lenses are thick and
# round, since the dura holds at the sutures; crescents follow the whole hemisphere.
_LENS, _CRESCENT = (1.0, 0.85, 0.38), (1.0, 0.6, 0.12)
ROUGHNESS = 0.10  # standard deviation of a clot's radius from direction to direction


@dataclass(frozen=True, kw_only=True)
class Bleed:
    """Blood inside the skull.

    Attributes:
        kind: One of `KINDS`.
        volume_ml: Meant; what is drawn is bounded by skull and falx.
        hu: CT number of the blood.
        centre: Of an intracerebral or subarachnoid bleed, in the head's axes; else the direction of its middle.
        proportions: Relative radii (intracerebral), or half widths and thickness as above.
        turn_degrees: Of the longer axis, in the surface or about z.
        rough: Makes the edge of an intracerebral bleed uneven.
    """

    kind: str
    volume_ml: float
    hu: float
    centre: Vector
    proportions: Vector
    turn_degrees: float
    rough: Lattice


def draw_bleed(stream: Stream, head: Head) -> Bleed:
    """A bleed somewhere in this head."""
    kind = stream.child("kind").choice(KINDS, SHARES)
    sizes, place = stream.child("sizes"), stream.child("place")
    volume = float(exp(sizes.uniform(log(SMALLEST_ML), log(LARGEST_ML))))
    hu = sizes.uniform(LOWEST_HU, HIGHEST_HU)
    side = place.choice((-1.0, 1.0))
    if kind in {"epidural", "subdural"}:
        centre = (side * place.uniform(0.65, 1.0), place.uniform(-0.7, 0.6), place.uniform(0.05, 0.6))
        proportions = _LENS if kind == "epidural" else _CRESCENT
    elif kind == "subarachnoid" and place.uniform() < 0.5:  # about the circle of Willis, where aneurysms lie
        centre = (side * place.uniform(0, 40), place.uniform(-22, 8), place.uniform(-27, -8))
        proportions = (1.0, 1.0, 1.0)
    else:
        deep = place.uniform() < 0.6 and kind == "intracerebral"
        x = side * (place.uniform(16, 30) if deep else place.uniform(0.35, 0.72) * head.half_breadth)
        y = place.uniform(-18, 14) if deep else place.uniform(-0.5, 0.5) * head.half_length
        centre = (x, y, place.uniform(-4, 14) if deep else place.uniform(-10, 45))
        proportions = (place.uniform(0.7, 1.0), place.uniform(0.9, 1.5), place.uniform(0.7, 1.1))
    return Bleed(
        kind=kind,
        volume_ml=volume,
        hu=hu,
        centre=centre,
        proportions=proportions,
        turn_degrees=place.uniform(-17.0, 17.0),
        rough=smooth_lattice(stream.child("rough"), spacing=7, half_widths=(70, 98, 84), sigma=8),
    )


def blood_fraction(image: HeadImage, bleed: Bleed) -> Floats:
    """Part of each voxel that is this blood; `slice row column`."""
    inside = image.cavity > 0
    points = image.points.where(inside)
    cavity = image.cavity[inside]
    if bleed.kind == "intracerebral":
        part = _clot(points, bleed) * image.brain[inside] * cavity
    elif bleed.kind == "subarachnoid":
        part = _in_the_sulci(points, bleed) * image.subarachnoid[inside] * cavity
    else:
        part = np.minimum(_below_the_skull(points, bleed, image.depth[inside], image.depth_span[inside]), cavity)
    fraction = np.zeros(image.cavity.shape)
    fraction[inside] = part
    return fraction


def with_blood(image: HeadImage, fraction: Floats, hu: float) -> Floats:
    """CT numbers where `fraction` of each voxel changed from the skull's content to blood."""
    return image.hu + fraction * (hu - image.content)


def _clot(points: Points, bleed: Bleed) -> Floats:
    """An uneven ellipsoid of the volume 4/3 π r₁ r₂ r₃."""
    a, b, c = bleed.proportions
    scale = float(power(3000 * bleed.volume_ml / (4 * np.pi * a * b * c), 1 / 3))
    radii = (a * scale, b * scale, c * scale)
    level, span = ellipsoid_level(points, centre=bleed.centre, radii=radii, turn_degrees=bleed.turn_degrees)
    return fraction_inside(level + ROUGHNESS * np.clip(bleed.rough.at(points), -2.5, 2.5), span)


def _in_the_sulci(points: Points, bleed: Bleed) -> Floats:
    """Fading with the distance from its centre; about a sixth of the cortex's shell is fluid."""
    reach = 6 * float(power(6 * bleed.volume_ml, 1 / 3))
    x, y, z = (points.x - bleed.centre[0], points.y - bleed.centre[1], points.z - bleed.centre[2])
    return np.clip(1.5 - np.sqrt(x * x + y * y + z * z) / reach, 0, 1)


def _below_the_skull(points: Points, bleed: Bleed, depth: Floats, span: Floats) -> Floats:
    """Between the inner table and a paraboloid: thickness = T (1 − (s/a)² − (t/b)²), volume = π a b T / 2.

    s and t are measured along the surface from the bleed's middle, on chords.
    """
    along, across, thick = bleed.proportions
    a = float(power(2000 * bleed.volume_ml / (np.pi * along * across * thick), 1 / 3))
    cx, cy, cz = bleed.centre
    length = math.sqrt(cx * cx + cy * cy + cz * cz)
    cx, cy, cz = cx / length, cy / length, cz / length
    radius = np.sqrt(square(points.x) + square(points.y) + square(points.z)) + 1e-9
    dx, dy, dz = points.x / radius - cx, points.y / radius - cy, points.z / radius - cz
    # The surface's own axes: level (towards the back) and the one that completes it.
    flat = math.sqrt(cx * cx + cy * cy)
    level = (dy * cx - dx * cy) / flat
    rising = dz * flat - (dx * cx + dy * cy) * cz / flat
    radians = bleed.turn_degrees * (np.pi / 180)
    c, s = float(cos(radians)), float(sin(radians))
    surface = radius + depth  # both along the radius
    s, t = (c * level + s * rising) * surface, (c * rising - s * level) * surface
    thickness = a * thick * (1 - square(s / (a * along)) - square(t / (a * across)))
    sheet = fraction_between(depth, 0.0, np.maximum(thickness, 0.0), span)
    near_half = dx * cx + dy * cy + dz * cz > -1
    own_side = fraction_inside(1.5 - points.x * (1.0 if cx > 0 else -1.0), points.span(1.0, 0.0, 0.0))
    return np.where(near_half & (thickness > 0), sheet, 0.0) * own_side
