"""The PDF: the preview's words, the notice on each page, equal bytes for equal reports, and nothing active in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.exports.contents import NOTICE, Contents, Statement
from apps.exports.pdf import as_pdf
from apps.exports.sheet import caption, sections
from tests.apps.exports.sample import HOSTILE, finding, hostile, report
from tests.apps.hostile import HOSTILE as EVERYTHING

if TYPE_CHECKING:
    from pathlib import Path

ACTIVE = (
    b"/JavaScript",
    b"/JS",
    b"/URI",
    b"/OpenAction",
    b"/AA",
    b"/Launch",
    b"/Annots",
    b"/EmbeddedFile",
    b"/AcroForm",
)
reads_pdf = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler's pdftotext")


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", content))


def read(content: bytes, folder: Path) -> list[str]:
    """The text of each page, as another program reads it."""
    file = folder / "report.pdf"
    file.write_bytes(content)
    told = subprocess.run(["pdftotext", "-layout", file, "-"], check=True, capture_output=True, text=True)
    assert not told.stderr
    return told.stdout.split("\f")[:-1]


def bare(text: str) -> str:
    """Without blanks: lines are broken wherever the page ends."""
    return "".join(text.split())


def words(contents: Contents) -> list[str]:
    lines = [line for section in sections(contents) for line in section.lines]
    return [
        *(section.title for section in sections(contents)),
        *(line.label for line in lines),
        *(line.text for line in lines),
    ]


def test_equal_reports_are_equal_files() -> None:
    assert as_pdf(report()) == as_pdf(report())
    assert as_pdf(report()) != as_pdf(report(protocol="another"))


def test_a_report_is_one_page() -> None:
    assert pages(as_pdf(report())) == 1
    assert pages(as_pdf(report(picture=None))) == 1


@reads_pdf
def test_preview_and_file_say_the_same(tmp_path: Path) -> None:
    (page,) = read(as_pdf(report(picture=None)), tmp_path)
    for word in words(report()):
        assert bare(word) in bare(page)
    assert caption(report()) == "CR · PA · W 40 · L 40"


@reads_pdf
def test_the_notice_and_the_number_stand_on_every_page(tmp_path: Path) -> None:
    content = as_pdf(report(findings=tuple(finding(name=f"finding {i}") for i in range(14))))
    found = read(content, tmp_path)
    assert len(found) == pages(content) > 1
    for number, page in enumerate(found, start=1):
        assert page.count(NOTICE) >= 2
        assert f"Page {number} of {len(found)}" in page
        assert "EK-2026/114" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_breaks_nothing_and_is_never_active(text: str) -> None:
    content = as_pdf(hostile(text))
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    for word in ACTIVE:
        assert not re.search(word + rb"\b", content)


def test_sixty_hostile_values_at_once() -> None:
    told = Statement(who="reader", at="now", said=EVERYTHING)
    content = as_pdf(
        report(flags=EVERYTHING, feedback=(told,), findings=tuple(finding(name=text) for text in EVERYTHING))
    )
    for word in ACTIVE:
        assert not re.search(word + rb"\b", content)


@given(st.text(max_size=80))
@settings(deadline=None, max_examples=15)
def test_any_text_can_be_written(text: str) -> None:
    assert pages(as_pdf(hostile(text))) >= 1


@reads_pdf
@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 200])
def test_foreign_text_stands_there_as_it_is(text: str, tmp_path: Path) -> None:
    contents = hostile(text)
    read_back = bare("".join(read(as_pdf(contents), tmp_path)))
    for line in sections(contents)[0].lines:
        assert bare(line.text) in read_back


def test_no_clock_and_no_path_is_in_it() -> None:
    content = as_pdf(report())
    assert b"/tmp" not in content
    assert {day[:4] for day in re.findall(rb"\(D:(\d{14})", content)} == {b"2000"}
