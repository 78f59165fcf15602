"""A CT series on disk, in any direction through the patient; values in Hounsfield units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def write_ct(
    folder: Path,
    units: np.ndarray,
    *,
    orientation: Sequence[float] = AXIAL,
    positions: np.ndarray | None = None,
    spacing: tuple[float, float, float] = (5.0, 2.0, 1.0),
    series: str = "1.2.3.7",
    **tags: object,
) -> list[Path]:
    """One file a slice; `units` is `slice row column`, `orientation` and `positions` are in DICOM's LPS+."""
    folder.mkdir(parents=True, exist_ok=True)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    if positions is None:
        positions = np.arange(len(units))[:, None] * np.cross(row, column) * spacing[0]
    return [
        _write(folder / f"{number:04}.dcm", plane, position, orientation, spacing, series, number, tags)
        for number, (plane, position) in enumerate(zip(units, positions, strict=True))
    ]


def _write(
    path: Path,
    plane: np.ndarray,
    position: np.ndarray,
    orientation: Sequence[float],
    spacing: tuple[float, float, float],
    series: str,
    number: int,
    tags: dict[str, object],
) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(f"{series}.{number}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=meta)
    values: dict[str, object] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": series,
        "PatientID": "P1",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Rows": plane.shape[0],
        "Columns": plane.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "WindowCenter": 40,
        "WindowWidth": 400,
        "PixelSpacing": [spacing[1], spacing[2]],
        "ImageOrientationPatient": [f"{value:.8f}" for value in orientation],
        "ImagePositionPatient": [f"{value:.6f}" for value in position],
        "InstanceNumber": number + 1,
        "PixelData": (plane + 1024).astype("<i2").tobytes(),
        **tags,
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return path
