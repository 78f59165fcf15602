"""The scope panel: whom the model was trained on, and what of this study lies outside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import medtransfer as mt
from tests.apps.panels.conftest import spectrum
from tests.apps.test_app import texts
from tests.manifests import make_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apps.conftest import WriteStudy
    from tests.apps.panels.conftest import Draw, MakeReading


def view(modality: str = "DX", **attributes: str) -> Any:
    return SimpleNamespace(modality=modality, attributes=attributes)


def test_a_study_like_those_of_training_and_the_card(make_reading: MakeReading, draw: Draw) -> None:
    reading = make_reading({}, views=(view(sex="F", manufacturer="GE MEDICAL  SYSTEMS", age="61"),))
    training = reading.bundle.manifest.training.model_copy(update={"spectrum": spectrum()})
    reading.bundle.manifest = reading.bundle.manifest.model_copy(update={"training": training})
    app = draw("scope", reading)
    assert not app.exception
    said = texts(app)
    assert "Nothing that the files say of this study lies outside" in said
    for words in (
        "normal, pneumonia",
        "hospital A",
        "Philips (50 studies), GE Medical Systems (15 studies), others (5 studies)",
        "half are up to 55, nine in ten between 23 and 88",
        "F (40 studies), M (28 studies)",
        "70 of 61 patients",
        "2019-03 to 2021-11",
        "Of its training: the term mmd did nothing",
        "Not a medical device",
    ):
        assert words in said
    assert "Diagnosis, triage or treatment" in app.markdown[-1].value


def test_what_lies_outside_is_said_first(make_reading: MakeReading, draw: Draw) -> None:
    reading = make_reading({}, views=(view("MG", manufacturer="<b>Acme</b>", age="12"),))
    training = reading.bundle.manifest.training.model_copy(update={"spectrum": spectrum()})
    reading.bundle.manifest = reading.bundle.manifest.model_copy(update={"training": training})
    app = draw("scope", reading)
    assert not app.exception
    assert "Outside of what the model was trained on" in app.markdown[0].value
    said = texts(app)
    assert "The modality MG is not among those the model was trained on (DX)" in said
    assert "The manufacturer <b>Acme</b> is not among those that the model was trained on (Philips, GE Medical" in said
    assert "With 12 years the patient is younger than 95 % of those it was trained on" in said
    assert "Not stated in the files, and so not compared: sex." in said
    assert "Nothing that the files say" not in said
    assert not any("Acme" in element.value for element in (*app.markdown, *app.caption))


def test_a_bundle_that_kept_no_spectrum_says_so(make_reading: MakeReading, draw: Draw) -> None:
    reading = make_reading({}, views=(view(age="12"),))
    training = reading.bundle.manifest.training.model_copy(update={"spectrum": None})
    reading.bundle.manifest = reading.bundle.manifest.model_copy(update={"training": training})
    app = draw("scope", reading)
    assert not app.exception
    assert "How ages, sexes and manufacturers were spread was not kept." in texts(app)
    assert "Not stated" not in texts(app)


def test_what_a_real_header_says_is_compared(
    make_reading: MakeReading, draw: Draw, write_study: WriteStudy, tmp_path: Path
) -> None:
    file = write_study(tmp_path / "a.dcm", Modality="DX", PatientAge="012Y", Manufacturer="Acme", PatientSex="F")
    reading = make_reading({}, views=mt.view_study([file], make_manifest().read).views)
    training = reading.bundle.manifest.training.model_copy(update={"spectrum": spectrum()})
    reading.bundle.manifest = reading.bundle.manifest.model_copy(update={"training": training})
    said = texts(draw("scope", reading))
    assert "The manufacturer Acme is not among those" in said
    assert "With 12 years the patient is younger" in said
    assert "Not stated" not in said
