"""Names in the app: with the key, and only with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from medtransfer.cli.main import main
from medtransfer.core.keys import new_key
from medtransfer.core.pseudonyms import pseudonym
from tests.apps.test_app import open_study, texts

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import OpenApp, WriteStudy


@pytest.fixture
def incoming(tmp_path: Path, write_study: WriteStudy) -> Path:
    write_study(tmp_path / "incoming" / "a.dcm", PatientID="MRN-4711", PatientName="Doe^Jane")
    return tmp_path / "incoming"


def test_without_the_key_nobody_is_named(open_app: OpenApp, bundle: Bundle, incoming: Path) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", incoming), "a.dcm")
    assert not app.exception
    assert "CR" in texts(app)
    for name in ("Doe", "Jane", "4711", "Patient"):
        assert name not in texts(app)


def test_with_the_key_the_name_stands_beside_the_pseudonym(
    open_app: OpenApp, bundle: Bundle, incoming: Path, tmp_path: Path
) -> None:
    place = tmp_path / "a.key"
    key = new_key(place)
    app = open_study(open_app("--bundle", bundle.folder, "--studies", incoming, "--key", place), "a.dcm")
    assert not app.exception
    assert f"Patient {pseudonym(key, 'patient', 'MRN-4711')} · Doe^Jane · MRN-4711" in texts(app)
    place.chmod(0o644)
    app.run()
    assert "Doe" not in texts(app)
    assert "others may use it" in texts(app)


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
