"""The triangle filter along one axis: from so many samples to so many, antialiased.

m samples at k + ½ (k = 0 … m − 1) lie in the middle of a length L ≥ m; all else of it is black. Wanted are n values,
each for a share s = L / n of that length:

    y_i = Σ_k w_ik · x_k,     w_ik ∝ tri((k + ½ − c_i) / max(1, s)),     tri(t) = max(0, 1 − |t|)
    c_i = (i + ½) · s − (L − m) / 2

The weights of each i add up to 1 over the samples and the black beside them. Shrinking widens the triangle by s, so
that every sample counts; enlarging interpolates linearly; n = m = L changes nothing. It is what Pillow's BILINEAR does,
here for lengths that are no whole number and for an axis of planes. Reference: Pillow, src/libImaging/Resample.c,
`precompute_coeffs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.sparse import csr_array

Weights = Float64[np.ndarray, "into count"]

_FINEST: Final = 8
"""Unevenly spaced planes are interpolated at no more than so many times their number before they are filtered."""

_WHOLE: Final = 1e-6
"""Shares this near to 0 or 1 are rounding: a plane that lies on the even grid needs no other."""


def triangle_weights(count: int, into: int, *, length: float | None = None) -> Weights:
    """Weights from `count` samples to `into` values; `length` is L, `count` where it is not given."""
    length = float(count) if length is None else length
    scale = length / into
    width = max(1.0, scale)
    centres = (np.arange(into) + 0.5) * scale - (length - count) / 2
    first = np.floor(centres - width).astype(np.int64)
    places = first[:, np.newaxis] + np.arange(2 * int(np.ceil(width)) + 2)
    weights = np.maximum(0.0, 1 - np.abs(places + 0.5 - centres[:, np.newaxis]) / width)
    black = int(np.ceil((length - count) / 2))
    weights[(places < -black) | (places >= count + black)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    result = np.zeros((into, count))
    value, tap = np.nonzero((places >= 0) & (places < count))
    result[value, places[value, tap]] = weights[value, tap]
    return result


def weights_by_place(distances: Float64[np.ndarray, " count"], into: int) -> Weights:
    """Weights from planes at these distances, in any unit and order, to `into` evenly spaced ones.

    Planes are interpolated linearly at even distances, as far apart as the two nearest of them, and those filtered:
    W = T · L with T from `triangle_weights`. Where the planes are evenly spaced, L changes nothing.
    """
    order = np.argsort(distances, kind="stable")
    kept = order[np.concatenate([[True], np.diff(distances[order]) > 0])]
    known = distances[kept]
    if len(kept) < 2:
        return triangle_weights(len(distances), into)
    steps = min(round((known[-1] - known[0]) / np.diff(known).min()), _FINEST * len(distances))
    even = np.linspace(known[0], known[-1], steps + 1)
    below = np.clip(np.searchsorted(known, even, side="right") - 1, 0, len(known) - 2)
    share = np.clip((even - known[below]) / (known[below + 1] - known[below]), 0, 1)
    share = np.where(np.abs(share - share.round()) < _WHOLE, share.round(), share)
    rows, columns = np.tile(np.arange(len(even)), 2), np.concatenate([kept[below], kept[below + 1]])
    linear = csr_array((np.concatenate([1 - share, share]), (rows, columns)), shape=(len(even), len(distances)))
    return triangle_weights(len(even), into) @ linear


def resized(
    plane: Float32[np.ndarray, "row column"], size: int, *, lengths: tuple[float, float]
) -> Float32[np.ndarray, "size size"]:
    """A plane in the middle of `lengths` (L of rows and of columns), filtered to `size` × `size`.

    The weights are few for each value and kept as such: no matrix product that runs in threads, so that the same bits
    come out on every machine.
    """
    down, across = (_sparse(count, size, length) for count, length in zip(plane.shape, lengths, strict=True))
    return np.ascontiguousarray((across @ (down @ plane).T).T)


def filtered(planes: Iterable[Float[np.ndarray, "*shape"]], weights: Weights) -> Iterator[Float[np.ndarray, "*shape"]]:
    """Weighted sums of planes that come one after the other, each as soon as its last plane has come."""
    last = [int(np.flatnonzero(row)[-1]) for row in weights]
    sums: dict[int, np.ndarray] = {}
    done = 0
    for index, plane in enumerate(planes):
        for value in np.flatnonzero(weights[:, index]).tolist():
            part = plane * np.asarray(weights[value, index], dtype=plane.dtype)
            sums[value] = sums[value] + part if value in sums else part
        while done < len(last) and last[done] <= index:
            yield sums.pop(done)
            done += 1


@lru_cache(maxsize=8)
def _sparse(count: int, size: int, length: float) -> csr_array:
    return csr_array(triangle_weights(count, size, length=length).astype(np.float32))
