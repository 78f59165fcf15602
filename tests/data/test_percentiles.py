"""Counting gives numpy's percentiles, whatever the type, and whatever the values are turned into."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medtransfer.data.percentiles import percentiles

AT = (0.0, 0.5, 33.3, 50.0, 99.5, 100.0)
KINDS = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "float32")


@given(data=st.data(), kind=st.sampled_from(KINDS), slope=st.sampled_from([1.0, 0.25, -3.0]), padded=st.booleans())
@settings(deadline=None, max_examples=150)
def test_they_are_numpys(data: st.DataObject, kind: str, slope: float, padded: bool) -> None:
    elements = {"allow_nan": False, "allow_infinity": False, "width": 32} if kind == "float32" else {}
    voxels = data.draw(arrays(kind, (2, 3, 4), elements=None if not elements else st.floats(-1e6, 1e6, width=32)))

    def background(stored: np.ndarray) -> np.ndarray:
        return (stored >= 0) & (stored <= 3) & padded

    def transform(stored: np.ndarray) -> np.ndarray:
        return stored.astype(np.float64) * slope - 1024

    kept = voxels[(voxels < 0) | (voxels > 3)] if padded else voxels
    kept = kept if kept.size else voxels
    found = percentiles(voxels, AT, transform=transform, background=background)
    np.testing.assert_allclose(found, np.percentile(transform(kept), AT), rtol=1e-9, atol=1e-9)


def test_a_table_need_not_be_monotone() -> None:
    table = np.array([5.0, 1.0, 9.0, 3.0])
    voxels = np.random.default_rng(0).integers(0, 4, (3, 5, 5)).astype(np.uint16)

    def looked_up(stored: np.ndarray) -> np.ndarray:
        return table[np.clip(stored, 0, 3).astype(int)]

    found = percentiles(voxels, AT, transform=looked_up)
    np.testing.assert_allclose(found, np.percentile(looked_up(voxels), AT))


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_only_finite_values_count(kind: str) -> None:
    voxels = np.arange(60, dtype=kind).reshape(3, 4, 5)
    voxels[0, 0, :3] = np.nan, np.inf, -np.inf
    found = percentiles(voxels, AT, transform=lambda stored: stored)
    np.testing.assert_allclose(found, np.percentile(np.arange(3.0, 60), AT), rtol=1e-6)
    assert percentiles(np.full((1, 2, 2), np.nan, kind), AT, transform=lambda stored: stored) == [0.0] * len(AT)
