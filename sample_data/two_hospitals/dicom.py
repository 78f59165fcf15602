"""One study as a DICOM file: Digital X-Ray (for presentation) or Computed Radiography.

Reference: DICOM PS3.3, A.26 and C.8.11 (DX), A.2 and C.8.1 (CR), C.11.1 and C.11.2 (modality and VOI lookup).
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    RLELossless,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .hospitals import Hospital, Picture

_NAMESPACE = uuid.UUID("6d0c1c0e-5a53-5b1e-9c7e-3f4b0c8f2a10")


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What the header says besides the picture."""

    patient_id: str
    study_id: str
    sex: str
    age: int
    view: str
    date: datetime.date
    seed: int


def write_study(path: Path, *, hospital: Hospital, examination: Examination, picture: Picture) -> None:
    """Writes one study; equal arguments give equal bytes."""
    dataset = _header(path, hospital=hospital, examination=examination)
    _describe_display(dataset, hospital=hospital, picture=picture)
    _describe_pixels(dataset, hospital=hospital, picture=picture)
    dataset.save_as(path, enforce_file_format=True)


def make_uid(*parts: object) -> UID:
    """A UID that depends on nothing but `parts`. Reference: DICOM PS3.5, B.2 (2.25. and a UUID)."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}")


def make_meta(*, sop_class: str, sop_instance: str, transfer_syntax: str) -> FileMetaDataset:
    """File meta information that does not name the writing library's version."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = make_uid("implementation")
    meta.ImplementationVersionName = "SAMPLE_DATA_1"
    return meta


def fill(dataset: Dataset, elements: Mapping[str, object]) -> None:
    """Sets elements by their DICOM keywords."""
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)


def _header(path: Path, *, hospital: Hospital, examination: Examination) -> FileDataset:
    """Patient, study, series, equipment and image, without anything about the pixels."""
    digital = hospital.modality == "DX"
    sop_class = DigitalXRayImageStorageForPresentation if digital else ComputedRadiographyImageStorage
    key = (examination.seed, hospital.name, examination.study_id)
    instance = make_uid(*key, "instance")
    meta = make_meta(
        sop_class=sop_class,
        sop_instance=instance,
        transfer_syntax=RLELossless if hospital.compressed else ExplicitVRLittleEndian,
    )
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    date = f"{examination.date:%Y%m%d}"
    fill(
        dataset,
        {
            "SpecificCharacterSet": "ISO_IR 192",
            "ImageType": ["ORIGINAL", "PRIMARY", ""],
            "SOPClassUID": sop_class,
            "SOPInstanceUID": instance,
            "StudyDate": date,
            "SeriesDate": date,
            "AcquisitionDate": date,
            "ContentDate": date,
            "StudyTime": "100000",
            "ContentTime": "100000",
            "AccessionNumber": examination.study_id,
            "Modality": hospital.modality,
            "Manufacturer": hospital.manufacturer,
            "InstitutionName": f"{hospital.name.capitalize()} (synthetic)",
            "ReferringPhysicianName": "",
            "StudyDescription": "Synthetic chest radiograph",
            "ManufacturerModelName": hospital.model,
            "PatientName": f"SYNTHETIC^{examination.patient_id}",
            "PatientID": examination.patient_id,
            "PatientBirthDate": "",
            "PatientSex": examination.sex,
            "PatientAge": f"{examination.age:03d}Y",
            "BodyPartExamined": "CHEST",
            "ViewPosition": examination.view,
            "StudyInstanceUID": make_uid(*key, "study"),
            "SeriesInstanceUID": make_uid(*key, "series"),
            "FrameOfReferenceUID": make_uid(*key, "frame"),
            "StudyID": examination.study_id,
            "SeriesNumber": 1,
            "InstanceNumber": 1,
            "PatientOrientation": ["L", "F"],
            "BurnedInAnnotation": "NO",
            "LossyImageCompression": "00",
        },
    )
    if digital:
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.ImageLaterality = "U"
        dataset.DetectorType = "DIRECT"
        dataset.AcquisitionContextSequence = Sequence()
        dataset.AnatomicRegionSequence = Sequence([_code("43799004", "SCT", "Chest")])
    else:
        dataset.PlateType = "PHOSPHOR"
    return dataset


def _describe_display(dataset: Dataset, *, hospital: Hospital, picture: Picture) -> None:
    """Modality and VOI transformations, polarity and padding."""
    dataset.PhotometricInterpretation = hospital.photometric
    if hospital.modality == "DX":
        dataset.PixelIntensityRelationship = "LOG"
        dataset.PixelIntensityRelationshipSign = 1 if hospital.photometric == "MONOCHROME1" else -1
        dataset.PresentationLUTShape = "INVERSE" if hospital.photometric == "MONOCHROME1" else "IDENTITY"
    slope, intercept = picture.rescale or (1.0, 0.0)
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = slope, intercept, "US"
    if picture.window is not None:
        dataset.WindowCenter, dataset.WindowWidth = picture.window
    if picture.table is not None:
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [len(picture.table), 0, hospital.bits])
        item.LUTExplanation = "Sigmoid"
        item.add_new("LUTData", "OW", picture.table.astype("<u2").tobytes())
        dataset.VOILUTSequence = Sequence([item])
    if hospital.padding is not None:
        dataset.add_new("PixelPaddingValue", "US", hospital.padding)


def _describe_pixels(dataset: FileDataset, *, hospital: Hospital, picture: Picture) -> None:
    """The image pixel module and the pixels themselves, RLE Lossless where the hospital compresses."""
    rows, columns = picture.stored.shape
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, hospital.bits, hospital.bits - 1
    dataset.PixelRepresentation = 0
    spacing = hospital.detector.spacing
    dataset.ImagerPixelSpacing = [spacing, spacing]
    pixels = picture.stored.astype("<u2")
    if hospital.compressed:
        frames = RLELosslessEncoder.iter_encode(
            pixels,
            rows=rows,
            columns=columns,
            samples_per_pixel=1,
            bits_allocated=16,
            bits_stored=hospital.bits,
            pixel_representation=0,
            photometric_interpretation=hospital.photometric,
            number_of_frames=1,
            encoding_plugin="pydicom",
        )
        dataset.add_new("PixelData", "OB", encapsulate(list(frames)))
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.add_new("PixelData", "OW", np.ascontiguousarray(pixels).tobytes())


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    """One item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
