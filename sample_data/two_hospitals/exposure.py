"""How one radiograph is taken: the direction of the beam, the breath, how the patient stands or lies.

Distances are those of practice: 1.8 m for the standing patient, about 1 m at the bedside, where the heart, in
front, is far from the detector behind the back and therefore magnified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import exact
from .rays import Rays, centred
from .trunk import CHEST_SIDE_MM, CHEST_WALL_MM

if TYPE_CHECKING:
    from .exact import Stream
    from .person import Person
    from .rays import Floats

STANDING_MM = 1800.0
BEDSIDE_MM = 1000.0
_DEGREE = np.pi / 180.0


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """What changes from one radiograph of a person to the next.

    Attributes:
        view: `PA` (beam from behind), `AP` (from the front) or `LL` (from the right, left side at the detector).
        portable: Taken at the bedside: no scatter grid, no automatic exposure, lying or half sitting.
        inspiration: How much lower than after a deep breath the diaphragm stands, millimetres; mostly negative.
        rotation_deg: Turn about the long axis of the body; positive brings the right side forward.
        tilt_deg: How far the upper body leans back, so that the clavicles are thrown upwards in an AP view.
        roll_deg: Turn in the plane of the image.
        shift_mm: How far the patient is off the middle of the detector, towards growing (columns, rows).
        source_mm: From the focal spot to the detector; infinite for parallel rays.
        dose: Exposure relative to the intended one.
    """

    view: str
    portable: bool
    inspiration: float
    rotation_deg: float
    tilt_deg: float
    roll_deg: float
    shift_mm: tuple[float, float]
    source_mm: float
    dose: float


def draw_exposure(stream: Stream, *, view: str, portable: bool) -> Exposure:
    """Draws an exposure; at the bedside everything is less controlled. Equal keys give equal deviations."""
    if view not in {"PA", "AP", "LL"}:
        raise ValueError(f"view {view!r} is none of PA, AP and LL")
    z = [min(max(float(value), -2.5), 2.5) for value in stream.normal(size=7)]
    return Exposure(
        view=view,
        portable=portable,
        inspiration=-22.0 + 11.0 * z[0] if portable else -4.0 + 7.0 * z[0],
        rotation_deg=(5.0 if portable else 2.0) * z[1],
        tilt_deg=5.0 + 4.0 * z[2] if portable else 1.5 * z[2],
        roll_deg=(2.5 if portable else 1.0) * z[3],
        shift_mm=((9.0 if portable else 5.0) * z[4], (9.0 if portable else 6.0) * z[5]),
        source_mm=BEDSIDE_MM if portable else STANDING_MM,
        dose=float(exact.exp((0.3 if portable else 0.08) * z[6])),
    )


def aim(person: Person, exposure: Exposure, *, shape: tuple[int, int], spacing_mm: float) -> Rays:
    """The rays of an exposure, in the frame of the patient, whom they are turned around instead.

    The detector stands 4 cm (in a cassette holder) or 2 cm (under the back) from the skin.
    """
    normal, across = {
        "PA": ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
        "AP": ((0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)),
        "LL": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
    }[exposure.view]
    turned = _turn(exposure)
    n, a, d = (_matrix_times(turned, np.array(vector)) for vector in (normal, across, (0.0, 0.0, -1.0)))
    cosine, sine = (float(f(exposure.roll_deg * _DEGREE)) for f in (exact.cos, exact.sin))
    a, d = cosine * a + sine * d, cosine * d - sine * a
    body = (
        person.thorax_half_width + CHEST_SIDE_MM if exposure.view == "LL" else person.thorax_half_depth + CHEST_WALL_MM
    )
    to_detector = body + person.fat + (20.0 if exposure.portable else 40.0)
    aimed_at = np.array([0.0, 0.0, -0.12 * person.lung_height])
    middle = aimed_at + to_detector * n - exposure.shift_mm[0] * a - exposure.shift_mm[1] * d
    far = exposure.source_mm == float("inf")
    return Rays(
        across=centred(shape[1], spacing_mm),
        down=centred(shape[0], spacing_mm),
        base=middle if far else middle - exposure.source_mm * n,
        normal=n,
        across_axis=a,
        down_axis=d,
        source_mm=exposure.source_mm,
    )


def _turn(exposure: Exposure) -> Floats:
    """The rotation that takes the room's axes to those of the turned patient: R_z(−rotation) · R_x(−tilt)."""
    cz, cx = (float(exact.cos(angle * _DEGREE)) for angle in (exposure.rotation_deg, exposure.tilt_deg))
    sz, sx = (float(exact.sin(angle * _DEGREE)) for angle in (exposure.rotation_deg, exposure.tilt_deg))
    about_z = np.array([[cz, sz, 0.0], [-sz, cz, 0.0], [0.0, 0.0, 1.0]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cx, sx], [0.0, -sx, cx]])
    return np.stack([_matrix_times(about_z, column) for column in about_x.T], axis=1)


def _matrix_times(matrix: Floats, vector: Floats) -> Floats:
    """A 3 × 3 product in fixed order."""
    return matrix[:, 0] * vector[0] + matrix[:, 1] * vector[1] + matrix[:, 2] * vector[2]
