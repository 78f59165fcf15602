"""Voxels and millimetres of a series against dcm2niix and highdicom, where they are installed."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from catalogue.control import Expected
from catalogue.outcomes import outcome_of, same
from catalogue.real_files import real_data
from catalogue.test_phantom import ORIENTATIONS, write_series
from pydicom.filereader import dcmread

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan


def by_dcm2niix(place: Path, out: Path) -> Expected:
    """What dcm2niix makes of a folder; as HU, since it writes slope and intercept into the header."""
    program = pytest.importorskip("dcm2niix").bin
    done = subprocess.run(
        [program, "-z", "n", "-b", "n", "-o", str(out), str(place)], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-1000:]
    (path,) = out.glob("*.nii")
    image = nib.load(path)
    assert isinstance(image, nib.Nifti1Image)
    return Expected(values=image.get_fdata(dtype=np.float64), affine=np.asarray(image.affine, dtype=np.float64))


def by_highdicom(place: Path) -> Expected:
    """What highdicom makes of a folder: (slice, row, column) → LPS, turned into RAS."""
    highdicom = pytest.importorskip("highdicom")
    with warnings.catch_warnings(action="ignore"):
        volume = highdicom.get_volume_from_series([dcmread(path) for path in place.iterdir()])
    return Expected(values=np.asarray(volume.array, dtype=np.float64), affine=np.diag([-1.0, -1, 1, 1]) @ volume.affine)


def one_scan(place: Path) -> Scan:
    (scan,) = outcome_of(place).scans
    return scan


@pytest.mark.parametrize("reader", ["dcm2niix", "highdicom"])
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_the_phantom_lies_where_others_see_it(name: str, reader: str, tmp_path: Path) -> None:
    place, out = tmp_path / "in", tmp_path / "out"
    place.mkdir()
    out.mkdir()
    write_series(place, ORIENTATIONS[name])
    expected = by_dcm2niix(place, out) if reader == "dcm2niix" else by_highdicom(place)
    assert same(one_scan(place), expected)


@pytest.mark.real_data
def test_a_real_series_lies_where_dcm2niix_sees_it(tmp_path: Path) -> None:
    place = real_data() / "scans" / "medio_ct" / "data" / "dcm"
    assert same(one_scan(place), by_dcm2niix(place, tmp_path))
