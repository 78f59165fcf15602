"""Names in the app: with the key, and only with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import medtransfer as mt
from apps.settings import Settings
from apps.studies import patients
from apps.studies.folder import Study
from medtransfer.cli.main import main
from medtransfer.core.keys import new_key
from medtransfer.core.pseudonyms import pseudonym
from tests.apps.test_app import open_study, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import OpenApp, WriteStudy


@pytest.fixture
def incoming(tmp_path: Path, write_study: WriteStudy) -> Path:
    tags = {"PatientID": "MRN-4711", "PatientName": "Doe^Jane", "PatientBirthDate": "19640302"}
    write_study(tmp_path / "incoming" / "a.dcm", **tags, StudyDate="20261101", AccessionNumber="ACC-77")
    return tmp_path / "incoming"


def test_without_the_key_nobody_is_named(open_app: OpenApp, bundle: Bundle, incoming: Path) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", incoming), "a.dcm")
    assert not app.exception
    assert "CR" in texts(app)
    for name in ("Doe", "Jane", "4711", "Patient", "1964", "ACC-77"):
        assert name not in texts(app)


def test_with_the_key_the_name_stands_beside_the_pseudonym(
    open_app: OpenApp, bundle: Bundle, incoming: Path, tmp_path: Path
) -> None:
    place = tmp_path / "a.key"
    key = new_key(place)
    app = open_study(open_app("--bundle", bundle.folder, "--studies", incoming, "--key", place), "a.dcm")
    assert not app.exception
    hidden = pseudonym(key, "patient", "MRN-4711")
    lines = ["Doe^Jane", "ID MRN-4711 · Born 1964-03-02", "Study of 2026-11-01 · Accession ACC-77"]
    assert " · ".join([*lines, f"Patient {hidden}"]) in texts(app)
    (drawn,) = (said for one in app.get("bidi_component") if "series" in (said := json.loads(one.proto.json or "{}")))
    (series,) = drawn["series"]
    assert series["banner"] == [*lines, "a.dcm", f"Patient {hidden}", "Research use only"]
    assert series["identity"] == "Doe^Jane · ID MRN-4711 · Born 1964-03-02"
    place.chmod(0o644)
    app.run()
    assert "Doe" not in texts(app)
    assert "others may use it" in texts(app)


def test_what_two_files_of_a_patient_say_differently_is_not_chosen_between(
    open_app: OpenApp, bundle: Bundle, tmp_path: Path, write_study: WriteStudy
) -> None:
    for number, born in enumerate(("19640302", "19640303")):
        tags = {"PatientName": "Doe^Jane", "PatientBirthDate": born, "StudyInstanceUID": "1.2"}
        tags["SOPInstanceUID"] = f"1.2.{number}"
        write_study(tmp_path / "in" / "both" / f"{number}.dcm", **tags)
    new_key(tmp_path / "a.key")
    app = open_app("--bundle", bundle.folder, "--studies", tmp_path / "in", "--key", tmp_path / "a.key")
    assert "Doe^Jane · ID P1 · Born: the files disagree" in texts(open_study(app, "both"))


def test_who_a_long_series_is_of_is_asked_of_one_file_and_not_of_hundreds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_study: WriteStudy
) -> None:
    files = [write_study(tmp_path / f"{number}.dcm", SOPInstanceUID=f"1.2.{number}") for number in range(20)]
    asked: list[Path] = []
    real = mt.person_of

    def counted(key: mt.Key, some: Iterable[Path]) -> mt.Person | None:
        some = list(some)
        asked.extend(some)
        return real(key, some)

    new_key(tmp_path / "a.key")
    monkeypatch.setattr(patients, "current_settings", lambda: Settings(key=tmp_path / "a.key"))
    monkeypatch.setattr(mt, "person_of", counted)
    study = Study(name="s", files=tuple(files), names=tuple(file.name for file in files))
    assert patients.patient_lines(study)[0] == "ID P1"
    assert asked == files[:1]


def test_a_study_that_does_not_say_whose_it_is(
    open_app: OpenApp, bundle: Bundle, tmp_path: Path, write_study: WriteStudy
) -> None:
    for number in (1, 2):
        write_study(tmp_path / "in" / "both" / f"{number}.dcm", PatientID=f"P{number}", StudyInstanceUID="")
    new_key(tmp_path / "a.key")
    app = open_app("--bundle", bundle.folder, "--studies", tmp_path / "in", "--key", tmp_path / "a.key")
    assert "one of 2 patients in this folder" in texts(open_study(app, "both"))


def test_a_wrong_key_is_said_before_the_server_starts(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["app", "--bundle", str(bundle.folder), "--key", str(tmp_path / "none.key")]) == 2
    assert "[NotFound]" in capsys.readouterr().err
