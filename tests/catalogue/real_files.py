"""What the real damaged files hold, worked out by pydicom or from the bytes, never by what is tested."""

from __future__ import annotations

import gzip
import os
import warnings
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from catalogue.control import Case, Expected, axial
from catalogue.nifti_files import FIRST_VOXEL
from pydicom.filereader import dcmread

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

_MICRON = 3
_MOST = 1 << 22


def real_data() -> Path:
    """The folder of real and damaged files; the test is skipped where there is none."""
    place = os.environ.get("MEDTRANSFER_DATA")
    if not place:
        pytest.skip("MEDTRANSFER_DATA is not set")
    return Path(place)


def real_case(name: str, *, is_read: bool) -> Case:
    """The case of one damaged file or series, with what it holds where it is to be read.

    Args:
        name: Its path below the folder of real data.
        is_read: Whether what it holds is asked for.
    """
    path = real_data() / name
    if path.is_dir():
        slices = sorted(path.iterdir(), key=lambda file: (file.stat().st_size, file))
        return Case(place=path, named=slices[0], expected=series_of(path) if is_read else ())
    if not is_read:
        return Case(place=path)
    return Case(place=path, expected=(dicom_of(path) if path.suffix == ".dcm" else nifti_of(path),))


def dicom_of(path: Path) -> Expected:
    """One image as pydicom decodes it, after slope and intercept."""
    return Expected(values=_values(_dataset(path)))


def series_of(folder: Path) -> tuple[Expected, ...]:
    """The axial series of a folder, slices in the order of their z."""
    series: dict[str, list[FileDataset]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        dataset = _dataset(path)
        series[dataset.SeriesInstanceUID].append(dataset)
    found = []
    for members in series.values():
        members.sort(key=lambda dataset: dataset.ImagePositionPatient[2])
        first, second = members[:2]
        step = second.ImagePositionPatient[2] - first.ImagePositionPatient[2]
        affine = axial(step=step, spacing=first.PixelSpacing, origin=first.ImagePositionPatient)
        found.append(Expected(values=np.stack([_values(member) for member in members]), affine=affine))
    return tuple(found)


def nifti_of(path: Path, *, volume: int = -1) -> Expected:
    """A NIfTI-1 file by its bytes: little or big endian voxels at 352, first axis fastest; of several volumes one."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        with gzip.open(path) as stream:
            content = stream.read(_MOST)
    header = nib.Nifti1Header.from_fileobj(BytesIO(content), check=False)
    shape = [int(n) for n in header["dim"][1 : 1 + int(header["dim"][0])]]
    dtype = header.get_data_dtype()
    stored = np.frombuffer(content, dtype, int(np.prod(shape)), FIRST_VOXEL).reshape(shape, order="F")
    values = stored.astype(np.float64)
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isfinite(slope) and slope != 0:
        values = values * slope + intercept
    if values.ndim == 4:
        values = values[..., volume]
    if not (header["qform_code"] or header["sform_code"]):
        return Expected(values=values, in_order=False)
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    if int(header["xyzt_units"]) & 7 == _MICRON:
        affine[:3] *= 1e-3
    return Expected(values=values, affine=affine)


def _dataset(path: Path) -> FileDataset:
    """The file, its magic mended where it was overwritten."""
    content = path.read_bytes()
    with warnings.catch_warnings(action="ignore"):
        return dcmread(BytesIO(content[:128] + b"DICM" + content[132:]))


def _values(dataset: FileDataset) -> np.ndarray:
    with warnings.catch_warnings(action="ignore"):
        stored = dataset.pixel_array.astype(np.float64)
    return stored * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
