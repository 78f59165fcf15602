"""Cohorts of small pictures, some of which cannot be read, and what a cache makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.data import decoding
from medtransfer.data.cache import PreparedCohort, prepare_cohort
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.outcome import prepared_item

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

SIZE = 32
SMALL = PreprocessConfig(size=SIZE)


def grey(folder: Path, name: str, level: int) -> None:
    Image.fromarray(np.full((SIZE, SIZE), level, np.uint8)).save(folder / name)


def messy(folder: Path, *, colour: bool = False) -> Cohort:
    """Four good pictures with failures of several kinds between them."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(("a.png", "c.png", "f.png", "h.png")):
        grey(folder, name, 10 * (i + 1))
    if colour:
        pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
        pixels[..., 0] = 255
        Image.fromarray(pixels).save(folder / "c.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:40])
    (folder / "d.txt").write_text("words")
    (folder / "g.png").touch()
    (folder / "i").mkdir(exist_ok=True)
    names = ["a.png", "b.png", "c.png", "d.txt", "absent.png", "f.png", "g.png", "h.png", "i"]
    rows = "".join(f"{name},p{i},s{i},{'xy'[i % 2]}\n" for i, name in enumerate(names))
    (folder / "cohort.csv").write_text(f"path,patient_id,study_id,label\n{rows}")
    return read_cohort(folder, allow_missing=True)


def many(folder: Path, count: int) -> Cohort:
    """Pictures of noise, each its own."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for i in range(count):
        Image.fromarray(generator.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)).save(folder / f"{i:03}.png")
    rows = "".join(f"{i:03}.png,p{i},{'xy'[i % 2]}\n" for i in range(count))
    (folder / "cohort.csv").write_text(f"path,patient_id,label\n{rows}")
    return read_cohort(folder)


def prepared(cohort: Cohort, folder: Path, **changes: Any) -> PreparedCohort:
    return prepare_cohort(cohort, **{"preprocess": SMALL, "folder": folder, **changes})


def levels(found: PreparedCohort) -> list[int]:
    return [round(float(planes.mean()) / 65535 * 255) for planes in found.arrays]


def values(found: PreparedCohort) -> np.ndarray:
    return np.stack([planes[0] for planes in found.arrays])


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    decoded: list[str] = []

    def counted(place: Path, **settings: Any) -> Any:
        decoded.append(place.name)
        return prepared_item(place, **settings)

    monkeypatch.setattr(decoding, "prepared_item", counted)
    return decoded
