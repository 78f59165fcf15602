"""People, poses, rays and simple objects for the tests of the radiographs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from two_hospitals.detector import Detector
from two_hospitals.exact import Stream
from two_hospitals.exposure import Exposure, aim
from two_hospitals.person import AgeMix, Person, draw_person
from two_hospitals.projection import Integrals
from two_hospitals.rays import Rays, centred, cross, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from two_hospitals.tubes import Tubes

FAR = float("inf")
STILL = Exposure(
    view="PA",
    portable=False,
    inspiration=0.0,
    rotation_deg=0.0,
    tilt_deg=0.0,
    roll_deg=0.0,
    shift_mm=(0.0, 0.0),
    source_mm=1800.0,
    dose=1.0,
)
BEDSIDE = replace(STILL, view="AP", portable=True, source_mm=1000.0)
LATERAL = replace(STILL, view="LL")

IDEAL = Detector(
    shape=(200, 200),
    border=(0, 0),
    spacing_mm=2.0,
    kerma_uGy=2.5,
    efficiency=0.65,
    blur_mm=0.0,
    scatter=0.0,
    electronic_noise=0.0,
)
"""Without blur, scatter and electronic noise; 200 × 200 pixels."""


def person(key: int = 1, *, mean: float = 55.0) -> Person:
    return draw_person(Stream("person", key), ages=AgeMix(mean=mean, sd=15.0))


def rays_at(exposure: Exposure = STILL, *, size: int = 120, spacing_mm: float = 4.0) -> Rays:
    return aim(person(), exposure, shape=(size, size), spacing_mm=spacing_mm)


def along(normal: Sequence[float], *, size: int = 200, spacing_mm: float = 1.0, source_mm: float = FAR) -> Rays:
    """Rays in any direction through the origin, which lies 200 mm in front of the detector."""
    n = unit(np.array(normal, dtype=np.float64))
    across = unit(cross(n, np.eye(3)[int(np.argmin(np.abs(n)))]))
    base = 200.0 * n if source_mm == FAR else (200.0 - source_mm) * n
    places = centred(size, spacing_mm)
    return Rays(
        across=places,
        down=places,
        base=base,
        normal=n,
        across_axis=across,
        down_axis=cross(n, across),
        source_mm=source_mm,
    )


def points_along(rays: Rays, row: int, column: int, t: np.ndarray) -> np.ndarray:
    """Points of one ray, worked out from the definition: a straight line from the source to the pixel."""
    pixel = rays.across[column] * rays.across_axis + rays.down[row] * rays.down_axis
    if rays.source_mm == FAR:
        return rays.base + pixel + t[:, None] * rays.normal
    target = rays.base + rays.source_mm * rays.normal + pixel
    return rays.base + t[:, None] * (target - rays.base) / rays.source_mm


def share_inside(tubes: Tubes, points: np.ndarray) -> np.ndarray:
    """The weight at points, from what the attributes mean."""
    total = np.zeros(len(points))
    for i in range(len(tubes)):
        square = (((points - tubes.middle[i]) @ tubes.forms[i].T) ** 2).sum(axis=1)
        low, high = (points @ tubes.ends[i].T - tubes.offsets[i]).T
        core = square <= tubes.hollow[i] ** 2 if tubes.hollow[i] else np.zeros(len(points), dtype=bool)
        total += ((square <= 1) & (low >= 0) & (high < 0)) * np.where(core, tubes.core[i], tubes.wall[i])
    return total


def slab(soft_mm: float | np.ndarray, shape: tuple[int, int] = (200, 200)) -> Integrals:
    """Nothing but soft tissue."""
    nothing = np.zeros(shape)
    return Integrals(
        adipose_mm=nothing,
        soft_mm=nothing + soft_mm,
        bone_mm=nothing,
        lesion_mm=nothing,
        lead_mm=nothing,
        spacing_mm=2.0,
        lesion_ml=0.0,
    )


def wedge() -> np.ndarray:
    """Open beam at the left, up to 20 cm of tissue at the right."""
    return np.maximum(np.linspace(-40.0, 200.0, 200), 0.0)[None, :] * np.ones((200, 1))
