"""A bundle without training, studies on disk, and the app in Streamlit's own test harness."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from streamlit.testing.v1 import AppTest

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import Bundle, Manifest, Member, TrainingRecord, write_bundle
from medtransfer.models.classifier import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = Path(__file__).parents[2] / "apps" / "app.py"
BACKBONE = "squeezenet1_1"


class OpenApp(Protocol):
    """Starts a session of the app with these arguments and draws its first screen."""

    def __call__(self, *arguments: str | Path, query: dict[str, str] | None = None) -> AppTest: ...


class WriteStudy(Protocol):
    """Writes a small DICOM radiograph with these tags."""

    def __call__(self, path: Path, **tags: object) -> Path: ...


class MakeBundle(Protocol):
    """Writes a bundle whose network was never trained."""

    def __call__(self, folder: Path, **changes: object) -> Bundle: ...


@pytest.fixture(scope="session")
def make_bundle() -> MakeBundle:
    model = new_classifier(ModelConfig(backbone=BACKBONE), question=Question("multiclass", 2), seed=0)
    tensors = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}

    def make(folder: Path, **changes: object) -> Bundle:
        manifest = Manifest(
            medtransfer_version="0.1.0",
            classes=("normal", "pneumonia"),
            positive="pneumonia",
            preprocess=PreprocessConfig(size=64),
            members=(Member(backbone=BACKBONE, file="network.safetensors", sha256="", input=model.spec),),
            operating_point=operating_point(),
            training=training_record(),
        ).model_copy(update=changes)
        folder.mkdir(parents=True, exist_ok=True)
        return write_bundle(folder, manifest, {"network.safetensors": tensors})

    return make


def operating_point() -> OperatingPoint:
    return OperatingPoint(
        rule="sensitivity",
        goal=0.9,
        threshold=0.41,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=Estimate(name="sensitivity", value=0.9, low=0.79, high=0.96, method="Wilson", n=50),
        specificity=Estimate(name="specificity", value=0.7, low=0.57, high=0.8, method="Wilson", n=54),
    )


def training_record() -> TrainingRecord:
    return TrainingRecord(
        plan={
            "model": {"backbone": BACKBONE, "weights": "none"},
            "objective": {
                "trade_off": "Infinity",
                "features": {"coral": {"strength": 0.5}},
                "parameters": {"l2_sp": {"strength": 0.1}},
            },
            "policy": {"name": "lp_ft"},
        },
        epochs=3,
        steps=300,
        best_epoch=None,
        arithmetic={"precision": "32"},
        seconds=1.0,
        studies={"target": {"normal": 30, "pneumonia": 20}, "source": {"normal": 80, "pneumonia": 80}},
        sites=("hillcrest", "riverside"),
        modalities=("CR", "DX"),
        patients=(),
    )


@pytest.fixture(scope="session")
def bundle(make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "good")


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """A good radiograph, one of a modality never seen, a damaged file, and a folder with two pictures."""
    folder = tmp_path / "studies"
    write_radiograph(
        folder / "good.dcm", StudyInstanceUID="1.2.3.1", Modality="CR", ViewPosition="PA", PatientAge="061Y"
    )
    write_radiograph(folder / "strange.dcm", Modality="MG", BurnedInAnnotation="YES")
    (folder / "text.dcm").write_bytes(b"no image\n" * 40)
    for name in ("one.png", "two.png"):
        picture = folder / "two pictures" / name
        picture.parent.mkdir(exist_ok=True)
        Image.fromarray(np.arange(48 * 40, dtype=np.uint16).reshape(48, 40).astype(np.uint8)).save(picture)
    (folder / "two pictures" / "empty.png").write_bytes(b"")
    return folder


def write_radiograph(path: Path, **tags: object) -> Path:
    """A small DICOM radiograph with a bright disc, a study of its own unless `tags` say otherwise."""
    rows, columns = np.mgrid[:96, :80]
    pixels = (800 + 2400 * ((rows - 40) ** 2 + (columns - 40) ** 2 < 500)).astype(np.uint16)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=meta)
    values = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": f"1.2.3.1.{zlib.crc32(bytes(path))}",
        "SeriesInstanceUID": "1.2.3.2",
        "PatientID": "P1",
        "Modality": "CR",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": pixels.tobytes(),
        **tags,
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenApp]:
    """Sessions of one app; what their readers say goes into a file of this test alone."""
    path = list(sys.path)

    def start(*arguments: str | Path, query: dict[str, str] | None = None) -> AppTest:
        reviews = [] if "--reviews" in arguments else ["--reviews", str(tmp_path / "reviews.sqlite")]
        monkeypatch.setattr(sys, "argv", [str(APP), *map(str, arguments), *reviews])
        app = AppTest.from_file(APP, default_timeout=30)
        app.query_params.update(query or {})
        return app.run()

    yield start
    sys.path[:] = path


@pytest.fixture
def write_study() -> WriteStudy:
    return write_radiograph
