"""Small DICOM files, written by pydicom."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from cached_cohorts import SIZE
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian

from medtransfer.data.stored import store

if TYPE_CHECKING:
    from pathlib import Path


class WriteDicom(Protocol):
    """Writes an image and says where it is; a tag given as None is left out."""

    def __call__(self, name: str, pixels: np.ndarray | None = None, *, syntax: str = ..., **tags: object) -> Path: ...


@pytest.fixture
def write_dicom(tmp_path: Path) -> WriteDicom:
    def write(
        name: str,
        pixels: np.ndarray | None = None,
        *,
        syntax: str = ExplicitVRLittleEndian,
        **tags: object,
    ) -> Path:
        pixels = np.arange(16 * 12, dtype=np.uint16).reshape(16, 12) if pixels is None else pixels
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UID(str(tags.get("SOPClassUID", ComputedRadiographyImageStorage)))
        meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.{zlib.crc32(name.encode())}")
        meta.TransferSyntaxUID = UID(syntax)
        dataset = FileDataset(name, {}, preamble=b"\0" * 128, file_meta=meta)
        bits = 8 * pixels.dtype.itemsize
        values: dict[str, object] = {
            "SOPClassUID": meta.MediaStorageSOPClassUID,
            "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
            "StudyInstanceUID": "1.2.3.1",
            "SeriesInstanceUID": "1.2.3.2",
            "PatientID": "P1",
            "Modality": "CR",
            "Rows": pixels.shape[0],
            "Columns": pixels.shape[1],
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": bits,
            "BitsStored": bits,
            "PixelRepresentation": int(np.issubdtype(pixels.dtype, np.signedinteger)),
            "PixelData": pixels.tobytes(),
            **tags,
        }
        for keyword, value in values.items():
            if value is not None:
                setattr(dataset, keyword, value)
        if bits == 8 and "PixelData" in dataset:
            dataset["PixelData"].VR = "OB"
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if syntax == ExplicitVRBigEndian:
            dcmwrite(path, dataset, enforce_file_format=True, implicit_vr=False, little_endian=False)
        else:
            dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of four pictures of `cached_cohorts.SIZE`."""
    monkeypatch.setattr(store, "SHARD_BYTES", 4 * 2 * SIZE**2)
