"""Studies in a folder of the server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apps.studies import folder as studies_module
from apps.studies.folder import list_studies


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
