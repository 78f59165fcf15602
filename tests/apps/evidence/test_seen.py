"""A patient whom the model was made from: said beside the probability, on the card, in every file; else not a word."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest

import medtransfer as mt
from apps.evidence.seen import SEEN, seen
from apps.exports.gathering import gathered
from apps.exports.sheet import sections
from apps.exports.structured_report import as_structured_report
from medtransfer.core.files import patient_digest
from medtransfer.core.keys import new_key
from tests.apps.exports.test_gathering import AT
from tests.apps.exports.test_gathering import reading as report_reading
from tests.apps.panels.conftest import draw, make_reading
from tests.apps.test_app import texts
from tests.manifests import make_manifest

if TYPE_CHECKING:
    from tests.apps.conftest import WriteStudy
    from tests.apps.panels.conftest import Draw, MakeReading

__all__ = ("draw", "make_reading")

PROBABILITIES = {"normal": 0.27, "pneumonia": 0.73}


def training(*numbers: str) -> Any:
    return make_manifest().training.model_copy(update={"patients": tuple(map(patient_digest, numbers))})


@pytest.mark.parametrize(
    ("ids", "known"),
    [(("P1",), True), (("P1", "P1"), True), (("P2",), False), (("P1", "P2"), False), (("P1", ""), False), ((), False)],
)
def test_it_is_said_only_where_the_files_agree_on_a_known_patient(
    make_reading: MakeReading, draw: Draw, write_study: WriteStudy, tmp_path: Path, ids: tuple[str, ...], known: bool
) -> None:
    files = tuple(write_study(tmp_path / f"{number}.dcm", PatientID=one) for number, one in enumerate(ids))
    reading = make_reading(PROBABILITIES, files=files, training=training("P1"))
    assert seen(reading) == known
    for panel in ("evidence", "scope"):
        app = draw(panel, reading)
        assert not app.exception
        assert (SEEN in texts(app)) == known, panel


def test_a_picture_that_says_of_nobody_is_nobodys(make_reading: MakeReading, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no DICOM")
    assert not seen(make_reading(PROBABILITIES, files=(tmp_path / "a.png",), training=training("P1", "")))


def test_with_the_key_pseudonyms_are_recognised(
    make_reading: MakeReading, write_study: WriteStudy, tmp_path: Path
) -> None:
    new_key(tmp_path / "a.key")
    files = (write_study(tmp_path / "a.dcm", PatientID="P9"),)
    person = mt.person_of(mt.read_key(tmp_path / "a.key"), files)
    assert person is not None
    reading = make_reading(PROBABILITIES, files=files, training=training(person.pseudonym))
    assert not seen(reading)
    reading.settings.key = tmp_path / "a.key"
    assert seen(reading)


def test_the_report_and_the_structured_report_say_so(write_study: WriteStudy, tmp_path: Path) -> None:
    files = (write_study(tmp_path / "a.dcm", PatientID="P1", PatientName="Doe^Jane"),)
    for patients, known in ((("P1",), True), (("P2",), False)):
        reading = report_reading(files, training=training(*patients))
        reading.bundle.sha256 = ("c" if known else "d") * 64
        contents = gathered(reading, (), shown={}, at=AT)
        (section,) = (one for one in sections(contents) if one.title == "Probability of pneumonia")
        assert (section.lines[1].text == SEEN) == known, "right below the figure"
        document = pydicom.dcmread(BytesIO(as_structured_report(contents)))
        said = [element.value for element in document.iterall() if element.keyword == "TextValue"]
        assert (SEEN in said) == known
