"""MR without units: percentiles and z-scores of the foreground, by numpy's own mean and deviation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.data.mr import LIMIT, percentile, z_score

GENERATOR = np.random.default_rng(2)


def scaled_by(slope: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda stored: stored.astype(np.float64) * slope


def head(kind: str, *, noise: bool) -> np.ndarray:
    """Tissue around 300, a quarter of the volume; air is 0 or faint; a few voxels of flow."""
    voxels = np.abs(GENERATOR.normal(0, 3, (9, 24, 24))) if noise else np.zeros((9, 24, 24))
    voxels[2:7, 6:18, 6:18] = GENERATOR.normal(300, 60, (5, 12, 12))
    voxels[4, 10, 10:12] = 30_000
    return voxels.astype(kind)


@pytest.mark.parametrize("kind", ["uint16", "int16", "float32", "int32"])
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("slope", [1.0, 0.25])
def test_mean_0_and_deviation_1_over_the_foreground(kind: str, noise: bool, slope: float) -> None:
    voxels = head(kind, noise=noise)
    low, high = z_score(voxels, scaled_by(slope), None)
    values = voxels[voxels != 0].astype(np.float64) * slope
    spikeless = np.clip(values, *np.percentile(values, (0.5, 99.5)))
    z = ((spikeless - low) / (high - low) - 0.5) * 2 * LIMIT
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-6)
    np.testing.assert_allclose(percentile(voxels, scaled_by(slope), None), np.percentile(values, (0.5, 99.5)))


@given(slope=st.sampled_from([0.5, 1.0, 2.0, 16.0]))
@settings(deadline=None, max_examples=4)
def test_the_unit_does_not_matter(slope: float) -> None:
    voxels = head("float32", noise=False)

    def shown(limits: tuple[float, float], scale: float) -> np.ndarray:
        return (voxels * scale - limits[0]) / (limits[1] - limits[0])

    for limits in (percentile, z_score):
        once = shown(limits(voxels, scaled_by(1.0), None), 1.0)
        scaled = shown(limits(voxels, scaled_by(slope), None), slope)
        np.testing.assert_allclose(once, scaled, atol=1e-5)


def test_padding_zeros_and_what_is_not_finite_do_not_count() -> None:
    voxels = head("float32", noise=False)
    alone = voxels[voxels != 0].reshape(1, 1, -1)
    voxels[0] = -2000
    voxels[1, 0, :3] = np.nan, np.inf, -np.inf
    for limits in (percentile, z_score):
        found = limits(voxels, scaled_by(1.0), lambda stored: stored == -2000)
        np.testing.assert_allclose(found, limits(alone, scaled_by(1.0), None))


@pytest.mark.parametrize("value", [0, 7])
def test_where_all_is_alike_there_is_nothing_to_scale(value: int) -> None:
    for limits in (percentile, z_score):
        low, high = limits(np.full((2, 3, 3), value, np.uint16), scaled_by(1.0), None)
        assert low == high
