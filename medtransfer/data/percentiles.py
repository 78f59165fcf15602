"""Percentiles of a whole volume, one plane in memory at a time.

The q-th percentile of x₀ ≤ … ≤ xₙ₋₁ is the linear interpolation at position q/100 · (n − 1), as `numpy.percentile` has
it. Order statistics are found by counting: integers of up to 16 bits in one pass; other values in two, by the upper and
then the lower half of a 32-bit key that sorts as they do (radix selection). Nothing of the volume's size is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Mask = Callable[[np.ndarray], np.ndarray]
"""Stored values → True where they are background."""

TAILS = (0.5, 99.5)
"""Percentages between which values are shown where nothing says better: outliers must not set the scale."""

_HALF = 1 << 16
_SIGN = np.uint32(1 << 31)


def percentiles(
    planes: np.ndarray,
    at: Sequence[float],
    *,
    transform: Callable[[np.ndarray], np.ndarray],
    background: Mask | None = None,
) -> list[float]:
    """Percentiles of transformed stored values; background and what is not finite are left out.

    Args:
        planes: Stored values, the first axis counting planes.
        at: Percentages from 0 to 100.
        transform: From stored to output values; where stored values have more than 16 bits it has to be monotone.
        background: Which stored values are background; where nothing else is left, they count.

    Returns:
        One value a percentage; 0 where no value is finite.
    """
    kind = planes.dtype
    if kind.kind in "iu" and kind.itemsize <= 2:
        stored, counts = _counted(planes)
    else:
        falls = bool(np.diff(transform(np.array([0.0, 1.0])))[0] < 0)
        stored, counts = _selected(planes, at, background, falls=falls)
        background = None
    if background is not None:
        kept = ~background(stored)
        counts = np.where(kept, counts, 0) if counts[kept].sum() else counts
    present = counts > 0
    if not present.any():
        return [0.0] * len(at)
    values, counts = transform(stored[present]), counts[present]
    order = np.argsort(values, kind="stable")
    return _interpolated(values[order], np.cumsum(counts[order]), at)


def _counted(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every value that the type allows, and how often it occurs; counted by its bits, which serve as an index."""
    bits = np.dtype(f"u{planes.dtype.itemsize}")
    counts = np.zeros(1 << 8 * bits.itemsize, dtype=np.int64)
    for plane in planes:
        counts += np.bincount(plane.ravel().view(bits), minlength=counts.size)
    return np.arange(counts.size).astype(bits).view(planes.dtype), counts


def _selected(
    planes: np.ndarray, at: Sequence[float], background: Mask | None, *, falls: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The order statistics that the percentages need, each with the number of values up to it."""
    upper = _histogram(planes, background)
    if not upper.sum():
        background = None
        upper = _histogram(planes, background)
    total = int(upper.sum())
    if not total:
        return np.empty(0), np.empty(0, dtype=np.int64)
    wanted = sorted({rank for q in at for rank in _ranks(100 - q if falls else q, total)})
    ends = np.cumsum(upper)
    prefixes = {rank: int(np.searchsorted(ends, rank, side="right")) for rank in wanted}
    lower = {prefix: np.zeros(_HALF, dtype=np.int64) for prefix in prefixes.values()}
    for plane in planes:
        keys = _keys(plane, background)
        for prefix, counts in lower.items():
            np.add(counts, np.bincount(keys[keys >> 16 == prefix] & 0xFFFF, minlength=_HALF), out=counts)
    values = []
    for rank, prefix in prefixes.items():
        inner = np.cumsum(lower[prefix]) + ends[prefix] - upper[prefix]
        values.append(_value((prefix << 16) | int(np.searchsorted(inner, rank, side="right")), planes.dtype))
    # No rank between two wanted ones is asked for, so the values there may count as the later one, and those at the
    # end as the last.
    return np.array(values), np.diff([-1, *wanted[:-1], total - 1])


def _histogram(planes: np.ndarray, background: Mask | None) -> np.ndarray:
    counts = np.zeros(_HALF, dtype=np.int64)
    for plane in planes:
        counts += np.bincount(_keys(plane, background) >> 16, minlength=_HALF)
    return counts


def _keys(plane: np.ndarray, background: Mask | None) -> np.ndarray:
    """32-bit keys that sort as a plane's finite values do, without background; 64-bit values as their nearest in 32."""
    values = plane.ravel()
    if background is not None:
        values = values[~background(values)]
    if values.dtype.kind in "iu" and values.dtype.itemsize == 4:
        return values.astype(np.uint32) ^ (_SIGN if values.dtype.kind == "i" else np.uint32(0))
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    bits = (values[np.isfinite(values)] + np.float32(0)).view(np.uint32)  # −0 becomes 0
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(key: int, kind: np.dtype) -> float:
    if kind.kind in "iu" and kind.itemsize == 4:
        return float(key - (1 << 31) if kind.kind == "i" else key)
    bits = key ^ (1 << 31) if key >> 31 else key ^ 0xFFFFFFFF
    return float(np.array([bits], dtype=np.uint32).view(np.float32)[0])


def _ranks(percentage: float, total: int) -> tuple[int, int]:
    position = percentage / 100 * (total - 1)
    return int(np.floor(position)), min(int(np.floor(position)) + 1, total - 1)


def _interpolated(values: np.ndarray, ends: np.ndarray, at: Sequence[float]) -> list[float]:
    """Percentiles of sorted values of which `ends` counts those up to each."""
    total = int(ends[-1])
    found = []
    for q in at:
        low, high = (float(values[np.searchsorted(ends, rank, side="right")]) for rank in _ranks(q, total))
        found.append(low + (high - low) * (q / 100 * (total - 1) % 1))
    return found
