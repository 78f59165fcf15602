"""What lies inside the skull: grey and white matter, sulci, cisterns, ventricles, dura, calcium.

Sulci are the zero surfaces of a smooth random field: sheets of fluid that wind through the outer two centimetres,
wider in the old. Everything else is ellipsoids and sheets. Axes of the head: x left, y back, z up; CT numbers in HU,
sources in `head.py`; dura and flowing blood 50–60 HU: New and Aronow, Radiology 1976; 121:635 (blood of haematocrit
45 measures about 55).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .exact import square
from .voxels import Points, ellipsoid, fraction_between, fraction_inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .lattice import Lattice
    from .voxels import Vector

    Floats = NDArray[np.float64]

FLUID, WHITE, CORTEX, DEEP_GREY, BRAINSTEM, CEREBELLUM = 5.0, 28.0, 38.0, 35.0, 30.0, 34.0
DURA, VENOUS_BLOOD, CALCIUM = 60.0, 55.0, 180.0
CORTEX_MM = 2.8  # thickness of the cortex: 2.5 mm on average (Fischl and Dale 2000), and its partner across a sulcus
UPRIGHT = 0.42  # sulci change more slowly from slice to slice than within one
SULCI_END_MM = 24.0  # depth below the skull
STEEPNESS = 1.13  # mean of |∇f| · σ for a field f of variance 1 that a Gaussian of σ smoothed: √(8/π) / √2

_GREY: tuple[tuple[Vector, Vector, float], ...] = (
    # centre on the left, radii, degrees about z
    ((12, 10, 2), (9, 15, 10), 25),  # thalamus
    ((25, -6, 2), (6, 16, 10), -14),  # lentiform nucleus
    ((13, -26, 8), (5.5, 9, 10), 15),  # head of the caudate nucleus
)
_CISTERNS: tuple[tuple[Vector, Vector, float], ...] = (
    ((0, -10, -25), (13, 9, 5), 0),  # suprasellar
    ((0, 4, -34), (14, 5, 14), 0),  # before the pons
    ((0, 27, -2), (10, 5, 6), 0),  # of the quadrigeminal plate
    ((11, 21, -10), (2.5, 11, 8), 25),  # ambient
    ((50, -14, -4), (15, 2.0, 13), -8),  # Sylvian fissure
    ((37, -3, 0), (1.8, 17, 12), -8),  # before the insula
    ((0, 66, -52), (8, 6, 10), 0),  # cisterna magna
)
_VENTRICLES: tuple[tuple[Vector, Vector, float], ...] = (
    ((9, -30, 10), (3.4, 12, 8), 22),  # frontal horn
    ((10, -4, 21), (3.6, 25, 5.5), -8),  # body
    ((18, 26, 16), (4.2, 12, 8), -28),  # trigone, upper part
    ((23, 36, 6), (5.0, 9, 9), -20),  # trigone
    ((22, 52, 5), (2.6, 13, 4.5), 8),  # occipital horn
    ((31, 6, -20), (1.8, 11, 3), -12),  # temporal horn
    ((0, 0, 2), (2.0, 14, 9), 0),  # third
    ((0, 40, -42), (5.5, 5, 8), 0),  # fourth
)
_CALCIUM: tuple[tuple[Vector, Vector, float], ...] = (
    ((0, 24, 5), (2.2, 2.6, 2.6), 0),  # pineal gland
    ((23, 37, 7), (2.2, 3.5, 3.5), 0),  # choroid plexus
)


class _Mixture:
    """CT numbers and two of their ingredients; what is painted later covers what was there."""

    def __init__(self, count: int) -> None:
        self.hu = np.full(count, WHITE)
        self.brain = np.ones(count)
        self.fluid = np.zeros(count)

    def cover(self, part: Floats, hu: float, *, brain: bool = False, fluid: bool = False) -> None:
        self.hu = self.hu + part * (hu - self.hu)
        self.brain = self.brain + part * (float(brain) - self.brain)
        self.fluid = self.fluid + part * (float(fluid) - self.fluid)


def brain_content(
    points: Points, depth: Floats, span: Floats, *, atrophy: float, folds: Lattice, calcified: bool
) -> tuple[Floats, Floats, Floats]:
    """CT numbers, part that is brain, part that is fluid outside the ventricles.

    Args:
        points: Inside the skull, flat.
        depth: Below the inner surface, in millimetres.
        span: By how much the depth changes across a voxel.
        atrophy: 0 in the young to 1.4.
        folds: Whose zeros are the sulci.
        calcified: Whether pineal gland and choroid plexus are.
    """
    mixture = _Mixture(len(depth))
    tent = _tentorium_height(points)
    below = fraction_inside(points.z - tent, points.span(0.0, 0.0, 1.0))
    behind = fraction_inside(6 + 0.42 * np.abs(points.x) - points.y, points.span(0.3, 1.0, 0.0))
    hind = below * behind
    _paint_cortex(mixture, points, depth, span, atrophy=atrophy, folds=folds, cerebrum=1 - hind)
    mixture.cover(hind * (depth > 4), CEREBELLUM, brain=True)
    _paint(mixture, points, _GREY, DEEP_GREY, brain=True)
    _paint(mixture, points, _CISTERNS, FLUID, grow=1 + 0.35 * atrophy, fluid=True)
    mixture.cover(ellipsoid(points, centre=(0, 17, -32), radii=(13, 11, 26)), BRAINSTEM, brain=True)
    gap = 0.7 + 1.8 * atrophy
    mixture.cover(fraction_inside(depth - gap, span), FLUID, fluid=True)
    outside_callosum = np.clip(square((points.y - 3) / 45) + square((points.z - 8) / 27) - 1, 0, 0.2) * 5
    midline = outside_callosum * (1 - hind) * (points.z > -18)
    across = points.span(1.0, 0.0, 0.0)
    wide = 0.9 + 0.9 * atrophy
    mixture.cover(midline * fraction_between(points.x, -wide, wide, across), FLUID, fluid=True)
    _paint(mixture, points, _VENTRICLES, FLUID, grow=0.85 + 0.65 * atrophy)
    mixture.cover(midline * fraction_between(points.x, -0.7, 0.7, across), DURA)
    leaf = fraction_between(points.z - tent, -0.6, 0.6, points.span(0.5, 0.3, 1.0))
    mixture.cover(leaf * behind * (np.abs(points.x) > 8 - 0.1 * points.y), DURA)
    sinus = fraction_between(points.x, -4.5, 4.5, across) * fraction_inside(depth - 6, span)
    mixture.cover(sinus * (points.z > 10), VENOUS_BLOOD)
    if calcified:
        _paint(mixture, points, _CALCIUM, CALCIUM)
    return mixture.hu, mixture.brain, mixture.fluid


def _paint_cortex(
    mixture: _Mixture, points: Points, depth: Floats, span: Floats, *, atrophy: float, folds: Lattice, cerebrum: Floats
) -> None:
    """Grey matter below the surface and along the sulci, and the fluid in these.

    The field's distance to its zero surface is |f| / |∇f|, with the mean of |∇f|.
    """
    upright = Points(x=points.x, y=points.y, z=UPRIGHT * points.z, steps=points.steps)
    distance = folds.at(upright) * (folds.sigma / STEEPNESS)
    voxel = points.span(0.7, 0.7, 0.25)
    outer = np.clip((SULCI_END_MM - depth) / 8, 0, 1) * cerebrum
    half = (0.4 + 1.0 * atrophy) * outer
    ribbon = (half + CORTEX_MM) * (outer > 0)
    mixture.cover(fraction_between(distance, -ribbon, ribbon, voxel) * outer, CORTEX, brain=True)
    mixture.cover(fraction_inside(depth - 4.5, span) * cerebrum, CORTEX, brain=True)
    mixture.cover(fraction_between(distance, -half, half, voxel), FLUID, fluid=True)


def _paint(
    mixture: _Mixture,
    points: Points,
    parts: tuple[tuple[Vector, Vector, float], ...],
    hu: float,
    *,
    grow: float = 1.0,
    brain: bool = False,
    fluid: bool = False,
) -> None:
    """Draws paired and midline ellipsoids; `grow` widens them more than it lengthens them."""
    for (x, y, z), (across, along, high), degrees in parts:
        radii = (across * grow, along * (1 + 0.3 * (grow - 1)), high * (1 + 0.6 * (grow - 1)))
        for side in (1, -1) if x else (1,):
            centre = (side * (x + 0.5 * across * (grow - 1)), y, z)
            part = ellipsoid(points, centre=centre, radii=radii, turn_degrees=side * degrees)
            mixture.cover(part, hu, brain=brain, fluid=fluid)


def _tentorium_height(points: Points) -> Floats:
    """The roof of the posterior fossa: highest in the midline at the notch, falling outwards and back."""
    return 6 - 0.50 * np.abs(points.x) - 0.28 * np.maximum(points.y - 30, 0)
