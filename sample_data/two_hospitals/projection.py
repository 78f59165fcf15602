"""What the beam meets on its way to each pixel, in millimetres of each material.

Where solids overlap, the later of these displaces the earlier, along every ray and exactly:

    fat < muscle < lung < diaphragm, heart, vessels and spine that cut into it

The airways and the stomach's gas lie in soft tissue and displace it, and so do bones, which displace fat only where a
ray meets too little soft tissue. The vessels lie in lung and displace it. A focus replaces air in what is left of a
lung, at most once in every place; vessels in it are weakened by as much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .exposure import aim
from .lesions import shells_of
from .rays import LEFT, RIGHT, total
from .skeleton import plates_of, tubes_of
from .solids import beyond, shared_length, stretch, union_length, without
from .thorax import MIDLINE_MM, stomach_gas, thorax_of
from .trunk import muscle_of, skin_of
from .tubes import add_paths
from .vessels import airways_of, vessels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exposure import Exposure
    from .lesions import Lesion
    from .person import Person
    from .rays import Floats, Rays
    from .solids import Solid, Stretch
    from .thorax import Thorax

SOFT_DENSITY, ADIPOSE_DENSITY, BONE_DENSITY, LEAD_DENSITY = 1.06, 0.95, 1.92, 11.35
"""g/cm³. Reference: ICRU Report 44 (soft tissue, adipose tissue, cortical bone)."""

MU_SOFT = 0.2048 * SOFT_DENSITY / 10.0
MU_ADIPOSE = 0.1974 * ADIPOSE_DENSITY / 10.0
MU_BONE = 0.3148 * BONE_DENSITY / 10.0
MU_LEAD = 5.021 * LEAD_DENSITY / 10.0
"""1/mm at one effective energy of 60 keV (chest radiographs at 100 to 125 kV have about 55 to 65 keV).

Reference: Hubbell and Seltzer, NIST Standard Reference Database 126, tables 3 and 4, total μ/ρ with coherent
scattering. A single energy means no beam hardening.
"""


@dataclass(frozen=True, kw_only=True)
class Integrals:
    """Line integrals, each `row column`.

    Attributes:
        adipose_mm: Millimetres of fat.
        soft_mm: Millimetres of soft tissue; lung counts by its mass.
        bone_mm: Millimetres of compact bone.
        lesion_mm: Millimetres of soft tissue that foci add.
        lead_mm: Millimetres of lead.
        spacing_mm: From pixel to pixel.
        lesion_ml: Fluid that foci hold, as far as the image shows them, millilitres.
    """

    adipose_mm: Floats
    soft_mm: Floats
    bone_mm: Floats
    lesion_mm: Floats
    lead_mm: Floats
    spacing_mm: float
    lesion_ml: float

    def attenuation(self, *, lesions: bool = True) -> Floats:
        """Σ μ · path, without unit, with or without what the foci add."""
        healthy = MU_ADIPOSE * self.adipose_mm + MU_SOFT * self.soft_mm + MU_BONE * self.bone_mm
        healthy += MU_LEAD * self.lead_mm
        return healthy + MU_SOFT * self.lesion_mm if lesions else healthy


def line_integrals(
    person: Person, exposure: Exposure, lesions: Sequence[Lesion], *, shape: tuple[int, int], spacing_mm: float
) -> Integrals:
    """Projects a person onto `shape` pixels, `spacing_mm` apart."""
    rays = aim(person, exposure, shape=shape, spacing_mm=spacing_mm)
    return project(rays, thorax_of(person, exposure), lesions, arms=exposure.view != "LL")


def project(rays: Rays, thorax: Thorax, lesions: Sequence[Lesion], *, arms: bool) -> Integrals:
    """The line integrals along any rays."""
    lengths = rays.lengths()
    skin = union_length([stretch(rays, solid) for solid in skin_of(thorax.person, arms=arms)]) * lengths
    muscle = union_length([stretch(rays, solid) for solid in muscle_of(thorax.person, arms=arms)]) * lengths
    air_share = 1.0 - thorax.person.lung_density / SOFT_DENSITY
    soft = muscle - air_share * _air(rays, thorax, lesions) - _gas(rays, thorax)
    bone = _bone(rays, thorax, arms=arms)
    under_the_skin = np.maximum(bone - soft, 0.0)
    lesion, fluid_ml = _fluid(rays, thorax, lesions)
    return Integrals(
        adipose_mm=np.maximum(skin - muscle - under_the_skin, 0.0),
        soft_mm=soft - (bone - under_the_skin),
        bone_mm=bone,
        lesion_mm=air_share * lesion,
        lead_mm=np.zeros(rays.shape),
        spacing_mm=float(rays.across[1] - rays.across[0]),
        lesion_ml=air_share * fluid_ml,
    )


def _air(rays: Rays, thorax: Thorax, lesions: Sequence[Lesion]) -> Floats:
    """Millimetres of aerated lung, the vessels in it taken away, foci not."""
    air = np.zeros(rays.shape)
    for side in (RIGHT, LEFT):
        window = thorax.lungs[side].footprint(rays)
        for part in _aerated(rays.window(window), thorax, side):
            air[window] += part.length()
    air *= rays.lengths()
    vessels = vessels_of(thorax)
    # In a focus a vessel displaces only the air that fluid has left there.
    filled = _filled(vessels.middle, thorax, lesions)
    add_paths(air, rays, replace(vessels, wall=filled - 1.0))
    return air


def _aerated(rays: Rays, thorax: Thorax, side: int, taken: Sequence[Solid] = ()) -> list[Stretch]:
    """Where rays run through what is left of a lung, outside the cuts and whatever else is `taken`."""
    inside = beyond(rays, stretch(rays, thorax.lungs[side]), normal=(side, 0.0, 0.0), offset=MIDLINE_MM)
    return without(inside, [stretch(rays, cut) for cut in (*thorax.cuts[side], *taken)])


def _fluid(rays: Rays, thorax: Thorax, lesions: Sequence[Lesion]) -> tuple[Floats, float]:
    """Millimetres of lung whose air is replaced, and their volume in millilitres."""
    fluid, volume_ml = np.zeros(rays.shape), 0.0
    lengths = rays.lengths()
    pixel_mm2 = float((rays.across[1] - rays.across[0]) * (rays.down[1] - rays.down[0]))
    for place, lesion in enumerate(lesions):
        shells = shells_of(lesion, thorax)
        window = shells[-1][0].footprint(rays)
        part = rays.window(window)
        if 0 in part.shape:
            continue
        taken = [shells_of(other, thorax)[-1][0] for other in lesions[:place] if other.side == lesion.side]
        aerated = _aerated(part, thorax, lesion.side, taken)
        path = np.zeros(part.shape)
        for shell, density in shells:
            path += density * shared_length(stretch(part, shell), aerated)
        path *= lengths[window]
        fluid[window] += path
        magnification = rays.magnification(shells[0][0].centre)
        volume_ml += total(path) * pixel_mm2 / (magnification * magnification) / 1000.0
    return fluid, volume_ml


def _bone(rays: Rays, thorax: Thorax, *, arms: bool) -> Floats:
    """Millimetres of compact bone."""
    bone = np.zeros(rays.shape)
    lengths = rays.lengths()
    for plate, weight in plates_of(thorax.person, arms=arms):
        window = plate.footprint(rays)
        bone[window] += weight * stretch(rays.window(window), plate).length() * lengths[window]
    add_paths(bone, rays, tubes_of(thorax.person, arms=arms))
    return bone


def _gas(rays: Rays, thorax: Thorax) -> Floats:
    """Millimetres of air in the airways and the stomach."""
    gas = np.zeros(rays.shape)
    bubble = stomach_gas(thorax)
    window = bubble.footprint(rays)
    gas[window] += stretch(rays.window(window), bubble).length() * rays.lengths()[window]
    add_paths(gas, rays, airways_of(thorax.person))
    return gas


def _filled(points: Floats, thorax: Thorax, lesions: Sequence[Lesion]) -> Floats:
    """The share of air that foci replace at points `point xyz`; where foci overlap, the first one's."""
    filled = np.zeros(len(points))
    free = np.ones(len(points), dtype=bool)
    for lesion in lesions:
        shells = shells_of(lesion, thorax)
        for shell, density in shells:
            filled += density * (free & shell.contains(points))
        free &= ~shells[-1][0].contains(points)
    return filled
