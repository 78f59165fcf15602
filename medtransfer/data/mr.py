"""Scales of MR, whose values have no unit: percentiles of each scan, or z-scores over its foreground.

Foreground is what is finite, no padding and not exactly 0, since what is masked (air, a removed skull or face) is 0.
Let p and P be the 0.5th and 99.5th percentile of the foreground, μ and σ the mean and standard deviation of the
foreground clipped to [p, P], so that a few spikes of flow or metal do not set them. A value v is shown as

    percentile   y = (v − p) / (P − p)
    z_score      y = ½ + z / 10,  z = (v − μ) / σ

cut off at 0 and 1: z-scores beyond ± 5. So z = 10 · (y − ½), and a network that was trained on z-scores gets them by an
input of mean ½ and standard deviation 0.1. Padding is black, y = 0. Where all of the foreground is alike, y = ½.

Reference: z-scores of each scan over what is not 0 in nnU-Net (Isensee et al. 2021, doi:10.1038/s41592-020-01008-z;
`ZScoreNormalization` with `use_mask_for_norm`), in MONAI's `NormalizeIntensity(nonzero=True)`, and in MedicalNet over
what is above 0 (Chen et al. 2019, arXiv:1904.00625).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from medtransfer.data.percentiles import TAILS, Mask, percentiles

Transform = Callable[[np.ndarray], np.ndarray]
"""Stored values → output values of the modality transformation."""

LIMIT: Final = 5.0
"""Standard deviations from the mean that are shown black and white."""


def percentile(planes: np.ndarray, transform: Transform, padding: Mask | None) -> tuple[float, float]:
    """The values shown black and white: p and P.

    Args:
        planes: Stored values, the first axis counting planes; one of them is held in memory at a time.
        transform: From stored to output values.
        padding: Which stored values are padding.
    """
    low, high = percentiles(planes, TAILS, transform=transform, background=_masked(transform, padding))
    return low, high


def z_score(planes: np.ndarray, transform: Transform, padding: Mask | None) -> tuple[float, float]:
    """The values shown black and white: μ − 5 σ and μ + 5 σ. Arguments as for `percentile`."""
    low, high = percentile(planes, transform, padding)
    masked = _masked(transform, padding)
    count, total, squares = 0, 0.0, 0.0
    for plane in planes:
        kept = plane[~masked(plane)]
        values = np.clip(transform(kept[np.isfinite(kept)]), low, high) - low
        count += values.size
        total += float(values.sum())
        squares += float((values**2).sum())
    if not count or low == high:
        return low, low
    mean = total / count
    deviation = float(np.sqrt(max(squares / count - mean**2, 0.0)))
    return low + mean - LIMIT * deviation, low + mean + LIMIT * deviation


def _masked(transform: Transform, padding: Mask | None) -> Mask:
    """What is no foreground, apart from what is not finite."""

    def masked(stored: np.ndarray) -> np.ndarray:
        zero = transform(stored) == 0
        return zero if padding is None else zero | padding(stored)

    return masked
