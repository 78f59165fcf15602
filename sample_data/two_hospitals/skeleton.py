"""The bones: ribs, clavicles, spine and shoulder blades, as centimetres of bone along the beam."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .fields import Field, dome, soft_step, tube

if TYPE_CHECKING:
    from .anatomy import Body

N_RIBS = 10


def bone_path(body: Body, *, x: Field, y: Field) -> Field:
    """All bone along the beam, centimetres."""
    return body.bone_density * (_ribs(body, x, y) + _spine(x, y) + _clavicles(x, y) + _shoulder_blades(x, y))


def _ribs(body: Body, x: Field, y: Field) -> Field:
    """Hind ribs arch outwards and down, front ribs run back inwards and down, fainter.

    A rib at the side of the chest runs along the beam: its path grows by 1/√(1 − (x/cage)²), at most 2.2.
    """
    reach = np.abs(x)
    cage = 1.06 * (2.0 * body.lung_width + 12.0) * np.maximum(dome(((y - 30.0) / 205.0) ** 2), 0.05)
    inside = soft_step(cage - reach, width=4.0)
    along_beam = np.minimum(1.0 / np.maximum(dome((reach / cage) ** 2), 0.3), 2.2)
    hind_course = 30.0 * (reach / 100.0) ** 2 - 18.0 * np.sqrt(reach / 100.0)
    front_course = body.rib_slope * 2.0 * (cage - reach)
    front_end = soft_step(reach - 52.0, width=18.0)
    front_course = front_course + 0.25 * cage + 8.0
    lowest, highest = y.max(axis=1), y.min(axis=1)
    bones = np.zeros_like(x)
    for rib in range(N_RIBS):
        height = -122.0 + rib * body.rib_spacing
        # Only the rows that the rib can reach are touched: this halves the time of the whole phantom.
        rows = (lowest > height - 25.0) & (highest < height + 110.0)
        bones[rows] += 0.95 * tube(y[rows] - height - hind_course[rows], radius=5.6, wall=1.5)
        rows = (lowest > height) & (highest < height + 160.0)
        front = y[rows] - height - front_course[rows]
        bones[rows] += 0.62 * front_end[rows] * tube(front, radius=6.4, wall=1.3)
    return bones * inside * along_beam


def _spine(x: Field, y: Field) -> Field:
    """Vertebral bodies 24 mm high with thinner discs between them, and the row of spinous processes."""
    bodies = soft_step(18.0 - np.abs(x), width=3.0)
    discs = 1.0 - 0.3 * np.exp(-0.5 * ((np.mod(y, 24.0) - 12.0) / 2.2) ** 2)
    processes = 0.5 * np.exp(-0.5 * ((x / 4.0) ** 2 + ((np.mod(y + 8.0, 24.0) - 12.0) / 5.0) ** 2))
    return 1.9 * bodies * discs + processes


def _clavicles(x: Field, y: Field) -> Field:
    """An S-shaped tube on each side, from the sternum up and outwards."""
    reach = np.abs(x)
    course = -98.0 - 0.22 * (reach - 20.0) + 5.0 * np.sin(reach / 24.0)
    span = soft_step(reach - 20.0, width=4.0) * soft_step(150.0 - reach, width=6.0)
    return 1.5 * span * tube(y - course, radius=6.5, wall=1.8)


def _shoulder_blades(x: Field, y: Field) -> Field:
    """A faint triangle on each side whose inner edge crosses the outer lung."""
    reach = np.abs(x)
    inner = 118.0 + 0.10 * (y + 60.0)
    outer = soft_step(reach - inner, width=2.5) * soft_step(175.0 - reach - 0.3 * (y + 60.0), width=5.0)
    return 0.6 * outer * soft_step(y + 125.0, width=8.0) * soft_step(10.0 - y, width=8.0)
