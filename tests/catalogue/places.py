"""Hostile names and entries of a folder (100)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from catalogue.control import CONTROL, Case, Expected, ct_bytes
from catalogue.nifti_files import nifti_bytes, reading
from pydicom.uid import ComputedRadiographyImageStorage

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE_NAMES: Final = (
    "two words.dcm",
    "'single' \"double\".dcm",
    "line\nbreak.dcm",
    "-rf.dcm",
    "=1+1.dcm",
    "$(id);`id`.dcm",
    "<b>bold.dcm",
    "снимок.dcm",
    "\u202egnp.dcm",
    os.fsdecode(b"undecodable\xff.dcm"),
    f"{'long' * 60}.dcm",
    ".hidden.dcm",
)


def names_hostile(folder: Path) -> Case:
    """A radiograph under each name; they belong to no volume together."""
    place = folder / "names"
    place.mkdir()
    for k, name in enumerate(HOSTILE_NAMES):
        (place / name).write_bytes(_radiograph(k))
    expected = (CONTROL,) * len(HOSTILE_NAMES)
    return Case(place=place, named=place / HOSTILE_NAMES[0], expected=expected)


def folder_named_nii(folder: Path) -> Case:
    place = folder / "place"
    inner = place / "x.nii" / "inner.nii"
    inner.parent.mkdir(parents=True)
    inner.write_bytes(nifti_bytes())
    return Case(place=place, named=inner, expected=reading())


def link_dangling(folder: Path) -> Case:
    return _linked(folder, "gone.dcm")


def link_loop(folder: Path) -> Case:
    return _linked(folder, ".")


def _linked(folder: Path, target: str) -> Case:
    place = folder / "place"
    place.mkdir()
    (place / "good.dcm").write_bytes(ct_bytes())
    link = place / "link"
    link.symlink_to(target)
    return Case(place=place, named=link, expected=(Expected(values=CONTROL.values),))


def _radiograph(k: int) -> bytes:
    volume_only = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"))
    uid = ComputedRadiographyImageStorage
    return ct_bytes(SOPClassUID=uid, Modality="CR", SOPInstanceUID=f"1.2.3.3.{k + 1}", **volume_only)
