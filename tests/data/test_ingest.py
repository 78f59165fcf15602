"""Laws of ingest: every file on disk ends in exactly one row."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.errors import CatalogueError, ReadError
from medtransfer.data.ingest import ingest, read

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]


def test_every_file_has_one_row(write_dicom: Write, tmp_path: Path) -> None:
    write_dicom("deep/er/good.dcm")
    write_dicom("localizer.dcm", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (tmp_path / "empty.dcm").touch()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "picture.png")
    (tmp_path / "web.jpg").write_text("<html></html>")
    for name in ("cohort.csv", "README", ".hidden", "deep/notes.txt"):
        (tmp_path / name).write_text("words")
    (tmp_path / "dangling.dcm").symlink_to(tmp_path / "nowhere")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path / "deep")
    (tmp_path / "picture.png").rename(tmp_path / "no_suffix")
    items, ledger = ingest(tmp_path)
    ended = {str(Path(row.path).relative_to(tmp_path)): (row.status, row.code) for row in ledger.rows}
    assert ended == {
        ".hidden": ("excluded", "not_an_image_file"),
        "README": ("excluded", "not_an_image_file"),
        "cohort.csv": ("excluded", "not_an_image_file"),
        "dangling.dcm": ("failed", "Unreadable"),
        "deep/er/good.dcm": ("read", ""),
        "deep/loop": ("failed", "Unreadable"),
        "deep/notes.txt": ("excluded", "not_an_image_file"),
        "empty.dcm": ("failed", "EmptyFile"),
        "localizer.dcm": ("excluded", "localizer"),
        "no_suffix": ("read", ""),
        "web.jpg": ("failed", "WrongFormat"),
    }
    assert ledger.counts() == {"inputs": 11, "read": 2, "excluded": 5, "failed": 4}
    assert [item.loader for item in items] == ["dicom", "raster"]


def test_reading_uses_the_loader_that_found_it(write_dicom: Write, tmp_path: Path) -> None:
    write_dicom("a.dcm", Modality="DX")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "b.png")
    items, ledger = ingest(tmp_path)
    scans = [(item, read(item)) for item in items]
    assert {item.path.name: scan.modality for item, scan in scans} == {"a.dcm": "DX", "b.png": "OT"}
    assert ledger.with_outcomes((item, scan.notes) for item, scan in scans).counts()["read"] == 2


def test_a_file_that_two_formats_fit_goes_to_dicom(write_dicom: Write, tmp_path: Path) -> None:
    path = write_dicom("dual.tif")
    content = path.read_bytes()
    path.write_bytes(b"II*\0" + content[4:])
    (item,), ledger = ingest(tmp_path)
    assert item.loader == "dicom"
    assert ledger.counts()["inputs"] == 1


def test_one_file_is_a_tree_of_its_own(write_dicom: Write) -> None:
    path = write_dicom("a.dcm")
    (item,), ledger = ingest(path)
    assert item.path == path
    assert ledger.counts() == {"inputs": 1, "read": 1, "excluded": 0, "failed": 0}


@pytest.mark.parametrize(("make", "code"), [(False, "NotFound"), (True, "EmptyFolder")])
def test_absent_and_empty_folders_are_errors(tmp_path: Path, make: bool, code: str) -> None:
    place = tmp_path / "place"
    if make:
        place.mkdir()
    with pytest.raises(ReadError) as caught:
        ingest(place)
    assert caught.value.code == code
    assert caught.value.exit_code == 2


def test_unknown_loaders_are_refused(write_dicom: Write) -> None:
    with pytest.raises(CatalogueError, match="dicom"):
        ingest(write_dicom("a.dcm"), loaders=("dicon",))


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    items, ledger = ingest(tmp_path)
    assert not items
    assert [(row.status, row.code) for row in ledger.rows] == [("failed", "Unreadable")]


@pytest.mark.real_data
@pytest.mark.parametrize("cohort", ["nih_cxr", "brain_mri"])
def test_real_cohorts_reconcile_with_the_files_on_disk(cohort: str) -> None:
    root = os.environ.get("MEDTRANSFER_DATA")
    if root is None:
        pytest.skip("MEDTRANSFER_DATA is not set")
    folder = Path(root, "cohorts", cohort)
    on_disk = sum(len(names) for _, _, names in os.walk(folder))
    items, ledger = ingest(folder, loaders=("raster",))
    counts = ledger.counts()
    assert counts["inputs"] == on_disk == counts["read"] + counts["excluded"]
    for item in items[:: len(items) // 20]:
        voxels = read(item).voxels
        assert voxels.ndim == 2 or (cohort == "brain_mri" and voxels.shape[2:] == (3,))
        assert voxels.min() < voxels.max()


def test_a_file_replaced_by_another_patients_is_refused(tmp_path: Path, write_dicom: Write) -> None:
    file = write_dicom("a.dcm", PatientID="A")
    (item,), _ = ingest(tmp_path)
    assert read(item).identifiers.patient_id == "A"
    write_dicom("a.dcm", PatientID="B")
    with pytest.raises(ReadError) as caught:
        read(item)
    assert (caught.value.code, caught.value.path, caught.value.stage) == ("FileChanged", str(file), "pixels")
