"""A CT volume as NIfTI, or as a folder of DICOM slices, perhaps with the scout that they were planned on.

Reference: DICOM PS3.3 A.3 (CT Image), C.7.6.2 (Image Plane), C.8.2; NIfTI-1.1 header, nifti1.h.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from nibabel.nifti1 import Nifti1Header
from pydicom.dataset import FileDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from .ct import LOWEST_HU
from .dicom import fill, make_meta, make_uid
from .exact import resample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .ct import Protocol
    from .exact import Stream

    Voxels = NDArray[np.int16]

SCOUT_PIXELS = 96


@dataclass(frozen=True, kw_only=True)
class CtExamination:
    """What the headers say of patient and study."""

    patient_id: str
    study_id: str
    site: str
    sex: str
    age: int | None
    date: datetime.date
    seed: int

    def uid(self, *parts: object) -> UID:
        """A UID of this study."""
        return make_uid("ct", self.seed, self.study_id, *parts)


def write_nifti(path: Path, voxels: Voxels, protocol: Protocol) -> None:
    """Writes CT numbers, `slice row column`, as stored values with slope 1 and intercept −1024.

    NIfTI's axes run to the right, the front and the head; the affine is diagonal. Header and data are put together
    here, since nibabel would derive the quaternion through LAPACK, whose last bits differ between machines.
    """
    grid = protocol.grid()
    if protocol.tilt_degrees:
        raise ValueError(f"a gantry tilt of {protocol.tilt_degrees} degrees cannot be said by a diagonal affine")
    stored = (voxels - LOWEST_HU).transpose(2, 1, 0)[::-1, ::-1].astype("<i2")
    spacing = (protocol.pixel_mm, protocol.pixel_mm, protocol.thickness_mm)
    last = [grid.origin[axis] + (protocol.pixels - 1) * protocol.pixel_mm for axis in (0, 1)]
    corner = (-last[0], -last[1], grid.origin[2])
    header = Nifti1Header(endianness="<")
    header.set_data_dtype(np.int16)
    header.set_data_shape(stored.shape)
    header.set_xyzt_units("mm")
    header["descrip"] = b"synthetic head CT"
    header["pixdim"][:4] = (1, *spacing)
    header["scl_slope"], header["scl_inter"] = 1, LOWEST_HU
    header["vox_offset"], header["magic"] = 352, b"n+1"
    header["qform_code"] = header["sform_code"] = 1
    for axis, name in enumerate("xyz"):
        header[f"qoffset_{name}"] = corner[axis]
        header[f"srow_{name}"] = [spacing[axis] if column == axis else 0 for column in range(3)] + [corner[axis]]
    path.write_bytes(header.binaryblock + bytes(4) + stored.tobytes(order="F"))


def write_series(
    folder: Path, voxels: Voxels, protocol: Protocol, *, examination: CtExamination, scout: bool, order: Stream
) -> UID:
    """Writes one file a slice, named in another order than they lie; a scout is a series of its own beside them.

    Returns:
        The SeriesInstanceUID of the slices.
    """
    folder.mkdir(parents=True)
    count = len(voxels) + scout
    names = [f"IM{place:04d}" for place in order.permutation(count)]
    series = examination.uid("slices")
    grid = protocol.grid()
    for number, plane in enumerate(voxels):
        position = [grid.origin[axis] + number * grid.steps[0][axis] for axis in range(3)]
        elements: dict[str, object] = {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "SeriesInstanceUID": series,
            "SeriesNumber": 2,
            "SeriesDescription": "Head without contrast",
            "InstanceNumber": number + 1,
            "ImagePositionPatient": [round(value, 4) for value in position],
            "ImageOrientationPatient": _directions(grid.steps[2], grid.steps[1], protocol.pixel_mm),
            "PixelSpacing": [protocol.pixel_mm, protocol.pixel_mm],
            "SliceThickness": protocol.thickness_mm,
            "GantryDetectorTilt": protocol.tilt_degrees,
            "ConvolutionKernel": "SOFT",
            "KVP": 120,
        }
        _write_slice(folder / names[number], plane, elements, examination=examination, key=number)
    if scout:
        elements = {
            "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
            "SeriesInstanceUID": examination.uid("scout"),
            "SeriesNumber": 1,
            "SeriesDescription": "Scout",
            "InstanceNumber": 1,
            "ImagePositionPatient": [0, grid.origin[1], round(grid.origin[2] + protocol.thickness_mm * len(voxels), 4)],
            "ImageOrientationPatient": [0, 1, 0, 0, 0, -1],
            "PixelSpacing": [round(protocol.thickness_mm * len(voxels) / SCOUT_PIXELS, 4), protocol.pixel_mm],
            "KVP": 120,
        }
        _write_slice(folder / names[-1], _scout(voxels), elements, examination=examination, key="scout")
    return series


def _directions(row: tuple[float, ...], column: tuple[float, ...], pixel_mm: float) -> list[float]:
    """Direction cosines of ImageOrientationPatient."""
    return [round(value / pixel_mm, 7) + 0.0 for value in (*row, *column)]


def _scout(voxels: Voxels) -> Voxels:
    """Mean CT numbers from side to side: a lateral view, head up."""
    sums = np.add.reduce(voxels[::-1].astype(np.int64), axis=2)
    return np.rint(resample(sums / voxels.shape[2], (SCOUT_PIXELS, SCOUT_PIXELS))).astype(np.int16)


def _write_slice(
    path: Path, plane: Voxels, elements: dict[str, object], *, examination: CtExamination, key: object
) -> None:
    """One CT image of 12 bits with intercept −1024."""
    instance = examination.uid("image", key)
    meta = make_meta(sop_class=CTImageStorage, sop_instance=instance, transfer_syntax=ExplicitVRLittleEndian)
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    date = f"{examination.date:%Y%m%d}"
    fill(
        dataset,
        {
            "SpecificCharacterSet": "ISO_IR 192",
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": instance,
            "StudyDate": date,
            "SeriesDate": date,
            "AcquisitionDate": date,
            "ContentDate": date,
            "StudyTime": "090000",
            "AccessionNumber": examination.study_id,
            "Modality": "CT",
            "Manufacturer": "Synthetic",
            "InstitutionName": f"{examination.site.capitalize()} (synthetic)",
            "ReferringPhysicianName": "",
            "StudyDescription": "Synthetic head CT",
            "ManufacturerModelName": "Formula CT",
            "PatientName": f"SYNTHETIC^{examination.patient_id}",
            "PatientID": examination.patient_id,
            "PatientBirthDate": "",
            "PatientSex": examination.sex,
            "PatientAge": "" if examination.age is None else f"{examination.age:03d}Y",
            "BodyPartExamined": "HEAD",
            "PatientPosition": "HFS",
            "StudyInstanceUID": examination.uid("study"),
            "FrameOfReferenceUID": examination.uid("frame"),
            "StudyID": examination.study_id,
            "PositionReferenceIndicator": "OM",
            "AcquisitionNumber": 1,
            **elements,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": plane.shape[0],
            "Columns": plane.shape[1],
            "BitsAllocated": 16,
            "BitsStored": 12,
            "HighBit": 11,
            "PixelRepresentation": 0,
            "WindowCenter": 40,
            "WindowWidth": 80,
            "RescaleIntercept": LOWEST_HU,
            "RescaleSlope": 1,
            "RescaleType": "HU",
        },
    )
    dataset.add_new("PixelData", "OW", (plane - LOWEST_HU).astype("<u2").tobytes())
    dataset.save_as(path, enforce_file_format=True)
