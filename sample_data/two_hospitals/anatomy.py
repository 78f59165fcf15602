"""Who is X-rayed and how they stand: random adults, random poses.

Lengths are millimetres in the plane of the detector. x grows towards the right edge of the image (the
patient's left), y grows downwards, and the origin lies between the lungs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Body:
    """What stays the same from one study of a patient to the next."""

    sex: str
    age: int
    half_width: float
    """Half the width of the trunk."""
    thickness: float
    """Front-to-back tissue in the middle of the trunk, centimetres."""
    lung_width: float
    """Half the width of one lung."""
    lung_height: float
    """Half the height of one lung, before the diaphragm cuts it."""
    lung_depth: float
    """Front-to-back air in the middle of a lung, centimetres of displaced tissue."""
    heart_width: float
    """Half the longer axis of the heart."""
    bone_density: float
    """1 is a young adult; it falls with age."""
    breast: float
    """Front-to-back tissue of a breast, centimetres; 0 for men."""
    rib_spacing: float
    rib_slope: float
    detail_seed: int
    """Seeds the vessels, which belong to the patient."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """What changes with every exposure."""

    view: str
    """`PA` (standing, back to the tube) or `AP` (in bed: shallower breath, magnified heart)."""
    inspiration: float
    """How far the diaphragm is lowered, millimetres."""
    tilt: float
    """Rotation in the plane of the detector, radians."""
    turn: float
    """Shift of the heart and mediastinum by a turned trunk, millimetres."""
    shift: tuple[float, float]
    """Where the patient stands in front of the detector, (x, y)."""


def draw_body(rng: np.random.Generator) -> Body:
    """Draws an adult of 18 to 90 years; women are smaller and have breast shadows."""
    sex = "F" if rng.random() < 0.5 else "M"
    age = int(rng.integers(18, 91))
    habitus = float(rng.normal())  # −2 very slender … +2 very broad
    frame = (0.94 if sex == "F" else 1.03) * float(rng.normal(1.0, 0.03))
    return Body(
        sex=sex,
        age=age,
        half_width=frame * (170.0 + 9.0 * habitus),
        thickness=frame * (20.5 + 1.8 * habitus),
        lung_width=frame * float(rng.normal(65.0, 2.5)),
        lung_height=frame * float(rng.normal(146.0, 6.0) - 4.0 * habitus),
        lung_depth=frame * float(rng.normal(11.5, 0.7)),
        heart_width=frame * float(rng.normal(66.0, 5.0) + 3.0 * habitus + 0.08 * (age - 50)),
        bone_density=float(rng.normal(1.0, 0.08)) - 0.004 * max(age - 45, 0),
        breast=float(rng.uniform(0.6, 2.6)) if sex == "F" else 0.0,
        rib_spacing=frame * float(rng.normal(24.0, 1.0)),
        rib_slope=float(rng.normal(0.33, 0.06)),
        detail_seed=int(rng.integers(2**32)),
    )


def draw_pose(rng: np.random.Generator, *, bedside_fraction: float) -> Pose:
    """Draws an exposure; `bedside_fraction` of them are AP views of patients in bed."""
    bedside = bool(rng.random() < bedside_fraction)
    return Pose(
        view="AP" if bedside else "PA",
        inspiration=float(rng.normal(-14.0 if bedside else 0.0, 8.0)),
        tilt=float(rng.normal(0.0, 0.035 if bedside else 0.02)),
        turn=float(rng.normal(0.0, 6.0 if bedside else 3.0)),
        shift=(float(rng.normal(0.0, 5.0)), float(rng.normal(0.0, 6.0))),
    )
