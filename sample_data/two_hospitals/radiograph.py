"""What the beam meets on its way to each pixel: μ·path, summed over tissue and bone.

    p(x, y) = μ_tissue · t_tissue(x, y) + μ_bone · t_bone(x, y)

with μ for an effective energy of about 60 keV. Reference: NIST XCOM, soft tissue 0.205 cm²/g × 1.06 g/cm³
and cortical bone 0.315 cm²/g × 1.6 g/cm³ (the density of whole bones).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .fields import Field, dome, smooth_noise, soft_step, tube
from .lungs import diaphragm, lung_air, point_in_lung, vessel_path
from .opacities import fluid_path
from .skeleton import bone_path

if TYPE_CHECKING:
    from .anatomy import Body, Pose
    from .opacities import Pneumonia

MU_TISSUE = 0.217
"""Linear attenuation of soft tissue, 1/cm."""
MU_BONE = 0.50
"""Linear attenuation of bone, 1/cm."""


@dataclass(frozen=True, kw_only=True)
class Attenuation:
    """The line integrals of one exposure and how much of them the opacities are."""

    total: Field
    """p, without unit."""
    opacity: Field
    """The part of `total` that pneumonia adds."""


def attenuation(
    body: Body,
    pose: Pose,
    pneumonia: Pneumonia,
    *,
    shape: tuple[int, int],
    spacing: float,
    rng: np.random.Generator,
    lesion_rng: np.random.Generator,
) -> Attenuation:
    """Line integrals on a grid of `shape` pixels, `spacing` millimetres apart."""
    x, y = _patient_grid(pose, shape=shape, spacing=spacing)
    air_left, air_right = (lung_air(body, pose, x=x, y=y, side=side) for side in (1, -1))
    air = air_left + air_right
    solid = np.clip(_heart(body, pose, x, y) + _mediastinum(body, pose, x, y), 0.0, 1.0)
    air *= 1.0 - 0.93 * solid
    in_lung = np.clip(air / 4.0, 0.0, 1.0)

    fluid = np.zeros_like(x)
    for opacity in pneumonia.opacities:
        centre = point_in_lung(body, pose, side=opacity.side, across=opacity.across, along=opacity.along)
        fluid += fluid_path(opacity, x=x, y=y, centre=centre, rng=lesion_rng)
    fluid = np.minimum(fluid * in_lung, 0.9 * air)

    texture = 0.10 * smooth_noise(shape, cells=40, rng=rng) + 0.16 * smooth_noise(shape, cells=9, rng=rng)
    blood = np.minimum(in_lung * (vessel_path(body, x=x, y=y, spacing=spacing) + texture), 0.8 * air)
    tissue = np.maximum(_trunk(body, x, y) - air + blood - _windpipe(x, y) - _stomach_gas(pose, x, y), 0.0)
    tissue += _breasts(body, x, y)
    bone = bone_path(body, x=x, y=y)
    # Where there is no patient there is no bone either: the arcs end at the skin.
    bone *= np.clip(tissue, 0.0, 1.0)
    total = MU_TISSUE * (tissue + fluid) + (MU_BONE - MU_TISSUE) * bone
    return Attenuation(total=total.astype(np.float32), opacity=(MU_TISSUE * fluid).astype(np.float32))


def _patient_grid(pose: Pose, *, shape: tuple[int, int], spacing: float) -> tuple[Field, Field]:
    """Coordinates of every pixel in the frame of the (tilted, shifted) patient, millimetres."""
    rows = (np.arange(shape[0], dtype=np.float32) - (shape[0] - 1) / 2) * spacing
    columns = (np.arange(shape[1], dtype=np.float32) - (shape[1] - 1) / 2) * spacing
    down, right = np.meshgrid(rows - pose.shift[1], columns - pose.shift[0], indexing="ij")
    cosine, sine = np.float32(np.cos(pose.tilt)), np.float32(np.sin(pose.tilt))
    return cosine * right + sine * down, cosine * down - sine * right


def _trunk(body: Body, x: Field, y: Field) -> Field:
    """Trunk, shoulders and neck with their elliptic cross-section, centimetres."""
    shoulder = soft_step(y + 134.0, width=38.0)
    arms = 26.0 * (1.0 - soft_step(y + 25.0, width=60.0))
    half_width = 60.0 + (body.half_width + arms - 60.0) * shoulder
    depth = dome((x / half_width) ** 2) ** np.float32(0.6)
    return body.thickness * depth * (0.72 + 0.28 * shoulder) * (1.0 + 0.10 * soft_step(y - 95.0, width=60.0))


def _heart(body: Body, pose: Pose, x: Field, y: Field) -> Field:
    """Share of the lung's depth that the heart fills: an ellipsoid leaning to the patient's left."""
    magnified = 1.12 if pose.view == "AP" else 1.0
    long_axis, short_axis = magnified * body.heart_width, 0.74 * magnified * body.heart_width
    dx = x - 20.0 - pose.turn
    dy = y - (diaphragm(pose, side=1) - 0.62 * short_axis)
    lean = 0.62
    u = (dx * np.float32(np.cos(lean)) + dy * np.float32(np.sin(lean))) / long_axis
    v = (dy * np.float32(np.cos(lean)) - dx * np.float32(np.sin(lean))) / short_axis
    return np.minimum(1.35 * dome(u**2 + v**2), 1.0)


def _mediastinum(body: Body, pose: Pose, x: Field, y: Field) -> Field:
    """The band between the lungs, the aortic arch and the descending aorta, as a share of the depth."""
    centre = x - 0.6 * pose.turn
    band = soft_step(23.0 - np.abs(centre) + 4.0 * soft_step(-y - 70.0, width=40.0), width=5.0)
    knob = 0.9 * dome(((centre - 21.0) / 17.0) ** 2 + ((y + 52.0) / 17.0) ** 2)
    aorta = 0.25 * tube(centre - 22.0, radius=12.0) * soft_step(y + 50.0, width=10.0)
    age = np.clip((body.age - 40) / 50.0, 0.0, 1.0)
    return np.maximum(band, knob * (0.7 + 0.3 * age)) + aorta * (0.5 + 0.5 * age)


def _windpipe(x: Field, y: Field) -> Field:
    """Trachea and the two main bronchi, centimetres of air."""
    trachea = 1.5 * tube(x, radius=8.5) * soft_step(-42.0 - y, width=6.0)
    bronchi = np.zeros_like(x)
    for side, slope in ((-1, 1.5), (1, 0.85)):
        lateral = side * x
        distance = (y + 42.0 - slope * lateral) / (1.0 + slope**2) ** 0.5
        span = soft_step(lateral, width=3.0) * soft_step(30.0 - lateral, width=6.0)
        bronchi += 0.9 * tube(distance, radius=5.5) * span
    return trachea + bronchi


def _stomach_gas(pose: Pose, x: Field, y: Field) -> Field:
    """The bubble below the left half of the diaphragm."""
    top = diaphragm(pose, side=1) + 28.0
    return 4.0 * dome(((x - 62.0) / 26.0) ** 2 + ((y - top) / 15.0) ** 2)


def _breasts(body: Body, x: Field, y: Field) -> Field:
    """Two soft shadows whose lower edges cross the lung bases."""
    if not body.breast:
        return np.zeros_like(x)
    drop = 0.25 * max(body.age - 30, 0)
    depth = np.zeros_like(x)
    for side in (-1, 1):
        square = ((side * x - 0.52 * body.half_width) / 62.0) ** 2 + ((y - 42.0 - drop) / 55.0) ** 2
        depth += body.breast * dome(square)
    return depth
