"""Every file below a folder once, links inside it, and the files that a DICOMDIR names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.directory import directory_failures, directory_files
from medtransfer.data.ingest import ingest
from medtransfer.data.walk import files_below

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]


def below(place: Path) -> tuple[list[str], dict[str, str]]:
    """Names of the files, and names and codes of the failures."""
    found = files_below(place)
    return [file.path.name for file in found.files], {entry.path.name: entry.error.code for entry in found.failed}


def test_hidden_files_and_folders_named_like_files_count(tmp_path: Path) -> None:
    (tmp_path / "x.nii").mkdir()
    for name in ("x.nii/inner", ".hidden", "UPPER"):
        (tmp_path / name).write_bytes(b"1")
    assert below(tmp_path) == ([".hidden", "UPPER", "inner"], {})
    assert below(tmp_path / "UPPER") == (["UPPER"], {})


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        files_below(tmp_path / "nothing")
    assert caught.value.code == "NotFound"


def test_links_stay_inside(tmp_path: Path) -> None:
    place, outside = tmp_path / "place", tmp_path / "place-outside"
    (place / "a").mkdir(parents=True)
    outside.mkdir()
    (place / "a" / "file").write_bytes(b"1")
    (outside / "secret").write_bytes(b"2")
    (place / "inside").symlink_to("a/file")
    (place / "inside_folder").symlink_to(place / "a")
    (place / "out").symlink_to(outside / "secret")
    (place / "out_folder").symlink_to("../place-outside")
    (place / "dangling").symlink_to("gone")
    (place / "loop").symlink_to(".")
    (place / "itself").symlink_to("itself")
    files, failed = below(place)
    assert sorted(files) == ["file", "file", "inside"]
    assert failed == {
        "out": "OutsideFolder",
        "out_folder": "OutsideFolder",
        "dangling": "Unreadable",
        "loop": "Unreadable",
        "itself": "Unreadable",
    }
    (tmp_path / "door").symlink_to(place)
    assert sorted(below(tmp_path / "door")[0]) == sorted(files)


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert below(tmp_path) == ([], {"pipe": "Unreadable"})


def dicomdir(path: Path, *references: object) -> Path:
    """A directory of image records. Reference: DICOM PS3.3, annex F."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=meta)
    records = []
    for reference in references:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        with disable_value_validation():
            record.add_new(0x00041500, "CS", reference)
        records.append(record)
    with disable_value_validation():
        dataset.DirectoryRecordSequence = records
        dataset.save_as(path, enforce_file_format=True)
    return path


def test_a_dicomdir_stands_for_the_files_it_names(tmp_path: Path, write_dicom: Write) -> None:
    write_dicom("disc/DICOM/IM1")
    write_dicom("disc/dicom2/im2")
    write_dicom("disc/unnamed")
    write_dicom("secret")
    disc = tmp_path / "disc"
    (disc / "LINK").symlink_to("../secret")
    file = dicomdir(
        disc / "DICOMDIR",
        ["DICOM", "IM1"], ["DICOM", "IM1"], ["DICOM2", "IM2"], ["..", "secret"], ["GONE"], "LINK", [str(disc), "x"],
    )  # fmt: skip
    found = files_below(file)
    assert [str(entry.path.relative_to(disc)) for entry in found.files] == ["DICOM/IM1", "DICOMDIR", "dicom2/im2"]
    assert [(entry.path.name, entry.error.code) for entry in found.failed] == [("LINK", "OutsideFolder")]
    failed = directory_failures(file)
    assert [entry.error.code for entry in failed] == ["UnsafePath", "MissingFile", "UnsafePath"]
    assert failed[1].path == disc / "GONE"
    assert len({file, *(entry.path for entry in (*found.files, *found.failed, *failed))}) == 7
    assert all(entry.error.path == str(file) for entry in failed)


def test_a_dicomdir_that_cannot_be_read_has_one_failure_of_its_own(tmp_path: Path) -> None:
    file = dicomdir(tmp_path / "DICOMDIR", ["GONE"])
    file.write_bytes(file.read_bytes()[:-6])
    (failure,) = directory_failures(file)
    assert failure.error.code == "Truncated"
    assert failure.path != file
    with pytest.raises(ReadError, match="Truncated"):
        directory_files(file)


def test_two_directories_that_miss_the_same_file_give_it_one_row(tmp_path: Path) -> None:
    for name in ("DICOMDIR", "DICOMDIR.OLD"):
        dicomdir(tmp_path / name, ["GONE"])
    _, ledger = ingest(tmp_path)
    assert [(row.path.removeprefix(f"{tmp_path}/"), row.code) for row in ledger.rows] == [
        ("DICOMDIR", "dicomdir"),
        ("DICOMDIR.OLD", "dicomdir"),
        ("GONE", "MissingFile"),
    ]
