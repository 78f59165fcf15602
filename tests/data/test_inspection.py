"""Laws of inspection: every file has its row, every fact its number, and what is the matter is said."""

from __future__ import annotations

import gc
import os
import weakref
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.errors import CohortError, ConfigError, ReadError
from medtransfer.data import inspection
from medtransfer.data.duplicates import Duplicates
from medtransfer.data.ingest import read
from medtransfer.data.inspection import THUMBNAIL_SIZE, THUMBNAILS, inspect_place
from medtransfer.data.preprocess import pad_and_resize
from medtransfer.data.scan import Identifiers, Presentation, Scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.found import Item

    Write = Callable[..., Path]


def picture(folder: Path, name: str, shape: tuple[int, ...] = (20, 30), *, like: str = "") -> None:
    """Noise that is the picture's own, or that of the picture `like`."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(zlib.crc32((like or name).encode()))
    Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(folder / name)


def test_counts_reconcile_on_a_messy_folder(tmp_path: Path, write_dicom: Write) -> None:
    write_dicom("deep/good.dcm", Modality="DX", Manufacturer="Maker")
    inverted = write_dicom("inverted.dcm", pixels(1), PhotometricInterpretation="MONOCHROME1")
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
    assert seen.summary.items == seen.summary.files == counts["read"] == 4
    for fact, values in seen.summary.facts.items():
        assert sum(values.values()) == counts["read"], fact
    facts = seen.summary.facts
    assert facts["manufacturer"] == {"": 3, "Maker": 1}
    assert facts["loader"] == {"dicom": 2, "raster": 2}
    assert facts["matrix"]["20 × 30"] == 1
    assert facts["polarity"] == {"as stored": 3, "inverted": 1}
    assert (seen.summary.patients, seen.summary.without_patient) == (1, 2)
    assert seen.cohort is None
    assert seen.duplicates == Duplicates(compared=4)
    assert any(warning.startswith("Several modalities: ") for warning in seen.warnings)
    assert inverted.name in {tile.caption for tile in seen.tiles}
    assert len(seen.tiles) == counts["read"]
    for tile in seen.tiles:
        assert tile.picture.shape[:2] == (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
        assert tile.picture.min() >= 0
        assert tile.picture.max() <= 1


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4096, (16, 12), dtype=np.uint16)


def test_thumbnails_are_few_and_evenly_chosen_and_images_all_counted(tmp_path: Path) -> None:
    for i in range(2 * THUMBNAILS + 1):
        picture(tmp_path, f"{i:02}.png")
    seen = inspect_place(tmp_path)
    captions = [tile.caption for tile in seen.tiles]
    assert len(captions) == THUMBNAILS
    assert (captions[0], captions[-1]) == ("00.png", f"{2 * THUMBNAILS}.png")
    assert seen.summary.facts["modality"] == {"OT": 2 * THUMBNAILS + 1}
    assert seen.warnings == ()


def test_a_volume_shows_its_middle_slice_with_its_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Axial slices, feet first, rows towards the back, columns towards the left."""
    picture(tmp_path, "volume.png")
    slices = np.random.default_rng(0).integers(0, 256, (30, 16, 12), dtype=np.uint8)
    affine = np.array([[0, 0, -0.6, 0], [0, -0.7, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1]])
    volume = Scan(
        voxels=slices, affine=affine, modality="CT", presentation=Presentation(), identifiers=Identifiers(),
        path=tmp_path / "volume.png", attributes={}, kind="volume",
    )  # fmt: skip
    monkeypatch.setattr(inspection, "read", lambda _, **__: volume)
    seen = inspect_place(tmp_path)
    (tile,) = seen.tiles
    assert (tile.caption, tile.place) == ("volume.png", "slice 16 of 30")
    assert tile.letters == ("A", "L", "P", "R")
    ratio = round(0.7 / 0.6, 4)  # a picture of 11.2 × 7.2 mm
    expected = pad_and_resize(slices[15].astype(np.float32) / 255, size=THUMBNAIL_SIZE, ratio=ratio)
    np.testing.assert_allclose(tile.picture, expected, atol=1e-6)
    assert seen.summary.facts["matrix"] == {"16 × 12 × 30": 1}
    assert seen.summary.facts["spacing"] == {"0.7 × 0.6 × 5": 1}


def test_only_one_scan_is_held_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(12):
        picture(tmp_path, f"{i:02}.png", (300, 400))
    alive: list[weakref.ref[Scan]] = []
    most = 0

    def reading(item: Item, *, settings: ReadConfig) -> Scan:
        nonlocal most
        gc.collect()
        most = max(most, sum(one() is not None for one in alive))
        scan = read(item, settings=settings)
        alive.append(weakref.ref(scan))
        return scan

    monkeypatch.setattr(inspection, "read", reading)
    assert inspect_place(tmp_path).summary.items == 12
    assert most == 0


def test_copies_across_patients_and_splits_are_warned_of(tmp_path: Path) -> None:
    rows = ["a.png,1,normal,train", "b.png,2,tumour,test", "c.png,3,normal,train", "d.png,4,normal,train",
            "e.png,4,normal,train", "f.png,5,tumour,"]  # fmt: skip
    for name, like in (("a", "a"), ("b", "a"), ("c", "c"), ("d", "c"), ("e", "e"), ("f", "f")):
        picture(tmp_path, f"{name}.png", like=like)
    (tmp_path / "cohort.csv").write_text("path,patient_id,label,split\n" + "\n".join(rows))
    for place in (tmp_path, tmp_path / "cohort.csv"):
        seen = inspect_place(place)
        assert seen.duplicates.counts() == {"exact": {"across splits": 1, "across patients": 1}}
        assert [[member.path for member in group.members] for group in seen.duplicates.groups] == [
            ["a.png", "b.png"],
            ["c.png", "d.png"],
        ]
        assert seen.warnings[:3] == (
            "The same picture across splits: 1 group; a figure measured across them is too good.",
            "The same picture across patients: 1 group; they may be one patient under two names, or copies.",
            "The same picture has different labels in 1 group.",
        )
        assert seen.summary.patients == 5


def test_blank_pictures_are_said_and_not_taken_for_copies(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((20, 30), 128, np.uint8)).save(tmp_path / name)
    seen = inspect_place(tmp_path)
    assert seen.duplicates.groups == ()
    assert seen.warnings == ("2 scans show nothing: one value everywhere.",)


def test_burned_in_annotation_is_counted(tmp_path: Path, write_dicom: Write) -> None:
    write_dicom("burned.dcm", BurnedInAnnotation="YES")
    write_dicom("clean.dcm", pixels(2), BurnedInAnnotation="NO")
    seen = inspect_place(tmp_path)
    assert seen.summary.burned_in == 1
    assert any("burned into" in warning for warning in seen.warnings)


def test_a_correlation_that_is_none_is_refused(tmp_path: Path) -> None:
    for near in (0.0, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="between"):
            inspect_place(tmp_path, near=near)


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
        "1 patient has studies of several classes.",
        "1 of 4 studies have no patient_id: splits cannot keep patients together.",
        "1 of 4 studies have no label.",
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
    picture(tmp_path, "c.png/one.png")
    picture(tmp_path, "c.png/two.png")
    seen = inspect_place(table)
    assert [(row.path, row.status, row.code) for row in seen.ledger.rows] == [
        ("a.png", "failed", "NotFound"),
        ("b.png", "read", ""),
        ("c.png", "failed", "SeveralSeries"),
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
