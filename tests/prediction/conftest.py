"""A cohort of small pictures, a bundle, and a network that counts how often it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.stored.arrays import in_unit_range
from medtransfer.models.bundle import Bundle, Manifest, Member, TrainingRecord
from medtransfer.models.weights.sidecar import InputSpec
from medtransfer.prediction import run as run_module
from medtransfer.prediction.run import CohortRun, predict_cohort
from tests.data.conftest import write_dicom

__all__ = ["write_dicom"]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from medtransfer.prediction.types import StudyScans


@pytest.fixture
def manifest() -> Manifest:
    estimate = Estimate(name="sensitivity", value=0.9, low=0.8, high=0.97, method="Wilson", n=40)
    return Manifest(
        medtransfer_version="0.1.0",
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        preprocess=PreprocessConfig(size=32),
        members=(Member(backbone="squeezenet1_1", file="network.safetensors", sha256="", input=InputSpec()),),
        operating_point=OperatingPoint(
            rule="sensitivity",
            goal=0.9,
            threshold=0.5,
            positive="pneumonia",
            chosen_on="validation",
            sensitivity=estimate,
            specificity=estimate,
        ),
        training=TrainingRecord(
            plan={},
            epochs=1,
            steps=1,
            best_epoch=None,
            arithmetic={},
            seconds=0.0,
            studies={},
            sites=("here",),
            modalities=("DX",),
            patients=("f" * 32,),
        ),
    )


@pytest.fixture
def bundle(manifest: Manifest) -> Bundle:
    """A bundle in name only: what runs is `Counting`."""
    return Bundle(folder=Path("bundle"), manifest=manifest, sha256="ab" * 32)


class Counting:
    """Logits 0 and ten times the mean grey less 5; remembers its batches, and can fail from one of them on."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.batches: list[Sequence[StudyScans]] = []
        self.fails_at = fails_at

    def __call__(self, studies: Sequence[StudyScans]) -> np.ndarray:
        if len(self.batches) == self.fails_at:
            raise KeyboardInterrupt
        self.batches.append(studies)
        grey = np.array([np.mean([in_unit_range(scan.planes).mean() for scan in study]) for study in studies])
        return np.stack([np.zeros_like(grey), 10 * grey - 5], axis=1).astype(np.float32)


@pytest.fixture
def counting() -> type[Counting]:
    return Counting


@pytest.fixture
def cohort(tmp_path: Path) -> Callable[..., Cohort]:
    """Studies of so many pictures each, one study a patient; `damaged` and `missing` name pictures by number."""

    def build(
        *images: int, damaged: tuple[int, ...] = (), missing: tuple[int, ...] = (), notes: tuple[int, ...] = ()
    ) -> Cohort:
        folder = tmp_path / "cohort"
        folder.mkdir(exist_ok=True)
        generator = np.random.default_rng(0)
        rows = []
        for study, count in enumerate(images):
            for _ in range(count):
                number = len(rows)
                name = f"{number:03}.txt" if number in notes else f"{number:03}.png"
                pixels = generator.integers(0, 256, size=(32, 32), dtype=np.uint8)
                if number not in missing:
                    Image.fromarray(pixels).save(folder / name, format="PNG")
                if number in damaged:
                    (folder / name).write_bytes((folder / name).read_bytes()[:200])
                if number in notes:
                    (folder / name).write_text("a note")
                label = ("normal", "pneumonia", "")[study % 3]
                # Names that do not sort in the order of the rows.
                rows.append({"path": name, "study_id": f"s{97 - study}", "patient_id": f"p{study}", "label": label})
        pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
        return read_cohort(folder, classes=("normal", "pneumonia"), positive="pneumonia", allow_missing=True)

    return build


@pytest.fixture
def run_with(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CohortRun]:
    """Predict with a given network in place of the bundle's own."""

    def run(
        network: Any, cohort: Cohort, folder: Path, *, other: Bundle | None = None, cache: Path | None = None
    ) -> CohortRun:
        monkeypatch.setattr(run_module, "load_runtime", lambda *_, **__: network)
        return predict_cohort(other or bundle, cohort, folder=folder, cache=cache)

    return run
