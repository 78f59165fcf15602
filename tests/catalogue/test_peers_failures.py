"""Five folders that a widely used reader stacks wrongly without a word: here read right, or refused by name."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from catalogue.control import INTERCEPT, Expected, axial, ct_bytes
from catalogue.dicom_series import SLICES, put, slice_bytes, volume
from catalogue.outcomes import outcome_of, same, values_of

from medtransfer.data.preprocess import plane_of, to_display

if TYPE_CHECKING:
    from pathlib import Path

WRONG_SINCE = "1.6.1"
"""The version of MONAI seen to fail; a later one may be right."""


def order_of_numbers() -> list[int]:
    """Instance numbers that follow nothing."""
    return [3, 7, 1, 5, 8, 2, 6, 4]


def scrambled(folder: Path) -> None:
    put(folder, [slice_bytes(k, InstanceNumber=number) for k, number in enumerate(order_of_numbers())])


def with_gap(folder: Path) -> None:
    put(folder, [slice_bytes(k) for k in range(SLICES) if k != 4])


def two_series(folder: Path) -> None:
    other = {"SeriesInstanceUID": "1.2.3.22", "RescaleIntercept": 0}
    put(
        folder,
        [slice_bytes(k // 2, **(other if k % 2 else {}), SOPInstanceUID=f"1.2.3.3.{k}") for k in range(2 * SLICES)],
    )


def with_localizer(folder: Path) -> None:
    scout = ct_bytes(
        SOPInstanceUID="1.2.3.3.99",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ImagePositionPatient=[0, -50, 50],
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
    )
    put(folder, [*(slice_bytes(k) for k in range(SLICES)), scout])


def monochrome1(folder: Path) -> None:
    put(folder, [slice_bytes(k, PhotometricInterpretation="MONOCHROME1") for k in range(SLICES)])


def test_instance_numbers_do_not_order_slices(tmp_path: Path) -> None:
    scrambled(tmp_path)
    (scan,) = outcome_of(tmp_path).scans
    assert same(scan, volume())


def test_a_missing_slice_is_refused(tmp_path: Path) -> None:
    with_gap(tmp_path)
    outcome = outcome_of(tmp_path)
    assert outcome.scans == ()
    assert {row.code for row in outcome.ledger.rows} == {"MissingSlice"}


def test_two_series_are_two_volumes(tmp_path: Path) -> None:
    two_series(tmp_path)
    scans = outcome_of(tmp_path).scans
    assert len(scans) == 2
    for intercept in (INTERCEPT, 0.0):
        expected = Expected(values=volume().values - INTERCEPT + intercept, affine=axial(step=2.0))
        assert sum(same(scan, expected) for scan in scans) == 1


def test_a_localizer_stays_out_of_its_series(tmp_path: Path) -> None:
    with_localizer(tmp_path)
    outcome = outcome_of(tmp_path)
    (scan,) = outcome.scans
    assert same(scan, volume())
    assert [(row.path, row.code) for row in outcome.ledger.rows if row.status == "excluded"] == [
        (str(tmp_path / f"{SLICES:03d}.dcm"), "localizer")
    ]


def test_monochrome1_is_inverted_once(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    monochrome1(tmp_path / "one")
    put(tmp_path / "two", [slice_bytes(k) for k in range(SLICES)])
    (scan,), (control,) = (outcome_of(tmp_path / name).scans for name in ("one", "two"))
    np.testing.assert_array_equal(values_of(scan), values_of(control))
    for k in range(SLICES):
        bright, dark = to_display(plane_of(scan, k)), to_display(plane_of(control, k))
        np.testing.assert_allclose(bright, 1 - dark, atol=1e-6)


@pytest.mark.parametrize("case", [scrambled, with_gap, two_series, with_localizer, monochrome1])
def test_the_peer_reads_them_wrongly(case: Any, tmp_path: Path) -> None:
    """MONAI's PydicomReader: what it makes of the folder is not the volume, and it says nothing."""
    with warnings.catch_warnings(action="ignore"):
        data = pytest.importorskip("monai.data")
        case(tmp_path)
        reader = data.PydicomReader()
        values, facts = reader.get_data(reader.read(str(tmp_path)))
    stacked, stored = np.asarray(values), volume().values.transpose(2, 1, 0)
    spacing = np.linalg.norm(np.asarray(facts["affine"])[:3, 2])
    is_stored = stacked.shape == stored.shape and np.allclose(stacked, stored) and np.isclose(spacing, 2.0)
    is_right = is_stored != (case is monochrome1)
    if version("monai") == WRONG_SINCE:
        assert not is_right
