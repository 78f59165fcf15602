"""Tiny hospitals of pictures, and settings that train on them in a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

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
