"""One image in several transfer syntaxes, none of which loses anything: read bit for bit the same."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pydicom.data
import pytest
from catalogue.outcomes import outcome_of
from catalogue.real_files import real_data

INSTALLED: Final = {
    "MR_small.dcm": (
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
    ),
    "SC_rgb_small_odd.dcm": ("SC_rgb_small_odd_big_endian.dcm",),
}
REAL: Final = {
    "693_UNCR.dcm": ("693_J2KR.dcm",),
    "MR2_UNCR.dcm": ("MR2_J2KR.dcm",),
    "US1_UNCR.dcm": ("US1_J2KR.dcm",),
    "OBXXXX1A.dcm": ("OBXXXX1A_expb.dcm", "OBXXXX1A_rle.dcm"),
    "OBXXXX1A_2frame.dcm": ("OBXXXX1A_expb_2frame.dcm", "OBXXXX1A_rle_2frame.dcm"),
    "SC_rgb.dcm": ("SC_rgb_expb.dcm",),
    "SC_rgb_2frame.dcm": ("SC_rgb_expb_2frame.dcm",),
    "SC_rgb_16bit.dcm": ("SC_rgb_expb_16bit.dcm",),
    "SC_rgb_16bit_2frame.dcm": ("SC_rgb_expb_16bit_2frame.dcm",),
    "SC_rgb_32bit.dcm": ("SC_rgb_expb_32bit.dcm",),
    "SC_rgb_32bit_2frame.dcm": ("SC_rgb_expb_32bit_2frame.dcm",),
    "gdcm-US-ALOKA-16.dcm": ("gdcm-US-ALOKA-16_big.dcm",),
    "emri_small.dcm": (
        "emri_small_RLE.dcm",
        "emri_small_big_endian.dcm",
        "emri_small_jpeg_2k_lossless.dcm",
        "emri_small_jpeg_ls_lossless.dcm",
    ),
}


def pairs(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(first, second) for first, others in table.items() for second in others]


def check_equal(first: Path, second: Path) -> None:
    one, other = outcome_of(first).scans, outcome_of(second).scans
    assert len(one) == len(other) > 0
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(ours.voxels, theirs.voxels)
        assert (ours.kind, ours.presentation.inverted) == (theirs.kind, theirs.presentation.inverted)
        if ours.affine is None or theirs.affine is None:
            assert ours.affine is theirs.affine
        else:
            np.testing.assert_array_equal(ours.affine, theirs.affine)


@pytest.mark.parametrize(("first", "second"), pairs(INSTALLED))
def test_pydicoms_own_pairs_are_equal(first: str, second: str) -> None:
    folder = Path(pydicom.data.__file__).parent / "test_files"
    check_equal(folder / first, folder / second)


@pytest.mark.real_data
@pytest.mark.parametrize(("first", "second"), pairs(REAL))
def test_real_pairs_are_equal(first: str, second: str) -> None:
    folder = real_data() / "scans" / "pydicom_data"
    check_equal(folder / first, folder / second)
