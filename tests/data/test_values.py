"""Laws of the modality transformation in single precision."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from medtransfer.core.errors import ReadError
from medtransfer.data.scan import Identifiers, Lookup, Presentation, Scan
from medtransfer.data.values import transformed

STORED = np.random.default_rng(0).integers(-1024, 3072, (4, 5, 6)).astype(np.int16)


def scan_of(voxels: np.ndarray, **how: object) -> Scan:
    return Scan(
        voxels=voxels,
        kind="volume",
        affine=np.eye(4),
        modality="OT",
        presentation=Presentation(**how),  # type: ignore[arg-type]
        identifiers=Identifiers(),
        path=Path("a.nii"),
        attributes={},
    )


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (1.0, -1024.0), (0.37, 12.5), (-2.0, 0.0)])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "f4"])
def test_values_are_slope_times_stored_plus_intercept(kind: str, slope: float, intercept: float) -> None:
    voxels = np.abs(STORED % 200).astype(kind)
    before = voxels.copy()
    values = transformed(scan_of(voxels, slope=slope, intercept=intercept))
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    np.testing.assert_allclose(values, voxels.astype(np.float64) * slope + intercept, rtol=2e-7, atol=1e-5)
    np.testing.assert_array_equal(voxels, before)


def test_single_precision_without_scaling_is_handed_over() -> None:
    voxels = STORED.astype(np.float32)
    assert transformed(scan_of(voxels)) is voxels


def test_the_result_is_all_the_memory_that_it_takes() -> None:
    voxels = np.zeros((64, 128, 128), dtype=np.int16)
    scan = scan_of(voxels, slope=2.0, intercept=1.0)
    transformed(scan)
    tracemalloc.start()
    values = transformed(scan)
    assert tracemalloc.get_traced_memory()[1] <= 1.1 * values.nbytes
    tracemalloc.stop()


def test_what_exceeds_single_precision_is_refused() -> None:
    with pytest.raises(ReadError) as caught:
        transformed(scan_of(STORED, slope=1e38))
    assert (caught.value.code, caught.value.path) == ("NonFinite", "a.nii")


def test_tables_are_refused() -> None:
    table = Lookup(first=0, values=np.arange(4), bits=8)
    with pytest.raises(ReadError) as caught:
        transformed(scan_of(STORED, modality_table=table))
    assert caught.value.code == "TableUnsupported"
