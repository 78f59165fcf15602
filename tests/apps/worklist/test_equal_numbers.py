"""The app and the command line say the same of a study with several images, to the last digit shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import medtransfer as mt
from tests.apps.test_app import open_study, read_study, texts
from tests.apps.worklist.test_worklist import column

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import OpenApp, WriteStudy

HEAD = "path,patient_id,study_id,site,date,label,split\n"
STUDIES = {"A": ("A.dcm", "A_lateral.dcm"), "B": ("B.dcm",), "C": ("C_1.dcm", "C_2.dcm")}


@pytest.fixture
def hospital(tmp_path: Path, write_study: WriteStudy) -> Path:
    """Three studies, two of them with two images that differ, all directly in one folder; and their table."""
    rows = []
    for number, (study, names) in enumerate(STUDIES.items()):
        for view, name in enumerate(names):
            write_study(
                tmp_path / "images" / name,
                StudyInstanceUID=f"1.2.{number}",
                SOPInstanceUID=f"1.3.{number}.{view}",
                PatientID=study,
                ViewPosition=("PA", "LL")[view],
                WindowCenter=1000 + 900 * view + 300 * number,
                WindowWidth=1500,
            )
            rows.append(f"images/{name},{study},{study},here,2026-11-01,normal,test")
    (tmp_path / "cohort.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return tmp_path


def test_the_app_says_what_the_table_says(open_app: OpenApp, bundle: Bundle, hospital: Path, tmp_path: Path) -> None:
    predictions = mt.predict(bundle, hospital / "cohort.csv", out=tmp_path / "out")
    table = dict(zip(predictions.table["study_id"], predictions.table["probability_pneumonia"], strict=True))
    single = mt.predict_study(mt.load_runtime(bundle), bundle, [hospital / "images" / "A.dcm"]).probabilities
    assert f"{single['pneumonia']:.2f}" != f"{table['A']:.2f}"  # else this test could not tell
    app = open_app("--bundle", bundle.folder, "--studies", hospital / "images", "--predictions", tmp_path / "out")
    assert list(column(app, "Arrived")) == ["A.dcm", "B.dcm", "C_1.dcm"]
    for study, names in STUDIES.items():
        app = read_study(open_study(app, names[-1]), tmp_path / "reviews.sqlite")
        assert not app.exception
        assert f"{table[study]:.2f} is" in texts(app).replace("\n", " ")
    app = app.switch_page("views/worklist.py").run()
    assert list(column(app, "Score").values()) == [f"{table[study]:.2f} pneumonia" for study in STUDIES]


def test_a_row_of_several_images_is_no_score_of_one(
    open_app: OpenApp, bundle: Bundle, hospital: Path, tmp_path: Path
) -> None:
    mt.predict(bundle, hospital / "cohort.csv", out=tmp_path / "out")
    (hospital / "images" / "A_lateral.dcm").unlink()
    (tmp_path / "clinic.toml").write_text('triage = true\nreveal = "always"\n')
    clinic = ("--clinic", tmp_path / "clinic.toml")
    app = open_app(
        "--bundle", bundle.folder, "--studies", hospital / "images", "--predictions", tmp_path / "out", *clinic
    )
    assert "predicted from several images, of which one is here" in column(app, "To note")["A.dcm"]
    scores = column(app, "Score")
    assert scores["A.dcm"] == ""
    assert scores["B.dcm"] != ""
