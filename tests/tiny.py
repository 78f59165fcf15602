"""Tiny hospitals of pictures, and settings that train on them in a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from medtransfer.data.bags import Layout
from medtransfer.data.dataset import StudyBatch
from medtransfer.data.places import View
from medtransfer.models.backbone import Backbone
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.pooling import mean
from medtransfer.models.weights.load import Loaded
from medtransfer.models.weights.sidecar import InputSpec

QUICK = (
    "preprocess.size=32",
    "training.epochs=2",
    "training.min_steps=4",
    "training.batch_size=4",
    "training.precision=fp32",
    "training.memory_format=contiguous",
)


@dataclass(frozen=True)
class Hospitals:
    """Folders with a `cohort.csv` each."""

    target: Path
    source: Path


def write_hospital(folder: Path, *, studies: int, seed: int, gain: float = 1.0, test: int = 0) -> Path:
    """Noise pictures; pneumonia is a bright square. Every fourth patient has two studies."""
    generator = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    rows = []
    for index in range(studies):
        ill = index % 2 == 1
        picture = generator.normal(90, 25, (40, 36))
        if ill:
            picture[10:26, 8:24] += 60
        values = np.clip(picture * gain, 0, 255).astype(np.uint8)
        Image.fromarray(values).save(folder / "images" / f"{index:03}.png")
        patient = index - 2 if index % 8 in {2, 3} else index
        rows.append(
            {
                "path": f"images/{index:03}.png",
                "patient_id": f"P{patient:03}",
                "label": "pneumonia" if ill else "normal",
                "split": "test" if index < test else "",
            }
        )
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    return folder


class FloatPlanes:
    """Rows of planes in memory as they are, not rounded to 16 bits."""

    def __init__(self, rows: list[torch.Tensor], axis: str = "") -> None:
        self._rows, self._axis = rows, axis
        self.channels = rows[0].shape[1]

    def __len__(self) -> int:
        return len(self._rows)

    def views(self, case: int) -> tuple[View, ...]:
        return (View(self._axis, len(self._rows[case])),)  # pyright: ignore[reportArgumentType]

    def load(self, cases: np.ndarray, planes: np.ndarray) -> np.ndarray:
        return torch.stack([self._rows[case][plane] for case, plane in zip(cases, planes, strict=True)]).numpy()


def batch_of(pictures: torch.Tensor) -> StudyBatch:
    """Every picture, `case channel row column`, a study of its own."""
    return bags_of([picture[None] for picture in pictures])


def bags_of(studies: list[torch.Tensor], axis: str = "") -> StudyBatch:
    """Every tensor, `plane channel row column`, a study of one row."""
    planes = FloatPlanes(studies, axis)
    layout = Layout.of(planes, [[index] for index in range(len(studies))])
    return StudyBatch(planes, layout, tuple(f"study {index}" for index in range(len(studies))))


def classifier(
    backbone: Backbone, *, classes: int = 2, source_classes: int | None = None, spec: InputSpec | None = None
) -> Classifier:
    """Classes on the mean over planes."""
    return Classifier(
        backbone,
        pooling=mean.build(backbone.feature_dim),
        question=Question("multiclass", classes),
        sources={} if source_classes is None else {"source": Question("multiclass", source_classes)},
        weights=Loaded(spec=spec or InputSpec()),
    )
