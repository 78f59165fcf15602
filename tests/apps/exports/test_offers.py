"""Handing files over: each export is recorded first, with the digest of what was handed over."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import medtransfer as mt
from apps.exports.offers import offers, recording, ticket
from tests.apps.exports.sample import HOSTILE, hostile, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def reviews(tmp_path: Path) -> Iterator[mt.Reviews]:
    with mt.Reviews(tmp_path / "reviews.sqlite") as opened:
        yield opened


def test_each_export_is_recorded_with_its_digest(reviews: mt.Reviews) -> None:
    contents = report()
    made = [recording(offer, contents, reviews, shown={"slice": 3})() for offer in offers(contents)]
    entries = reviews.entries(kind="export")
    assert [one.why_not for one in made] == [()] * 3
    assert [entry.content["sha256"] for entry in entries] == [hashlib.sha256(one.content).hexdigest() for one in made]
    assert [entry.content["file"] for entry in entries] == ["pdf", "structured report", "secondary capture"]
    assert {entry.who for entry in entries} == {"a.reader@hospital.example"}
    assert {(entry.study_sha256, entry.bundle_sha256) for entry in entries} == {("a3" * 32, "b4" * 32)}
    assert entries[0].shown == {"slice": 3}
    assert not reviews.verify()


def test_what_cannot_be_recorded_is_not_handed_over(reviews: mt.Reviews, tmp_path: Path) -> None:
    contents = report()
    (tmp_path / "reviews.sqlite").rename(tmp_path / "gone.sqlite")
    made = recording(offers(contents)[0], contents, reviews, shown={})()
    assert not made.content
    assert made.why_not[0] == "Nothing was exported, since it could not be recorded."
    assert len(made.why_not) == 3


def test_a_failure_says_nothing_of_the_patient(reviews: mt.Reviews, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> bytes:
        msg = "Doe^Jane"
        raise ValueError(msg)

    offer = replace(offers(report())[1], make=fail)
    made = recording(offer, report(), reviews, shown={})()
    assert not made.content
    assert made.why_not == ("The file could not be made. Nothing was exported. The study stays as it is.",)
    assert "ValueError" in caplog.text
    assert "Doe" not in caplog.text
    assert not reviews.entries()


def test_a_ticket_names_one_file_of_one_report() -> None:
    tickets = [ticket(offer, contents) for contents in (report(), report(study="b")) for offer in offers(contents)]
    assert len(set(tickets)) == 6
    assert tickets[:3] == [ticket(offer, report()) for offer in offers(report())]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_files_are_made_of_dates_and_digests(text: str) -> None:
    names = [offer.file_name for offer in offers(hostile(text))]
    assert names == [f"20260721-{'a3' * 6}-{'b4' * 4}-{end}" for end in ("report.pdf", "sr.dcm", "sc.dcm")]


def test_a_study_that_is_not_dicom_has_a_pdf_and_no_more() -> None:
    pdf, structured, capture = offers(report(instances=()))
    assert not pdf.refused
    assert pdf.make().startswith(b"%PDF")
    assert structured.refused == capture.refused
    assert "not DICOM" in structured.refused


def test_without_a_picture_there_is_no_secondary_capture() -> None:
    _, structured, capture = offers(report(picture=None))
    assert not structured.refused
    assert "no picture" in capture.refused
