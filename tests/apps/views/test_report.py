"""The Report screen: off without a protocol, blind before the reading, and the same words as the file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

import medtransfer as mt
from apps.exports import handing, preview
from medtransfer.core.keys import new_key
from tests.apps.exports.checks import read as read_dicom
from tests.apps.hostile import MARKS
from tests.apps.test_app import markup, open_study, read_study, shows_notice, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from apps.server.tickets import Made
    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import OpenApp, WriteStudy

REPORT = "views/report.py"


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    return tmp_path / "reviews.sqlite"


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    file = tmp_path / "clinic.toml"
    file.write_text('protocol = "EK-2026/114"\n')
    return file


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Made]]:
    """What each button does when it is pressed, by the kind of its file."""
    made: dict[str, Callable[[], Made]] = {}

    def hand_over(possible: Any, contents: Any) -> None:
        made.update({offer.kind: work for offer, work in possible})
        handing.hand_over(possible, contents)

    monkeypatch.setattr(preview, "hand_over", hand_over)
    return made


def reported(app: AppTest, name: str, reviews: Path) -> AppTest:
    """The report of a study that was read."""
    return read_study(open_study(app, name), reviews).switch_page(REPORT).run()


def test_without_a_bundle_or_a_study_it_says_so(open_app: OpenApp, bundle: Bundle, studies: Path) -> None:
    app = open_app().switch_page(REPORT).run()
    assert not app.exception
    assert shows_notice(app)
    app = open_app("--bundle", bundle.folder, "--studies", studies).switch_page(REPORT).run()
    assert not app.exception
    assert "No study is open" in texts(app)


def test_before_the_reading_nothing_of_the_answer_is_there(
    open_app: OpenApp, bundle: Bundle, studies: Path, clinic: Path, work: dict[str, Any]
) -> None:
    app = open_app("--bundle", bundle.folder, "--studies", studies, "--clinic", clinic)
    app = open_study(app, "good.dcm").switch_page(REPORT).run()
    assert not app.exception
    assert "Record your impression first" in texts(app)
    assert "Probability" not in texts(app)
    assert not app.metric
    assert not work


def test_without_a_protocol_nothing_can_be_exported(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path, work: dict[str, Any]
) -> None:
    app = reported(open_app("--bundle", bundle.folder, "--studies", studies), "good.dcm", reviews)
    assert not app.exception
    assert "Exports are off until the clinic's file (--clinic FILE.toml) names the study protocol" in texts(app)
    assert "Probability of pneumonia" in texts(app)
    assert not work


def test_the_three_files_are_made_on_demand_and_recorded(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path, clinic: Path, work: dict[str, Any]
) -> None:
    app = open_app("--bundle", bundle.folder, "--studies", studies, "--clinic", clinic)
    app = reported(app, "good.dcm", reviews)
    assert not app.exception
    assert shows_notice(app)
    assert set(work) == {"pdf", "structured report", "secondary capture"}
    with mt.Reviews(reviews) as said:
        assert not said.entries(kind="export")  # nothing is made before somebody asks
        probability = next(entry for entry in said.entries(kind="reveal")).content["probabilities"]["pneumonia"]
        content = {name: make().content for name, make in work.items()}
        digests = [entry.content["sha256"] for entry in said.entries(kind="export")]
    assert digests == [
        hashlib.sha256(content[name]).hexdigest() for name in ("pdf", "structured report", "secondary capture")
    ]
    assert content["pdf"].startswith(b"%PDF")
    for name in ("structured report", "secondary capture"):
        dataset = read_dicom(content[name])
        assert (dataset.StudyInstanceUID, dataset.PatientID) == ("1.2.3.1", "P1")
    app.run()
    assert f"{probability:.2f}" in [metric.value for metric in app.metric]
    assert "structured report" in texts(app)


def test_drawing_the_screen_anew_makes_no_other_report(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path, clinic: Path, work: dict[str, Any]
) -> None:
    app = open_app("--bundle", bundle.folder, "--studies", studies, "--clinic", clinic)
    app = reported(app, "good.dcm", reviews)
    first = work["pdf"]()
    app.run()
    assert work["pdf"]() == first


def test_pictures_that_are_not_dicom_have_a_pdf_only(
    open_app: OpenApp,
    make_bundle: Any,
    studies: Path,
    reviews: Path,
    clinic: Path,
    tmp_path: Path,
    work: dict[str, Any],
) -> None:
    record = make_bundle(tmp_path / "first").manifest.training.model_copy(update={"modalities": ("OT",)})
    folder = make_bundle(tmp_path / "second", training=record).folder
    (studies / "two pictures" / "empty.png").unlink()
    app = open_app("--bundle", folder, "--studies", studies, "--clinic", clinic)
    app = reported(app, "two pictures", reviews)
    assert not app.exception
    assert set(work) == {"pdf"}
    assert texts(app).count("The study is not DICOM") == 2


def test_a_disk_that_is_full_hands_nothing_over_and_says_so(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path, clinic: Path, work: dict[str, Any]
) -> None:
    app = open_app("--bundle", bundle.folder, "--studies", studies, "--clinic", clinic)
    app = reported(app, "good.dcm", reviews)
    held = reviews.read_bytes()
    reviews.unlink()
    made = work["pdf"]()
    reviews.write_bytes(held)
    assert not made.content
    assert made.why_not[0] == "Nothing was exported, since it could not be recorded."


def test_a_page_from_before_the_protocol_was_withdrawn_exports_nothing(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path, clinic: Path, work: dict[str, Any]
) -> None:
    app = open_app("--bundle", bundle.folder, "--studies", studies, "--clinic", clinic)
    reported(app, "good.dcm", reviews)
    for text in ("", "no toml at all ["):
        clinic.write_text(text)
        made = work["pdf"]()
        assert (made.content, len(made.why_not)) == (b"", 1)
    with mt.Reviews(reviews) as said:
        assert not said.entries(kind="export")


def test_foreign_text_is_shown_and_never_rendered(
    open_app: OpenApp, bundle: Bundle, write_study: WriteStudy, tmp_path: Path, reviews: Path, clinic: Path
) -> None:
    hostile = "<script>alert(1)</script>![x](http://127.0.0.1:9/b.png)"
    write_study(tmp_path / "incoming" / "a.dcm", PatientName=hostile, PatientID="=1+1", Manufacturer="**bold**")
    new_key(tmp_path / "a.key")
    words = ("--bundle", bundle.folder, "--studies", tmp_path / "incoming", "--clinic", clinic, "--key")
    app = reported(open_app(*words, tmp_path / "a.key"), "a.dcm", reviews)
    assert not app.exception
    assert hostile in texts(app)
    for mark in MARKS:
        assert mark not in markup(app)
