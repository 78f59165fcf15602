"""The comparison that the other tests rest on tells a wrong reading from a right one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from catalogue.control import Expected, axial
from catalogue.dicom_series import SLICES, put, slice_bytes, volume
from catalogue.outcomes import outcome_of, same

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.scan import Scan


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    put(tmp_path, [slice_bytes(k) for k in range(SLICES)])
    (one,) = outcome_of(tmp_path).scans
    return one


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_volume_is_another(scan: Scan, axis: int) -> None:
    assert same(scan, volume())
    assert not same(replace(scan, voxels=np.flip(scan.voxels, axis)), volume())


def test_one_changed_voxel_is_seen(scan: Scan) -> None:
    voxels = scan.voxels.copy()
    voxels[3, 2, 1] += 1
    assert not same(replace(scan, voxels=voxels), volume())


@pytest.mark.parametrize(
    "affine", [axial(step=2.5), axial(step=-2.0), axial(origin=(0, 0, 2)), axial(spacing=(0.5, 0.75))]
)
def test_another_place_is_another_volume(scan: Scan, affine: np.ndarray) -> None:
    assert not same(scan, Expected(values=volume().values, affine=affine))


def test_the_order_of_axes_does_not_matter(scan: Scan) -> None:
    """Columns first, as NIfTI has them, with the affine to match."""
    turned = Expected(values=volume().values.transpose(2, 1, 0), affine=axial()[:, [2, 1, 0, 3]])
    assert same(scan, turned)
