"""The screen of what readers said: pairs, the state of the record, and an export that is recorded first."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

import medtransfer as mt
from apps.exports.reviews import archive, exported
from apps.people import Person
from apps.settings import Clinic, Settings
from medtransfer.core.reviews.head import head_place
from tests.apps.hostile import HOSTILE, MARKS
from tests.apps.test_app import markup, texts

if TYPE_CHECKING:
    from collections.abc import Callable

VIEW = Path(__file__).parents[3] / "apps" / "views" / "reviews.py"
PERSON = Person(name="eva", roles=frozenset({"researcher"}))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "reviews" / "r.sqlite"
    with mt.Reviews(path) as reviews:
        for number, value in enumerate(("anna", *HOSTILE)):
            of: dict[str, Any] = {"who": value, "study": value, "study_sha256": f"{number}", "bundle_sha256": "b"}
            said = mt.Opinion(answer="pneumonia" if number else "normal", confidence=number)
            reviews.append("impression", shown={}, content=said.as_content(), **of)
            reviews.append("reveal", shown={}, content={}, **of)
            after = mt.Opinion(answer=value, confidence=9, agreement="agree")
            reviews.append("feedback", shown={}, content=after.as_content(), **of)
    return path


@pytest.fixture
def draw(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    def start(*arguments: str) -> AppTest:
        monkeypatch.setattr(sys, "argv", ["app.py", "--reviews", str(place), *arguments])
        monkeypatch.setattr("apps.people.current_person", lambda: PERSON)
        return AppTest.from_file(VIEW, default_timeout=30).run()

    return start


def test_pairs_are_listed_the_newest_first(draw: Callable[..., AppTest]) -> None:
    app = draw()
    assert not app.exception
    table = app.dataframe[0].value
    assert len(table) == 61
    assert table.iloc[-1].tolist() == ["anna", "anna", "normal", "0 of 100", "anna", "9 of 100", "agree", "yes"]
    assert not [mark for mark in MARKS if mark in markup(app)]
    assert all(str(cell).isprintable() for cell in table.to_numpy().ravel())
    assert "Off: the clinic's file names no study protocol" in texts(app)
    assert not app.get("download_button")


def test_who_reads_too_sees_others_only_where_something_was_said_first(
    draw: Callable[..., AppTest], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Person(name="paul", roles=frozenset({"reader", "researcher"}))
    monkeypatch.setattr(f"{__name__}.PERSON", both)
    app = draw()
    assert not app.exception
    assert not app.dataframe
    assert "Left out of the table" in texts(app)
    assert ": 61 studies." in texts(app)
    with mt.Reviews(place) as reviews:
        said = mt.Opinion(answer="normal", confidence=50).as_content()
        of: dict[str, Any] = {"who": "paul", "study": "anna", "study_sha256": "0", "bundle_sha256": "b"}
        reviews.append("claim", shown={}, content={}, **{**of, "study_sha256": "1"})
        reviews.append("impression", shown={}, content=said, **of)
    app = draw()
    table = app.dataframe[0].value
    assert table["Reader"].tolist() == ["paul", "anna"]
    assert table.iloc[0].tolist() == ["paul", "anna", "normal", "50 of 100", "", "", "", "yes"]  # never None
    assert ": 60 studies." in texts(app)


def test_the_record_is_checked_on_demand(draw: Callable[..., AppTest], place: Path) -> None:
    app = draw()
    assert "Whole" not in texts(app)
    app.button[0].click().run()
    with mt.Reviews.existing(place) as reviews:
        assert "Whole: 183 entries" in texts(app)
        assert str(reviews.head()) in texts(app)
    head_place(place).unlink()
    app.button[0].click().run()
    assert [warning.value for warning in app.warning] == ["The record is not whole."]


def test_with_a_protocol_the_files_can_be_taken(draw: Callable[..., AppTest], tmp_path: Path) -> None:
    clinic = tmp_path / "clinic.toml"
    clinic.write_text('protocol = "NCT01234567"')
    app = draw("--clinic", str(clinic))
    assert not app.exception
    assert "Under the study protocol NCT01234567." in texts(app)
    assert len(app.get("download_button")) == 1


def test_the_archive_is_what_the_command_writes_and_its_export_is_recorded(place: Path) -> None:
    settings = Settings(reviews=place, clinic=Clinic(protocol="NCT01234567"))
    with mt.Reviews(place) as reviews:
        wanted = mt.exported_reviews(reviews)
        content = exported(reviews, settings, PERSON)
        (entry,) = reviews.entries(kind="export")
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            assert {name: packed.read(name).decode() for name in packed.namelist()} == wanted
        assert entry.who == "eva"
        assert entry.content["protocol"] == "NCT01234567"
        assert entry.content["bytes"] == len(content)
        assert archive(reviews, None) != content


def test_nothing_is_handed_over_whose_export_could_not_be_recorded(place: Path) -> None:
    with mt.Reviews(place) as reviews:
        place.rename(place.with_name("moved"))
        with pytest.raises(mt.MedTransferError, match="not recorded"):
            exported(reviews, Settings(reviews=place, clinic=Clinic(protocol="P1")), PERSON)


def test_a_page_from_before_the_protocol_was_withdrawn_exports_nothing(
    draw: Callable[..., AppTest], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic, pressed = tmp_path / "clinic.toml", []
    clinic.write_text('protocol = "P1"')
    monkeypatch.setattr(streamlit, "download_button", lambda label, data, **more: pressed.append(data))
    draw("--clinic", str(clinic))
    assert pressed[-1]().startswith(b"PK")
    clinic.write_text("")
    with mt.Reviews(place) as reviews:
        before = reviews.head()
        with pytest.raises(mt.MedTransferError, match="names no study protocol any more"):
            pressed[-1]()
        assert reviews.head() == before


def test_without_truth_the_archive_says_why_there_is_no_reader_study(place: Path, tmp_path: Path) -> None:
    with mt.Reviews(place) as reviews, zipfile.ZipFile(io.BytesIO(archive(reviews, tmp_path / "none"))) as packed:
        assert packed.read("readers.txt").startswith(b"There is no reader study: ")
        assert "readers.imrmc" not in packed.namelist()


def test_before_anybody_has_read_the_screen_says_so(draw: Callable[..., AppTest], tmp_path: Path) -> None:
    app = draw("--reviews", str(tmp_path / "other.sqlite"))
    assert not app.exception
    assert "Nobody has read a study yet." in texts(app)
