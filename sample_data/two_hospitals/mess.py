"""A folder as hospitals hand it over: series without suffixes, a gap, a scout, an archive, a loop, notes; 32² pixels.

`MESS` maps each entry to what it is. The same bytes on every machine.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np
from nibabel.nifti1 import Nifti1Image
from pydicom.dataset import FileDataset
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    UltrasoundMultiFrameImageStorage,
    XRayRadiationDoseSRStorage,
)

from .damage import stored_png
from .dicom import fill, make_meta, make_uid

if TYPE_CHECKING:
    from pathlib import Path

MESS = {
    "head/": "a head CT of six slices, named in another order than they lie, and its scout",
    "abdomen/": "an abdominal CT of which the third slice was lost in copying",
    "disc.zip": "two radiographs of one patient in an archive, one of them MONOCHROME1",
    "loop.dcm": "an ultrasound loop in colour, with the patient's name burned in",
    "dose.dcm": "a radiation dose report",
    "half.dcm": "a radiograph whose copying was interrupted",
    "brain.nii": "an MR volume as NIfTI",
    "wrist.png": "a radiograph as a picture",
    "wrist_again.png": "the same picture under another name",
    "notes.txt": "what the trainee wrote down",
}

SIZE = 32


def write_messy(folder: Path) -> None:
    """Writes every entry of `MESS` into `folder`, which is made where it is missing."""
    for name in ("head", "abdomen"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for place in range(6):
        (folder / "head" / f"IM{(place * 5) % 6:04}").write_bytes(_slice("head", place))
    (folder / "head" / "IM0006").write_bytes(_slice("head", 9, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    for place in (0, 1, 3, 4):
        (folder / "abdomen" / f"IM{place:04}").write_bytes(_slice("abdomen", place))
    _write_disc(folder / "disc.zip")
    (folder / "loop.dcm").write_bytes(_loop())
    (folder / "dose.dcm").write_bytes(_file("dose", XRayRadiationDoseSRStorage, {"Modality": "SR"}))
    (folder / "half.dcm").write_bytes(_radiograph("half", "P4")[: -SIZE * SIZE])
    _write_volume(folder / "brain.nii")
    for name in ("wrist.png", "wrist_again.png"):
        (folder / name).write_bytes(stored_png((_disc(12) // 16).astype(np.uint8)))
    (folder / "notes.txt").write_text("head: repeat requested\nabdomen: export again\n", encoding="utf-8")


def _slice(name: str, place: int, **tags: object) -> bytes:
    """One CT slice; its disc grows from slice to slice."""
    elements = {
        "Modality": "CT",
        "PatientID": "P1" if name == "head" else "P2",
        "BodyPartExamined": name.upper(),
        "SeriesInstanceUID": make_uid("messy", name, "series"),
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": place + 1,
        "ImagePositionPatient": [-40, -40, 5 * place],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [2.5, 2.5],
        "SliceThickness": 5,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "WindowCenter": 40,
        "WindowWidth": 400,
        **tags,
    }
    return _file(f"{name}-{place}", CTImageStorage, elements, _disc(6 + place) // 4 + 900)


def _radiograph(name: str, patient: str, photometric: str = "MONOCHROME2") -> bytes:
    elements = {
        "Modality": "DX",
        "PatientID": patient,
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA" if photometric == "MONOCHROME2" else "LL",
        "PatientOrientation": ["L", "F"] if photometric == "MONOCHROME2" else ["A", "F"],
        "SeriesInstanceUID": make_uid("messy", name, "series"),
        "PhotometricInterpretation": photometric,
        "PresentationIntentType": "FOR PRESENTATION",
        "ImagerPixelSpacing": [0.2, 0.2],
    }
    radius = 10 if photometric == "MONOCHROME2" else 8
    return _file(name, DigitalXRayImageStorageForPresentation, elements, _disc(radius))


def _loop() -> bytes:
    frames = np.stack([_disc(6 + 2 * frame) // 16 for frame in range(3)])
    colours = np.stack([frames, frames // 2, frames // 3], axis=-1).astype(np.uint8)
    elements = {
        "Modality": "US",
        "PatientID": "P3",
        "BurnedInAnnotation": "YES",
        "SeriesInstanceUID": make_uid("messy", "loop", "series"),
        "NumberOfFrames": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
    }
    return _file("loop", UltrasoundMultiFrameImageStorage, elements, colours)


def _file(name: str, sop_class: str, elements: dict[str, object], pixels: np.ndarray | None = None) -> bytes:
    """The least that makes a DICOM file of this kind."""
    instance = make_uid("messy", name)
    meta = make_meta(sop_class=sop_class, sop_instance=instance, transfer_syntax=ExplicitVRLittleEndian)
    dataset = FileDataset(name, {}, file_meta=meta, preamble=b"\0" * 128)
    patient = elements.get("PatientID", "P1")
    fill(
        dataset,
        {
            "SOPClassUID": sop_class,
            "SOPInstanceUID": instance,
            "StudyDate": "20240105",
            "Manufacturer": "Messy (synthetic)",
            "PatientName": f"SYNTHETIC^{patient}",
            "PatientID": patient,
            "StudyInstanceUID": make_uid("messy", patient, "study"),
            **elements,
        },
    )
    if pixels is not None:
        deep = pixels.dtype.itemsize == 2
        content = {
            "PhotometricInterpretation": elements.get("PhotometricInterpretation", "MONOCHROME2"),
            "SamplesPerPixel": 1 if deep else 3,
            "Rows": SIZE,
            "Columns": SIZE,
            "BitsAllocated": 16 if deep else 8,
            "BitsStored": 12 if deep else 8,
            "HighBit": 11 if deep else 7,
            "PixelRepresentation": 0,
        }
        fill(dataset, content)
        dataset.add_new("PixelData", "OW" if deep else "OB", pixels.astype("<u2" if deep else "u1").tobytes())
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _disc(radius: int) -> np.ndarray:
    """A bright disc, off the middle, so that a mirrored one can be told; integers only."""
    row, column = np.mgrid[:SIZE, :SIZE]
    inside = (row - 15) ** 2 + (column - 13) ** 2 <= radius**2
    return np.where(inside, 3000 + 20 * column, 200 + 10 * row).astype(np.uint16)


def _write_disc(path: Path) -> None:
    """An archive that does not say when it was packed."""
    contents = {"DICOM/A/PA": _radiograph("pa", "P4"), "DICOM/A/LAT": _radiograph("lat", "P4", "MONOCHROME1")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def _write_volume(path: Path) -> None:
    """Eight slices of 3 mm; R, A and S as NIfTI has them."""
    slices = np.stack([_disc(5 + place).T[:, ::-1] for place in range(8)], axis=-1)
    image = Nifti1Image(slices.astype(np.int16), np.diag([2.0, 2.0, 3.0, 1.0]))
    image.header.set_xyzt_units("mm")
    path.write_bytes(image.to_bytes())
