"""The lungs: their air along the beam, where a point of a lung lies, and their vessels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .fields import Field, dome, soft_step

if TYPE_CHECKING:
    from .anatomy import Body, Pose

APEX_RISE = 6.0
"""The ellipse of a lung is centred this far below the origin, millimetres."""


def lung_air(body: Body, pose: Pose, *, x: Field, y: Field, side: int) -> Field:
    """Air along the beam in one lung, centimetres of displaced tissue.

    An ellipsoid narrowed towards the apex, cut from below by the domed diaphragm, which stands higher
    on the patient's right (above the liver).
    """
    lateral = side * x
    narrowing = 0.74 + 0.26 * soft_step(y + 62.0, width=70.0)
    across = (lateral - _middle(body) * (0.82 + 0.18 * narrowing)) / (body.lung_width * narrowing)
    along = (y - APEX_RISE) / body.lung_height
    depth = dome(across**2 + along**2) ** np.float32(0.75)
    arch = ((lateral - _middle(body) + 8.0) / body.lung_width) ** 2
    floor = diaphragm(pose, side=side) + 21.0 * arch
    return body.lung_depth * depth * soft_step(floor - y, width=3.0)


def diaphragm(pose: Pose, *, side: int) -> float:
    """Height of the dome, millimetres below the origin."""
    return 92.0 + pose.inspiration - (11.0 if side < 0 else 0.0)


def point_in_lung(body: Body, pose: Pose, *, side: int, across: float, along: float) -> tuple[float, float]:
    """From a lung's own coordinates (medial–lateral, apex–base, both −1…1) to millimetres."""
    top, bottom = APEX_RISE - body.lung_height, diaphragm(pose, side=side)
    y = 0.5 * (top + bottom) + 0.5 * along * (bottom - top)
    half_width = body.lung_width * max(1.0 - ((y - APEX_RISE) / body.lung_height) ** 2, 0.1) ** 0.5
    return side * (_middle(body) + across * half_width), y


def vessel_path(body: Body, *, x: Field, y: Field, spacing: float) -> Field:
    """Blood along the beam, centimetres: trees that branch from both hila and thin out towards the pleura."""
    rng = np.random.default_rng(body.detail_seed)
    blood = np.zeros_like(x)
    for side in (-1, 1):
        hilum = (side * 27.0, -8.0 if side > 0 else -2.0)
        blood += 1.1 * np.exp(-0.5 * (((x - hilum[0]) / 10.0) ** 2 + ((y - hilum[1]) / 17.0) ** 2))
        for direction in np.linspace(-1.25, 1.35, 7) + rng.normal(0.0, 0.1, 7):
            _grow(blood, x, y, start=hilum, angle=float(direction), side=side, radius=3.4, rng=rng, step=spacing)
    return blood


def _grow(  # noqa: PLR0913 (one recursion, all of it state)
    blood: Field,
    x: Field,
    y: Field,
    *,
    start: tuple[float, float],
    angle: float,
    side: int,
    radius: float,
    rng: np.random.Generator,
    step: float,
) -> None:
    """Draws one vessel into `blood` and, while it is thick enough, its two branches."""
    length = float(rng.uniform(6.5, 10.5)) * radius
    end = (start[0] + side * length * float(np.cos(angle)), start[1] + length * float(np.sin(angle)))
    _draw_segment(blood, x, y, start=start, end=end, radius=radius, step=step)
    if radius < 1.1:
        return
    for sign in (-1.0, 1.0):
        _grow(
            blood,
            x,
            y,
            start=end,
            angle=angle + sign * float(rng.uniform(0.12, 0.55)),
            side=side,
            radius=radius * float(rng.uniform(0.62, 0.8)),
            rng=rng,
            step=step,
        )


def _draw_segment(
    blood: Field,
    x: Field,
    y: Field,
    *,
    start: tuple[float, float],
    end: tuple[float, float],
    radius: float,
    step: float,
) -> None:
    """Adds a straight piece, touching only the pixels around it (the grid is hardly tilted)."""
    margin = 3.0 * radius + 0.12 * max(abs(start[0]), abs(start[1]), abs(end[0]), abs(end[1])) + step
    middle_row, middle_column = x.shape[0] // 2, x.shape[1] // 2
    low = np.minimum(start, end) - margin - (x[middle_row, middle_column], y[middle_row, middle_column])
    high = np.maximum(start, end) + margin - (x[middle_row, middle_column], y[middle_row, middle_column])
    columns = slice(max(int(low[0] / step) + middle_column, 0), max(int(high[0] / step) + middle_column, 0))
    rows = slice(max(int(low[1] / step) + middle_row, 0), max(int(high[1] / step) + middle_row, 0))
    px, py = x[rows, columns] - start[0], y[rows, columns] - start[1]
    vx, vy = end[0] - start[0], end[1] - start[1]
    along = np.clip((px * vx + py * vy) / (vx**2 + vy**2), 0.0, 1.0)
    square = (px - along * vx) ** 2 + (py - along * vy) ** 2
    blood[rows, columns] += 0.2 * radius * np.exp(-square / radius**2)


def _middle(body: Body) -> float:
    """Distance of a lung's axis from the midline, millimetres."""
    return body.lung_width + 10.0
