"""Studies in a folder of the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import medtransfer as mt
from apps.studies import folder as studies_module
from apps.studies.folder import Listing, list_studies, listing_of
from apps.studies.walk import Walker

if TYPE_CHECKING:
    from tests.apps.conftest import WriteStudy


def test_names_that_print_alike_are_told_apart(tmp_path: Path) -> None:
    for name in (b"a\xff.png", b"a\xfe.png"):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(b"")
    names = [study.name for study in list_studies(tmp_path).studies]
    assert names == ["a\ufffd.png", "a\ufffd.png (2)"]


def test_a_study_arrives_with_its_newest_file(tmp_path: Path) -> None:
    for name, at in (("one.png", 100), ("two.png", 300), ("three.png", 200)):
        file = tmp_path / "study" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
        os.utime(file, (at, at))
    assert [study.arrived for study in list_studies(tmp_path).studies] == [300]


def test_a_study_is_a_file_at_the_top_or_a_folder_with_images(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "notes.txt",
        ".hidden.png",
        "deep/er/x.DCM",
        "deep/er/y.jpg",
        "deep/readme.md",
        ".git/z.png",
        "scan.nii.gz",
        "mr/a.nii",
        "mr/b.nii",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    (tmp_path / "no_suffix").write_bytes(bytes(128) + b"DICM")
    listing = list_studies(tmp_path)
    assert [(study.name, study.names) for study in listing.studies] == [
        ("a.png", ("a.png",)),
        ("no_suffix", ("no_suffix",)),
        ("scan.nii.gz", ("scan.nii.gz",)),
        ("deep/er", ("x.DCM", "y.jpg")),
        ("mr/a.nii", ("a.nii",)),
        ("mr/b.nii", ("b.nii",)),
    ]
    assert (listing.outside, listing.cut) == (0, False)


def test_links_out_of_the_folder_are_left_out_and_counted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(b"")
    (root / "own.png").write_bytes(b"")
    (root / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "nowhere.png").symlink_to(tmp_path / "nothing")
    listing = list_studies(root)
    assert [study.name for study in listing.studies] == ["own.png"]
    assert listing.outside == 1
    assert listing.position("../outside/secret.png") is None


def test_a_long_list_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies_module, "MOST_STUDIES", 3)
    for name in range(5):
        (tmp_path / f"{name}.png").write_bytes(b"")
    listing = list_studies(tmp_path)
    assert len(listing.studies) == 3
    assert listing.cut


def looked_at(root: Path, *, but: str = "") -> Listing:
    """The studies once every header is known, save those of this name."""
    known = Walker(root).walk()
    return listing_of(known, lambda file: None if file.name == but else mt.file_headers([Path(file.path)])[0])


def test_files_of_one_study_that_lie_together_are_one(tmp_path: Path, write_study: WriteStudy) -> None:
    for name in ("X.dcm", "X_lateral.dcm"):
        write_study(tmp_path / name, StudyInstanceUID="1.2.7")
    write_study(tmp_path / "Y.dcm")
    write_study(tmp_path / "Z.dcm", StudyInstanceUID="1.2.7", PatientID="P2")  # a number used twice
    (tmp_path / "a.png").write_bytes(b"")
    listing = looked_at(tmp_path)
    assert [study.names for study in listing.studies] == [
        ("X.dcm", "X_lateral.dcm"),
        ("Y.dcm",),
        ("Z.dcm",),
        ("a.png",),
    ]
    assert listing.studies[0].told.images == 2
    for called in ("X.dcm", "X_lateral.dcm"):
        assert listing.position(called) == 0
    for called in ("X", "X_lateral", "images/X_lateral.dcm"):
        assert listing.place(called) == "X.dcm"


def test_a_study_keeps_its_name_when_others_arrive(tmp_path: Path, write_study: WriteStudy) -> None:
    write_study(tmp_path / "X.dcm", StudyInstanceUID="1.2.7")
    write_study(tmp_path / "p1" / "1.dcm", StudyInstanceUID="1.2.8")
    before = [study.name for study in looked_at(tmp_path).studies]
    write_study(tmp_path / "A.dcm")
    write_study(tmp_path / "X_lateral.dcm", StudyInstanceUID="1.2.7")
    write_study(tmp_path / "p1" / "0.dcm", StudyInstanceUID="1.2.8")
    assert before == ["X.dcm", "p1"]
    assert {study.name for study in looked_at(tmp_path).studies} == {"A.dcm", "X.dcm", "p1"}


def test_the_studies_of_a_sub_folder_are_told_apart(tmp_path: Path, write_study: WriteStudy) -> None:
    for name, number in (("a.dcm", 1), ("a_lateral.dcm", 1), ("b.dcm", 2)):
        write_study(tmp_path / "images" / name, StudyInstanceUID=f"1.2.{number}")
    (tmp_path / "images" / "c.png").write_bytes(b"")
    studies = {study.name: study.names for study in looked_at(tmp_path).studies}
    assert studies == {
        "images/a.dcm": ("a.dcm", "a_lateral.dcm"),
        "images/b.dcm": ("b.dcm",),
        "images": ("c.png",),
    }
    unsettled = looked_at(tmp_path, but="b.dcm").studies
    assert [(study.name, len(study.files), study.settled) for study in unsettled] == [("images", 4, False)]


def test_what_is_no_image_is_counted_and_what_may_have_been_one_is_a_row(tmp_path: Path) -> None:
    written = {
        "notes.txt": b"hello",
        "report.docx": b"PK\x03\x04junk",
        "README": b"read me\n",
        "IM0001": bytes(100),
        "IM0003": b"\x08\x00\x05\x00CS",
        "1.2.840.5": b"\x93\x00\x01",
        "nothing": b"",
    }
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    listing = looked_at(tmp_path)
    assert dict(listing.others) == {".txt": 1, ".docx": 1, "": 1}
    assert {study.name for study in listing.studies} == {"IM0001", "IM0003", "1.2.840.5", "nothing"}
    assert all(study.told.failed for study in listing.studies)


def test_a_study_says_what_of_it_cannot_be_read(tmp_path: Path, write_study: WriteStudy) -> None:
    good = write_study(tmp_path / "ct" / "1.dcm", Modality="CT", StudyDate="20261101")
    (tmp_path / "ct" / "2.dcm").write_bytes(good.read_bytes()[:-100])
    (study,) = looked_at(tmp_path).studies
    assert (study.told.modalities, study.told.date, study.told.lost, study.told.failed) == (
        ("CT",),
        "2026-11-01",
        1,
        "",
    )
