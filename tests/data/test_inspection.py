"""Laws of inspection: every file has its row, every fact its number, and what is the matter is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.errors import CohortError, ReadError
from medtransfer.data.inspection import THUMBNAIL_SIZE, THUMBNAILS, inspect_place

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]


def picture(folder: Path, name: str, shape: tuple[int, ...] = (20, 30)) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, 128, np.uint8)).save(folder / name)


def test_counts_reconcile_on_a_messy_folder(tmp_path: Path, write_dicom: Write) -> None:
    write_dicom("deep/good.dcm", Modality="DX", Manufacturer="Maker")
    inverted = write_dicom("inverted.dcm", PhotometricInterpretation="MONOCHROME1")
    write_dicom("localizer.dcm", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    cut = write_dicom("cut.dcm")
    cut.write_bytes(cut.read_bytes()[:-50])
    picture(tmp_path, "a.png")
    picture(tmp_path, "colour.png", (10, 10, 3))
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:50])
    (tmp_path / "notes.txt").write_text("words")
    on_disk = sum(len(names) for _, _, names in os.walk(tmp_path))
    seen = inspect_place(tmp_path)
    counts = seen.ledger.counts()
    assert counts == {"inputs": on_disk, "read": 4, "excluded": 2, "failed": 2}
    assert [row.path for row in seen.ledger.rows] == sorted(row.path for row in seen.ledger.rows)
    assert str(Path("deep/good.dcm")) in {row.path for row in seen.ledger.rows}
    for fact in ("loader", "modality", "matrix", "bit depth", "polarity"):
        assert sum(seen.facts[fact].values()) == counts["read"], fact
    assert seen.facts["manufacturer"] == {"Maker": 1}
    assert seen.facts["loader"] == {"dicom": 2, "raster": 2}
    assert seen.facts["matrix"]["20 × 30"] == 1
    assert seen.facts["polarity"] == {"as stored": 3, "inverted": 1}
    assert seen.cohort is None
    assert any(warning.startswith("Several kinds of modality: ") for warning in seen.warnings)
    assert any(warning.startswith("Several kinds of polarity: ") for warning in seen.warnings)
    assert inverted.name in {caption for _, caption in seen.pictures}
    assert len(seen.pictures) == counts["read"]
    for shown, _ in seen.pictures:
        assert shown.shape[:2] == (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
        assert shown.min() >= 0
        assert shown.max() <= 1


def test_thumbnails_are_few_and_images_all_counted(tmp_path: Path) -> None:
    for i in range(THUMBNAILS + 3):
        picture(tmp_path, f"{i:02}.png")
    seen = inspect_place(tmp_path)
    assert len(seen.pictures) == THUMBNAILS
    assert seen.facts["modality"] == {"OT": THUMBNAILS + 3}
    assert seen.warnings == ()


def cohort(folder: Path, rows: str, name: str = "cohort.csv") -> Path:
    for line in rows.splitlines():
        picture(folder, line.split(",")[0])
    table = folder / name
    table.write_text(f"path,patient_id,label\n{rows}")
    return table


def test_a_sound_cohort_has_counts_and_no_warning(tmp_path: Path) -> None:
    table = cohort(tmp_path, "a.png,1,normal\nb.png,2,tumour\n")
    for place in (tmp_path, table):
        seen = inspect_place(place)
        assert seen.cohort is not None
        assert seen.cohort.per_class == {"normal": 1, "tumour": 1}
        assert seen.warnings == ()
        assert seen.place == place


def test_missing_patients_and_labels_are_said(tmp_path: Path) -> None:
    cohort(tmp_path, "a.png,,normal\nb.png,2,\nc.png,3,tumour\nd.png,3,normal\n")
    seen = inspect_place(tmp_path)
    assert seen.cohort is not None
    assert seen.warnings == (
        "1 of 4 rows have no patient_id: splits cannot keep patients together.",
        "1 of 4 studies have no label.",
        "1 patients have studies of several classes.",
    )


def test_a_table_looks_at_the_files_it_names_and_at_no_others(tmp_path: Path) -> None:
    table = cohort(tmp_path, "a.png,1,x\nsub/b.png,2,y\n", name="mine.csv")
    picture(tmp_path, "other.png")
    seen = inspect_place(table)
    assert [row.path for row in seen.ledger.rows] == ["a.png", str(Path("sub/b.png"))]
    assert inspect_place(tmp_path).ledger.counts()["inputs"] == 4


def test_files_that_a_table_names_and_nobody_has_are_failed_rows(tmp_path: Path) -> None:
    table = cohort(tmp_path, "b.png,1,x\na.png,2,y\nc.png,3,y\n")
    (tmp_path / "a.png").unlink()
    (tmp_path / "c.png").unlink()
    (tmp_path / "c.png").mkdir()
    picture(tmp_path, "c.png/inside.png")
    seen = inspect_place(table)
    assert [(row.path, row.status, row.code) for row in seen.ledger.rows] == [
        ("a.png", "failed", "NotFound"),
        ("b.png", "read", ""),
        ("c.png", "failed", "NotAFile"),
    ]
    assert seen.cohort is not None
    assert seen.cohort.studies == 3


def test_a_folder_with_a_bad_table_is_looked_at_all_the_same(tmp_path: Path) -> None:
    table = cohort(tmp_path, "a.png,1,x\n")
    table.write_text("path,patient_id,label\na.png,1,x\na.png,1,x\n")
    seen = inspect_place(tmp_path)
    assert seen.ledger.counts()["read"] == 1
    assert seen.cohort is None
    assert seen.warnings == ("The cohort table cannot be used: the same image stands in several rows: 'a.png'.",)
    with pytest.raises(CohortError):
        inspect_place(table)


def test_nothing_and_nobody_are_errors(tmp_path: Path) -> None:
    for place, code in ((tmp_path / "none", "NotFound"), (tmp_path, "EmptyFolder")):
        with pytest.raises(ReadError) as caught:
            inspect_place(place)
        assert caught.value.code == code
