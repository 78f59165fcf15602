"""A head as CT sees it, from formulas: scalp, skull, brain with its fluid spaces, skull base, orbits and sinuses.

Axes of the head: x left, y back, z up, in millimetres, from a point between the foramina of Monro; the
orbitomeatal plane lies about 42 mm below. CT numbers in HU.

Sources. Head length 197 and 187 mm, breadth 152 and 144 mm (men, women; standard deviations 7 and 5.5): Gordon et
al., 1988 Anthropometric Survey of US Army Personnel. White matter 30 ± 3.5 and deep grey matter 33 ± 3 HU: Cala et
al., AJNR 1981; 2:41. White 20–30, grey 37–45, fat −50 to −100, bone 700–3000 HU: Buzug, Computed Tomography,
Springer 2008, p. 475. Third ventricle 5 mm wide, fourth 13 mm, growing with age: Kumar et al., Natl J Clin Anat
2017; 6:198. Sulci and ventricles widen with age: Cala et al.; Schwartz et al., Ann Neurol 1985; 17:146. Sizes
without a source here are chosen within what anatomical atlases show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .brain import brain_content
from .exact import square
from .lattice import smooth_lattice
from .skull_base import floor_height, floor_thickness, paint_base
from .voxels import Points, fraction_inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .exact import Stream
    from .lattice import Lattice
    from .voxels import Grid

    Floats = NDArray[np.float64]

AIR, SKIN, FAT, MUSCLE, TABLE, DIPLOE = -1000.0, 40.0, -90.0, 55.0, 1300.0, 650.0
SKIN_MM = 2.0
LOWER_HEIGHT = 170.0  # the head narrows but slowly towards the neck
TABLE_SHARE = 0.28  # of the skull's thickness, for each table


@dataclass(frozen=True, kw_only=True)
class Head:
    """One patient's head; millimetres.

    Attributes:
        half_breadth: To the skin.
        half_length: To the skin.
        height: From the origin to the vertex.
        egg: How much broader it is behind than in front.
        scalp: Thickness.
        skull: Thickness of the vault; drawn from the 5 to 9 mm that are usual.
        atrophy: 0 at twenty years, about 1 at ninety.
        bone: Factor on the bone's CT numbers; lower in old women.
        calcified: Whether pineal gland and choroid plexus are.
        folds: Seeds the pattern of sulci.
    """

    half_breadth: float
    half_length: float
    height: float
    egg: float
    scalp: float
    skull: float
    atrophy: float
    bone: float
    calcified: bool
    folds: Lattice


@dataclass(frozen=True, kw_only=True)
class HeadImage:
    """CT numbers of a head on a grid, and what a bleed needs to know of it; arrays `slice row column`.

    Attributes:
        hu: CT numbers without noise.
        points: Of the grid, in the head's axes.
        cavity: Part of each voxel inside the skull.
        content: CT number of what lies inside the skull.
        brain: Part of that which is brain (not fluid, dura or calcium).
        subarachnoid: Part of that which is fluid around the brain.
        depth: Millimetres inward from the skull's inner surface, along the radius.
        depth_span: By how much this changes across a voxel.
    """

    hu: Floats
    points: Points
    cavity: Floats
    content: Floats
    brain: Floats
    subarachnoid: Floats
    depth: Floats
    depth_span: Floats


def draw_head(stream: Stream, *, sex: str, age: float) -> Head:
    """The head of a patient. The same draws whatever sex and age are."""
    man = sex == "M"
    z = [float(value) for value in stream.child("sizes").normal(size=9)]
    atrophy = max(0.0, (age - 20) / 70 + 0.18 * z[5])
    return Head(
        half_breadth=(152 if man else 144) / 2 + 2.7 * z[0],
        half_length=(197 if man else 187) / 2 + 3.5 * z[1],
        height=(89 if man else 86) + 2.0 * z[2],
        egg=0.08 + 0.02 * z[3],
        scalp=max(4.0, 5.5 + 0.8 * z[4]),
        skull=min(11.0, max(4.5, (6.6 if man else 7.0) + 0.9 * z[6])),
        atrophy=min(atrophy, 1.4),
        bone=1 + 0.08 * z[7] - (0.0 if man else max(0.0, age - 50) * 0.004),
        calcified=z[8] < (age - 45) / 25,
        folds=smooth_lattice(stream.child("folds"), spacing=3.4, half_widths=(42, 96, 78), sigma=3.2),
    )


def image_head(head: Head, grid: Grid) -> HeadImage:
    """CT numbers of the head on a grid given in the head's own axes."""
    points = grid.points()
    skin_depth = _depth_below_skin(head, points)
    span = _span_on_grid(skin_depth)
    scalp = head.scalp + _temporal_muscle(points)
    depth = skin_depth - scalp - _skull_thickness(head, points)
    in_head = skin_depth > -span
    hu = np.full(grid.shape, AIR)
    hu[in_head] = _outer_layers(head, points.where(in_head), skin_depth[in_head], span[in_head], scalp[in_head])
    cavity, content, brain, subarachnoid = (np.zeros(grid.shape) for _ in range(4))
    chosen = depth > -span
    near = points.where(chosen)
    above = fraction_inside(floor_height(near.x, near.y) - near.z, near.span(0.0, 0.0, 1.0))
    cavity[chosen] = _deeper(depth[chosen], 0.0, span[chosen]) * above
    chosen = cavity > 0
    content[chosen], brain[chosen], subarachnoid[chosen] = brain_content(
        points.where(chosen),
        depth[chosen],
        span[chosen],
        atrophy=head.atrophy,
        folds=head.folds,
        calcified=head.calcified,
    )
    return HeadImage(
        hu=_over(hu, cavity, content),
        points=points,
        cavity=cavity,
        content=content,
        brain=brain,
        subarachnoid=subarachnoid,
        depth=depth,
        depth_span=span,
    )


def _outer_layers(head: Head, points: Points, skin_depth: Floats, span: Floats, scalp: Floats) -> Floats:
    """All but the skull's content: each layer is painted over the inside of the one before."""
    skull = _skull_thickness(head, points)
    table, diploe = TABLE * head.bone, DIPLOE * head.bone
    hu = np.full(skin_depth.shape, AIR)
    hu = _over(hu, _deeper(skin_depth, 0.0, span), SKIN)
    hu = _over(hu, _deeper(skin_depth, SKIN_MM, span), FAT)
    muscle = np.clip((scalp - head.scalp) / 2, 0, 1)
    hu = _over(hu, _deeper(skin_depth, SKIN_MM + 2, span) * muscle, MUSCLE)
    hu = _over(hu, _deeper(skin_depth, scalp, span), table)
    hu = _over(hu, _deeper(skin_depth, scalp + TABLE_SHARE * skull, span), diploe)
    hu = _over(hu, _deeper(skin_depth, scalp + (1 - TABLE_SHARE) * skull, span), table)
    inside = _deeper(skin_depth, scalp + skull, span)
    hu = _over(hu, inside, MUSCLE)
    base = floor_height(points.x, points.y) - floor_thickness(points.x, points.y)
    hu = _over(hu, inside * fraction_inside(base - points.z, points.span(0.0, 0.0, 1.0)), table)
    return paint_base(hu, points, skin_depth, bone=table)


def _depth_below_skin(head: Head, points: Points) -> Floats:
    """Millimetres inward along the radius from an egg: ρ scales the radius to the skin, depth = r/ρ − r."""
    x, y, z = points.x, points.y, points.z
    breadth = head.half_breadth * (1 + head.egg * y / head.half_length)
    height = np.where(z > 0, head.height, LOWER_HEIGHT)
    rho = np.sqrt(square(x / breadth) + square(y / head.half_length) + square(z / height)) + 1e-9
    radius = np.sqrt(x * x + y * y + z * z)
    return radius / rho - radius


def _skull_thickness(head: Head, points: Points) -> Floats:
    """Thicker at the forehead and the occiput."""
    return head.skull * (1 + 0.35 * square(points.y / head.half_length))


def _temporal_muscle(points: Points) -> Floats:
    """How much thicker the scalp is over the temples."""
    along = np.clip(1 - square((points.y + 32) / 36), 0, 1)
    return 7 * along * np.clip((25 - points.z) / 40, 0, 1) * np.clip((np.abs(points.x) - 35) / 20, 0, 1)


def _span_on_grid(level: Floats) -> Floats:
    """By how much a function changes across a voxel: √Σ over the axes of squared central differences."""
    total = np.zeros(level.shape)
    for axis in range(3):
        first = np.moveaxis(level, axis, 0)
        change = np.empty(first.shape)
        change[1:-1] = (first[2:] - first[:-2]) / 2
        change[0], change[-1] = first[1] - first[0], first[-1] - first[-2]
        total += square(np.moveaxis(change, 0, axis))
    return np.maximum(np.sqrt(total), 1e-9)


def _deeper(depth: Floats, least: Floats | float, span: Floats) -> Floats:
    """Part of each voxel that lies deeper than `least`."""
    return fraction_inside(least - depth, span)


def _over(hu: Floats, part: Floats, painted: Floats | float) -> Floats:
    """`painted` over a part of what is there."""
    return hu + part * (painted - hu)
