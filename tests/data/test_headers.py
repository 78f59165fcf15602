"""What files say of themselves, each alone, before anything is put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import medtransfer as mt
from tests.apps.conftest import write_radiograph


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One of each kind, by what is the matter with it."""
    good = write_radiograph(tmp_path / "good.dcm", StudyInstanceUID="1.2.9", StudyDate="20261101")
    whole = good.read_bytes()
    written = {
        "cut.dcm": whole[:-100],
        "empty.png": b"",
        "IM0001": bytes(100),
        "IM0002": whole,
        "IM0003": whole[132:],
        "text.dcm": b"no image\n" * 40,
    }
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "picture.png")
    return {name: tmp_path / name for name in ("good.dcm", "picture.png", "gone.dcm", *written)}


def test_every_file_is_answered_in_its_place(files: dict[str, Path]) -> None:
    backwards = list(reversed(files.values()))
    assert [header.path for header in mt.file_headers(backwards)] == backwards


def test_what_is_readable_says_of_which_study_modality_and_day_it_is(files: dict[str, Path]) -> None:
    good, picture, named_otherwise = mt.file_headers([files["good.dcm"], files["picture.png"], files["IM0002"]])
    assert (good.status, good.study_uid, good.modality, good.date) == ("read", "1.2.9", "CR", "2026-11-01")
    assert (named_otherwise.study_uid, named_otherwise.status) == ("1.2.9", "read")
    assert (picture.status, picture.study_uid, picture.modality) == ("read", "", "OT")


@pytest.mark.parametrize(
    ("name", "status", "code", "why"),
    [
        ("cut.dcm", "failed", "Truncated", "bytes of pixels, holds"),
        ("empty.png", "failed", "EmptyFile", "0 bytes"),
        ("IM0001", "excluded", "not_an_image_file", "is no image that can be read"),
        ("IM0003", "failed", "NotDicom", "lacks the preamble"),
        ("text.dcm", "failed", "NotDicom", "DICM"),
        ("gone.dcm", "failed", "Unreadable", "cannot be opened"),
    ],
)
def test_what_is_not_says_why(files: dict[str, Path], name: str, status: str, code: str, why: str) -> None:
    (header,) = mt.file_headers([files[name]])
    assert (header.status, header.code) == (status, code)
    assert why in header.problem
    assert header.problem.endswith(".")


def test_a_cut_file_still_says_to_which_study_it_belongs(files: dict[str, Path]) -> None:
    (header,) = mt.file_headers([files["cut.dcm"]])
    assert header.study_uid == "1.2.9"


def test_one_file_alone_says_the_same_as_among_others(files: dict[str, Path]) -> None:
    every = tuple(files.values())
    assert mt.file_headers(every) == tuple(header for path in every for header in mt.file_headers([path]))
