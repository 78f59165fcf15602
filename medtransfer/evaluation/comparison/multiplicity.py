"""Several comparisons at once: Holm's step-down adjustment.

    p₍₁₎ ≤ … ≤ p₍ₖ₎:   adjusted p₍ⱼ₎ = max over i ≤ j of min(1, (k − i + 1)·p₍ᵢ₎)

The chance of any false claim among the k stays below the level, however the tests depend on each other.

Reference: Holm 1979.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjusted p-values in the order given; None, where nothing could be tested, stays so and counts for nothing."""
    known = [index for index, one in enumerate(p) if one is not None]
    values = np.array([p[index] for index in known], dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.minimum(1.0, values[order] * np.arange(values.size, 0, -1))
    adjusted: list[float | None] = [None] * len(p)
    for place, value in zip(order.tolist(), np.maximum.accumulate(stepped).tolist(), strict=True):
        adjusted[known[place]] = value
    return tuple(adjusted)
