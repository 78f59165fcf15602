"""What people's tables look like, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from medtransfer.core.errors import CohortError
from medtransfer.data.cohort import read_cohort


def write(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    for name in ("a.png", "b.png"):
        (folder / name).touch()
    (folder / "cohort.csv").write_text(text, encoding=encoding)
    return folder


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiters_of_spreadsheets_are_understood(tmp_path: Path, delimiter: str) -> None:
    text = "path,patient_id,label\na.png,1,normal\nb.png,2,ill\n".replace(",", delimiter)
    assert read_cohort(write(tmp_path, text)).table["patient_id"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("labels", "code"),
    [(("NA", "ill"), "MissingLabelWord"), (("Ill", "ill "), "LabelSpelling"), (("i\x1b[31m", "ok"), "Unprintable")],
)
def test_labels_that_nobody_can_mean_are_refused(tmp_path: Path, labels: tuple[str, str], code: str) -> None:
    folder = write(tmp_path, f"path,patient_id,label\na.png,1,{labels[0]}\nb.png,2,{labels[1]}\n")
    with pytest.raises(CohortError) as caught:
        read_cohort(folder)
    assert caught.value.code == code
    assert "\x1b" not in str(caught.value)


def test_a_table_from_windows_finds_its_files(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        (tmp_path / "images" / f"{name}.png").touch()
    text = "path,patient_id,label\nimages\\a.png,1,normal\nimages\\b.png,2,ill\n"
    assert read_cohort(write(tmp_path, text)).table["path"].tolist() == ["images/a.png", "images/b.png"]


def test_one_file_in_two_spellings_is_one_file(tmp_path: Path) -> None:
    folder = write(tmp_path, "path,patient_id,label\na.png,1,normal\n./a.png,2,ill\n")
    with pytest.raises(CohortError) as caught:
        read_cohort(folder)
    assert caught.value.code == "RepeatedRow"


def test_a_workbook_and_another_encoding_are_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "cohort.xlsx").write_bytes(b"PK")
    with pytest.raises(CohortError, match="workbook"):
        read_cohort(tmp_path / "cohort.xlsx")
    with pytest.raises(CohortError, match="UTF-8"):
        read_cohort(write(tmp_path, "path,patient_id,label\na.png,1,gesund\nb.png,2,lädiert\n", encoding="cp1252"))


def test_a_folder_of_hospitals_is_not_taken_for_classes(tmp_path: Path) -> None:
    for name in ("north", "south"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "path,patient_id,label\na.png,1,normal\nb.png,2,ill\n")
    with pytest.raises(CohortError, match="north, south") as caught:
        read_cohort(tmp_path, patients_unknown=True)
    assert caught.value.code == "SeveralCohorts"


def test_class_folders_of_dicom_know_their_patients(write_dicom: Callable[..., Path], tmp_path: Path) -> None:
    for number, name in enumerate(("normal", "ill")):
        (tmp_path / "study" / name).mkdir(parents=True)
        file = write_dicom(f"{name}.dcm", PatientID=f"P{number}", StudyInstanceUID=f"1.2.{number}")
        file.rename(tmp_path / "study" / name / "a.dcm")
    cohort = read_cohort(tmp_path / "study")
    assert sorted(cohort.table["patient_id"]) == ["P0", "P1"]
    assert sorted(cohort.table["study_id"]) == ["1.2.0", "1.2.1"]


def test_a_series_in_a_class_folder_is_one_row(write_dicom: Callable[..., Path], tmp_path: Path) -> None:
    """Two healthy series share a folder; of an ill one a slice is missing, which is for reading to say."""
    for folder, series, slices in (
        ("normal", "1.1", (0, 1, 2)),
        ("normal", "1.2", (0, 1)),
        ("ill/p", "1.3", (0, 1, 3, 4)),
    ):
        for k in slices:
            write_dicom(
                f"study/{folder}/{series}-{k}.dcm", Modality="CT", SOPClassUID=CTImageStorage, SeriesInstanceUID=series,
                StudyInstanceUID=f"1.9.{series}", PatientID=f"P{series}", ImagePositionPatient=[0, 0, k],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1], SliceThickness=1,
            )  # fmt: skip
    table = read_cohort(tmp_path / "study").table
    assert table[["path", "label", "patient_id", "series_uid"]].to_numpy().tolist() == [
        ["ill/p", "ill", "P1.3", "1.3"],
        ["normal", "normal", "P1.1", "1.1"],
        ["normal", "normal", "P1.2", "1.2"],
    ]


def test_a_series_across_class_folders_has_no_label(write_dicom: Callable[..., Path], tmp_path: Path) -> None:
    for k, name in enumerate(("ill", "normal")):
        write_dicom(
            f"study/{name}/{k}.dcm", Modality="CT", SOPClassUID=CTImageStorage, ImagePositionPatient=[0, 0, k],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1], SliceThickness=1,
        )  # fmt: skip
    with pytest.raises(CohortError) as caught:
        read_cohort(tmp_path / "study")
    assert caught.value.code == "ContradictoryLabels"
