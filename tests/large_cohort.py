"""A cohort of many tiny pictures, and a bundle with a tiny network for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from medtransfer.core.config.models import ModelConfig
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import write_bundle
from medtransfer.models.classifier import Question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medtransfer.models.bundle import Manifest


def write_cohort(folder: Path, studies: int, *, unreadable: Iterable[int] = ()) -> Path:
    """One picture a study, a thousand a folder; those of some numbers are cut short, empty, or no picture at all."""
    generator = np.random.default_rng(0)
    bad = dict(zip(sorted(unreadable), np.resize((0, 1, 2), studies).tolist(), strict=False))
    lines = ["path,study_id,patient_id,date,label,age"]
    for number in range(studies):
        name = f"{number // 1000}/{number:05}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, size=(32, 32), dtype=np.uint8)).save(folder / name)
        if number in bad:
            content = (folder / name).read_bytes()
            (folder / name).write_bytes((content[: len(content) // 2], b"", b"no picture " * 9)[bad[number]])
        label = ("normal", "pneumonia")[number % 2]
        # Names that do not sort in the order of the rows.
        lines.append(
            f"{name},s{99_999 - number},p{number // 2},2024-05-{number % 28 + 1:02},{label},{20 + number % 60}"
        )
    (folder / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_tiny_bundle(folder: Path, manifest: Manifest) -> Path:
    """SqueezeNet on 32 × 32 pixels."""
    model = new_classifier(ModelConfig(backbone="squeezenet1_1"), question=Question("multiclass", 2), seed=0)
    tensors = {key: value.numpy() for key, value in model.state_dict().items()}
    write_bundle(folder, manifest, {"network.safetensors": tensors})
    return folder
