"""One picture as a DICOM file: Digital X-Ray (for presentation) or Computed Radiography.

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
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    RLELossless,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .hospitals import Hospital
    from .processing import Picture

_ORDER = ("frontal", "lateral", "repeat", "copy", "raw")
_NAMESPACE = uuid.UUID("6d0c1c0e-5a53-5b1e-9c7e-3f4b0c8f2a10")


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What the header says besides the picture.

    Attributes:
        patient_id: Who.
        study_id: Which study; several pictures may share it.
        sex: `F` or `M`.
        age: Years, or None where nobody entered it.
        view: `PA`, `AP` or `LL`.
        portable: Taken in bed?
        kind: Which picture of the study, one of `shots.KINDS`.
        date: Of the study.
        seed: Of the whole cohort; the UIDs depend on it.
    """

    patient_id: str
    study_id: str
    sex: str
    age: int | None
    view: str
    portable: bool
    kind: str
    date: datetime.date
    seed: int


def write_radiograph(path: Path, *, hospital: Hospital, examination: Examination, picture: Picture) -> None:
    """Writes one picture; equal arguments give equal bytes."""
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
    equipment, kind = hospital.equipment, examination.kind
    sop_class = _sop_class(equipment.modality, kind)
    study = (examination.seed, hospital.name, examination.study_id)
    instance = make_uid(*study, kind, "instance")
    meta = make_meta(
        sop_class=sop_class,
        sop_instance=instance,
        transfer_syntax=RLELossless if equipment.compressed else ExplicitVRLittleEndian,
    )
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    date, minutes = f"{examination.date:%Y%m%d}", 2 * _ORDER.index(kind)
    fill(
        dataset,
        {
            "SpecificCharacterSet": "ISO_IR 192",
            "ImageType": ["DERIVED" if kind == "copy" else "ORIGINAL", "PRIMARY", ""],
            "SOPClassUID": sop_class,
            "SOPInstanceUID": instance,
            "StudyDate": date,
            "SeriesDate": date,
            "AcquisitionDate": date,
            "ContentDate": date,
            "StudyTime": "100000",
            "ContentTime": f"10{minutes:02d}00",
            "AccessionNumber": examination.study_id,
            "Modality": equipment.modality,
            "Manufacturer": equipment.manufacturer,
            "InstitutionName": f"{hospital.name.capitalize()} (synthetic)",
            "ReferringPhysicianName": "",
            "StudyDescription": "Synthetic chest radiograph",
            "SeriesDescription": f"Chest {examination.view}{' portable' if examination.portable else ''}",
            "ManufacturerModelName": equipment.model,
            "PatientName": f"SYNTHETIC^{examination.patient_id}",
            "PatientID": examination.patient_id,
            "PatientBirthDate": "",
            "PatientSex": examination.sex,
            "PatientAge": "" if examination.age is None else f"{examination.age:03d}Y",
            "BodyPartExamined": "CHEST",
            "ViewPosition": examination.view,
            "StudyInstanceUID": make_uid(*study, "study"),
            "SeriesInstanceUID": make_uid(*study, kind, "series"),
            "FrameOfReferenceUID": make_uid(*study, kind, "frame"),
            "StudyID": examination.study_id,
            "SeriesNumber": 1 + _ORDER.index(kind),
            "InstanceNumber": 1,
            "PatientOrientation": ["P", "F"] if examination.view == "LL" else ["L", "F"],
            "BurnedInAnnotation": "NO",
            "LossyImageCompression": "00",
        },
    )
    if equipment.modality == "DX":
        dataset.PresentationIntentType = "FOR PROCESSING" if kind == "raw" else "FOR PRESENTATION"
        dataset.ImageLaterality = "U"
        dataset.DetectorType = "DIRECT"
        dataset.AcquisitionContextSequence = Sequence()
        dataset.AnatomicRegionSequence = Sequence([_code("43799004", "SCT", "Chest")])
    else:
        dataset.PlateType = "PHOSPHOR"
    return dataset


def _sop_class(modality: str, kind: str) -> UID:
    """The storage class of a picture."""
    if modality != "DX":
        return ComputedRadiographyImageStorage
    return DigitalXRayImageStorageForProcessing if kind == "raw" else DigitalXRayImageStorageForPresentation


def _describe_display(dataset: Dataset, *, hospital: Hospital, picture: Picture) -> None:
    """Modality and VOI transformations, polarity and padding."""
    dataset.PhotometricInterpretation = picture.photometric
    if hospital.equipment.modality == "DX":
        inverse = picture.photometric == "MONOCHROME1"
        dataset.PixelIntensityRelationship = "LOG" if picture.for_presentation else "LIN"
        dataset.PixelIntensityRelationshipSign = 1 if inverse else -1
        dataset.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    slope, intercept = picture.rescale or (1.0, 0.0)
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = slope, intercept, "US"
    if picture.window is not None:
        dataset.WindowCenter, dataset.WindowWidth = picture.window
    if picture.table is not None:
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [len(picture.table), 0, picture.bits])
        item.LUTExplanation = "Sigmoid"
        item.add_new("LUTData", "OW", picture.table.astype("<u2").tobytes())
        dataset.VOILUTSequence = Sequence([item])
    if picture.padding is not None:
        dataset.add_new("PixelPaddingValue", "US", picture.padding)


def _describe_pixels(dataset: FileDataset, *, hospital: Hospital, picture: Picture) -> None:
    """The image pixel module and the pixels themselves, RLE Lossless where the hospital compresses."""
    rows, columns = picture.stored.shape
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, picture.bits, picture.bits - 1
    dataset.PixelRepresentation = 0
    spacing = hospital.detector.spacing_mm
    dataset.ImagerPixelSpacing = [spacing, spacing]
    pixels = picture.stored.astype("<u2")
    if not hospital.equipment.compressed:
        dataset.add_new("PixelData", "OW", np.ascontiguousarray(pixels).tobytes())
        return
    # pydicom's own encoder is plain Python: the same bytes wherever it runs.
    frames = RLELosslessEncoder.iter_encode(
        pixels,
        rows=rows,
        columns=columns,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=picture.bits,
        pixel_representation=0,
        photometric_interpretation=picture.photometric,
        number_of_frames=1,
        encoding_plugin="pydicom",
    )
    dataset.add_new("PixelData", "OB", encapsulate(list(frames)))
    dataset["PixelData"].is_undefined_length = True


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    """One item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
