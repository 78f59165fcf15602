"""A smooth random field in space, the same at a place whatever grid looks at it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .exact import blur

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .exact import Stream
    from .voxels import Points, Vector

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """Values at the nodes of a box around the origin, `z y x`; linear between them.

    Attributes:
        values: Of mean 0 and variance near 1.
        spacing: Millimetres between nodes.
        sigma: Of the Gaussian that smoothed white noise; the correlation at distance r is exp(−r² / 4σ²).
    """

    values: Floats
    spacing: float
    sigma: float

    def at(self, points: Points) -> Floats:
        """Values at points given as flat arrays; those outside take the nearest node's."""
        shares, below = [], []
        for coordinate, count in zip((points.z, points.y, points.x), self.values.shape, strict=True):
            place = np.clip(coordinate / self.spacing + (count - 1) / 2, 0, count - 1.001)
            lower = np.floor(place).astype(np.int64)
            below.append(lower)
            shares.append(place - lower)
        _, rows, columns = self.values.shape
        first = (below[0] * rows + below[1]) * columns + below[2]
        flat = self.values.reshape(-1)
        corners = (0, columns, rows * columns, rows * columns + columns)
        along_x = [flat[first + o] * (1 - shares[2]) + flat[first + o + 1] * shares[2] for o in corners]
        low = along_x[0] * (1 - shares[1]) + along_x[1] * shares[1]
        high = along_x[2] * (1 - shares[1]) + along_x[3] * shares[1]
        return low * (1 - shares[0]) + high * shares[0]


def smooth_lattice(stream: Stream, *, spacing: float, half_widths: Vector, sigma: float) -> Lattice:
    """White noise blurred by a Gaussian of `sigma` millimetres and scaled to variance 1; half widths in z, y, x."""
    shape = tuple(2 * math.ceil(half_width / spacing) + 1 for half_width in half_widths)
    values = blur(stream.normal(size=shape), sigma / spacing)
    impulse = np.zeros(8 * math.ceil(sigma / spacing) + 9)
    impulse[impulse.size // 2] = 1
    kernel = blur(impulse, sigma / spacing)
    gain = math.fsum(kernel * kernel)  # of the variance, for each axis
    return Lattice(values=values / math.sqrt(gain * gain * gain), spacing=spacing, sigma=sigma)
