"""What a later object refers to: read from any DICOM image, and never a reason to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import medtransfer as mt
from tests.apps.conftest import write_radiograph

if TYPE_CHECKING:
    from pathlib import Path


def test_an_image_says_whose_it_is(tmp_path: Path) -> None:
    file = write_radiograph(
        tmp_path / "a.dcm",
        SpecificCharacterSet="ISO_IR 192",
        StudyInstanceUID="1.2.3.1",
        PatientName="Müller^Anna",
        PatientBirthDate="19650203",
        AccessionNumber="A17",
        PatientIdentityRemoved="YES",
        FrameOfReferenceUID="1.2.9",
    )
    (found,) = mt.instances_of([file])
    assert (found.patient_name, found.patient_id, found.birth_date) == ("Müller^Anna", "P1", "19650203")
    assert (found.study_uid, found.series_uid, found.instance_uid) == ("1.2.3.1", "1.2.3.2", "1.2.3.4")
    assert (found.accession_number, found.modality, found.sex) == ("A17", "CR", "")
    assert found.identity_removed
    assert found.frame_of_reference_uid == "1.2.9"


def test_anything_else_is_passed_over(tmp_path: Path) -> None:
    good = write_radiograph(tmp_path / "good.dcm")
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(good.read_bytes()[:200])
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    others = [cut, tmp_path / "a.png", tmp_path / "none.dcm", tmp_path]
    assert len(mt.instances_of([*others, good])) == 1


def test_control_characters_are_spelt_out(tmp_path: Path) -> None:
    (found,) = mt.instances_of([write_radiograph(tmp_path / "a.dcm", PatientName="a\x1b[2Jb")])
    assert found.patient_name.isprintable()
