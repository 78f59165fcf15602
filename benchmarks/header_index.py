"""How fast are headers indexed? Ours in three steps, against pydicom's `dcmread(stop_before_pixels)`.

`header` walks the header; `look` also applies the rules, checks the claims against the bytes held, takes facts, notes
and identifiers, and makes the planes that series are put together from; `find` puts them together, and is what the
loader does with a folder. `alone` is `look` without what files have in common, as for files that are all different.
pydicom only parses: its values are not even decoded. All go through the same files in one process, in turns.

The files are written by this program: CT slices with about 120 elements in series of 200, 10,000 of them with small
pixels and 300 with 512 × 512. Every file has been read once before, so that the disk is not measured.

    python benchmarks/header_index.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.dicom.header import read_header
from medtransfer.data.dicom.look import look, look_at
from medtransfer.data.loaders import dicom
from medtransfer.data.walk import HEAD_BYTES, FileBelow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GOAL = 4.0
SETTINGS = ReadConfig()
SERIES = 200
"""Slices of a series."""


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--files", type=int, default=10_000)
    words.add_argument("--large", type=int, default=300, help="files with 512 × 512 pixels")
    words.add_argument("--repetitions", type=int, default=5)
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/header_index.json"))
    arguments = words.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, count, side in (("small", arguments.files, 16), ("512", arguments.large, 512)):
            paths = write_files(Path(folder) / name, count, side)
            results[name] = compare(paths, arguments.repetitions)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    report = {"machine": machine, "pydicom": pydicom.__version__, "goal": GOAL, "results": results}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"{machine}, pydicom {pydicom.__version__}")
    print(f"{'files':>12} {'side':>8} {'µs a file':>10} {'pydicom : side':>22}")
    for name, row in results.items():
        for side in SIDES:
            each = statistics.median(row[f"{side}_s"]) / row["files"] * 1e6
            print(f"{row['files']:>6} {name:>5} {side:>8} {each:>10.1f} {_spread(row[f'{side}_ratios']):>22}")
    return 0


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}…{max(ratios):.2f})"


def compare(paths: Sequence[Path], repetitions: int) -> dict:
    """Seconds a run of each side, in turns, and the ratio pydicom : side run by run."""
    files = tuple(FileBelow(path=path, head=path.read_bytes()[:HEAD_BYTES], size=path.stat().st_size) for path in paths)
    taken: dict[str, list[float]] = {f"{name}_s": [] for name in SIDES}
    for _ in range(repetitions):
        for name, side in SIDES.items():
            start = time.perf_counter()
            side(files)
            taken[f"{name}_s"].append(time.perf_counter() - start)
    ratios = {
        f"{name}_ratios": [theirs / ours for theirs, ours in zip(taken["pydicom_s"], taken[f"{name}_s"], strict=True)]
        for name in SIDES
    }
    return {"files": len(paths), **taken, **ratios}


def _parsed(files: Sequence[FileBelow]) -> None:
    for file in files:
        pydicom.dcmread(file.path, stop_before_pixels=True)


def _headers(files: Sequence[FileBelow]) -> None:
    for file in files:
        read_header(file.path)


def _alone(files: Sequence[FileBelow]) -> None:
    for file in files:
        look(file.path, settings=SETTINGS)


def _looks(files: Sequence[FileBelow]) -> None:
    look_at([file.path for file in files], settings=SETTINGS)


def _found(files: Sequence[FileBelow]) -> None:
    found = dicom.find(tuple(files), settings=SETTINGS)
    if sum(len(item.paths) for item in found.items) != len(files):
        msg = f"{len(files)} files went in, and {len(found.failed)} failed"
        raise RuntimeError(msg)


SIDES: dict[str, Callable[[Sequence[FileBelow]], None]] = {
    "pydicom": _parsed,
    "header": _headers,
    "alone": _alone,
    "look": _looks,
    "find": _found,
}
"""pydicom's side, and ours."""


def write_files(folder: Path, count: int, side: int) -> list[Path]:
    """Slices of CT series; within a series they differ in position, instance number and content time."""
    folder.mkdir()
    dataset = ct_header(side)
    paths = []
    for k in range(count):
        series, place = divmod(k, SERIES)
        dataset.PatientID, dataset.SeriesInstanceUID = f"PID-{series:04}", f"1.2.826.0.1.3680043.8.498.2.{series}"
        dataset.InstanceNumber, dataset.SliceLocation = place + 1, 1.5 * place
        dataset.ImagePositionPatient = [-158.135, -179.035, -75.7 + 1.5 * place]
        dataset.ContentTime = f"1123{place // 60 % 60:02}.{place % 60:02}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.826.0.1.3680043.8.498.{k}")
        paths.append(folder / f"IM{k:06d}")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def ct_header(side: int) -> FileDataset:
    """A CT slice with about 120 elements, three short sequences and a private block among them."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=meta)
    for keyword, value in _VALUES.items():
        setattr(dataset, keyword, value)
    dataset.Rows = dataset.Columns = side
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "CTHEAD", "99LOCAL", "CT of the head"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CTImageStorage, "1.2.3.4.5"
    dataset.ProcedureCodeSequence, dataset.ReferencedStudySequence = [code], [reference]
    dataset.ReferencedImageSequence = [reference, reference]
    block = dataset.private_block(0x0009, "GEMS_IDEN_01", create=True)
    for k in range(1, 30):
        block.add_new(k, "LO" if k % 2 else "SL", f"private {k}" if k % 2 else k)
    dataset.PixelData = bytes(2 * side * side)
    dataset["PixelData"].VR = "OW"
    return dataset


_VALUES = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "InstanceCreationDate": "20240131",
    "InstanceCreationTime": "112233",
    "SOPClassUID": CTImageStorage,
    "StudyDate": "20240131",
    "SeriesDate": "20240131",
    "AcquisitionDate": "20240131",
    "ContentDate": "20240131",
    "StudyTime": "112233",
    "SeriesTime": "112300",
    "AcquisitionTime": "112310",
    "ContentTime": "112311",
    "AccessionNumber": "A123456",
    "Modality": "CT",
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "InstitutionName": "Hospital",
    "ReferringPhysicianName": "Doctor^Some",
    "StationName": "CT01",
    "StudyDescription": "Head without contrast",
    "SeriesDescription": "5 mm soft tissue",
    "InstitutionalDepartmentName": "Radiology",
    "OperatorsName": "Operator^One",
    "ManufacturerModelName": "LightSpeed VCT",
    "PatientName": "Anonymous^Patient",
    "PatientID": "PID-0001",
    "PatientBirthDate": "19600101",
    "PatientSex": "F",
    "PatientAge": "064Y",
    "PatientWeight": 70.5,
    "AdditionalPatientHistory": "headache",
    "ContrastBolusAgent": "",
    "BodyPartExamined": "HEAD",
    "ScanOptions": "AXIAL MODE",
    "SliceThickness": 5.0,
    "KVP": 120,
    "SpacingBetweenSlices": 1.5,
    "DataCollectionDiameter": 250,
    "DeviceSerialNumber": "123456",
    "SoftwareVersions": "07MW18.4",
    "ProtocolName": "1.1 Head",
    "ReconstructionDiameter": 250,
    "DistanceSourceToDetector": 949.075,
    "DistanceSourceToPatient": 541,
    "GantryDetectorTilt": 0,
    "TableHeight": 155.5,
    "RotationDirection": "CW",
    "ExposureTime": 1000,
    "XRayTubeCurrent": 250,
    "Exposure": 250,
    "FilterType": "HEAD FILTER",
    "GeneratorPower": 30000,
    "FocalSpots": 1.2,
    "ConvolutionKernel": "SOFT",
    "PatientPosition": "HFS",
    "RevolutionTime": 1.0,
    "SingleCollimationWidth": 0.625,
    "TotalCollimationWidth": 20.0,
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2",
    "StudyID": "4567",
    "SeriesNumber": 2,
    "AcquisitionNumber": 1,
    "InstanceNumber": 1,
    "ImagePositionPatient": [-125.0, -125.0, 0.0],
    "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    "FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.3",
    "PositionReferenceIndicator": "OM",
    "SliceLocation": 0.0,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": [0.488281, 0.488281],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "PixelPaddingValue": -2000,
    "WindowCenter": 40,
    "WindowWidth": 80,
    "RescaleIntercept": -1024,
    "RescaleSlope": 1,
    "RescaleType": "HU",
    "RequestingPhysician": "Doctor^Other",
    "RequestedProcedureDescription": "CT head",
    "PerformedProcedureStepStartDate": "20240131",
    "PerformedProcedureStepStartTime": "112233",
    "PerformedProcedureStepID": "PPS1",
    "PerformedProcedureStepDescription": "CT head",
}

if __name__ == "__main__":
    sys.exit(main())
