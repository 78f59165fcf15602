"""Do the voxels have the byte order that the header has? The header cannot say, the values hint at it.

16-bit integers    neighbours differ little compared with the whole: ρ = mean |vᵢ₊₁ − vᵢ| / mean |v − v̄|.
                   Suspicious: ρ as read > 2 · ρ with swapped bytes; or every low byte is 0, as when numbers
                   below 256 are read the wrong way round.
32-bit floats      the binary exponents of an image lie close together. Suspicious: between the 5th and 95th
                   percentile lie more than 64 powers of two as read, and at most 32 with swapped bytes.

The criterion is our own. It leads to a note and to nothing else: values in noise look alike both ways.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from medtransfer.core.types import Voxels

ROUGHER: Final = 2.0
"""So many times rougher than with swapped bytes is suspicious."""

WIDE: Final = 64
NARROW: Final = 32
"""Powers of two between the 5th and 95th percentile: suspicious as read, usual for an image."""

_SAMPLE = 65_536
_TAILS = (5, 95)


def bytes_look_swapped(plane: Voxels, *, stored: np.dtype) -> bool:
    """Whether the values of a plane would be far more regular with swapped bytes.

    Args:
        plane: `row column`; of large planes the middle rows are looked at.
        stored: Type in the file; types that the criterion does not cover are never suspicious.
    """
    rows, columns = plane.shape
    kept = min(rows, max(1, _SAMPLE // columns))
    values = plane[(rows - kept) // 2 :][:kept]
    with np.errstate(all="ignore"):
        if stored.kind in "iu" and stored.itemsize == 2 and columns > 1:
            return _integers_look_swapped(values)
        return stored.kind == "f" and stored.itemsize == 4 and _floats_look_swapped(values)


def _integers_look_swapped(values: Voxels) -> bool:
    if values.any() and not (values & 0xFF).any():
        return True
    return _roughness(values) > ROUGHER * _roughness(values.byteswap()) > 0


def _roughness(values: Voxels) -> float:
    numbers = values.astype(np.float32)
    spread = float(np.abs(numbers - numbers.mean()).mean())
    return float(np.abs(np.diff(numbers, axis=-1)).mean()) / spread if spread else 0.0


def _floats_look_swapped(values: Voxels) -> bool:
    return _octaves(values) > WIDE and _octaves(values.byteswap()) <= NARROW


def _octaves(values: Voxels) -> float:
    """Powers of two between the tails; infinite where a value is not finite."""
    sizes = np.abs(values[values != 0].astype(np.float64))
    if not sizes.size:
        return 0.0
    sizes[~np.isfinite(sizes)] = np.finfo(np.float64).max
    low, high = np.percentile(np.log2(sizes), _TAILS).tolist()
    return high - low
