"""Runs and inspections read back from their files, whole, damaged and half-finished."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tiny import Hospitals

import medtransfer as mt
from medtransfer.core.errors import OutputError
from medtransfer.models.bundle import read_bundle
from medtransfer.pipeline.inspections import write_inspection
from medtransfer.reporting.blocks import ReportMore, ReportTable
from medtransfer.reporting.inspection_files import duplicates_csv, inspection_json
from medtransfer.reporting.inspection_reader import inspection_words, read_inspection
from medtransfer.reporting.run_folder import read_run


@pytest.fixture
def run(quick_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(quick_run, tmp_path / "run"))


@pytest.fixture(scope="module")
def inspected(hospitals: Hospitals, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("inspected")
    shutil.copytree(hospitals.target, place / "in")
    shutil.copy(place / "in" / "images" / "001.png", place / "in" / "images" / "copy.png")
    (place / "in" / "images" / "=empty.png").write_bytes(b"")
    write_inspection(mt.inspect(place / "in"), place / "out")
    return place / "out"


def test_a_finished_run_is_read_whole(run: Path) -> None:
    found, bundle = read_run(run), read_bundle(run / "bundle")
    assert found.problems == ()
    assert found.record == bundle.manifest.training
    assert found.bundle_sha256 == bundle.sha256
    assert found.plan is not None
    assert len(found.history) == bundle.manifest.training.epochs
    assert {course.name for course in found.courses} >= {"L_S", "L_T"}
    assert read_run(run, terms=False).courses == ()


@pytest.mark.parametrize("name", ["plan.toml", "terms.csv", "history.csv", "bundle/bundle.json"])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"{}", b"a,b\n1\n", b"term,step\nx\n"])
def test_a_damaged_file_is_one_sentence_and_the_rest_is_read(run: Path, name: str, content: bytes) -> None:
    (run / name).write_bytes(content)
    found = read_run(run)
    assert len(found.problems) == 1
    assert found.problems[0].startswith(Path(name).name)
    assert sum(map(bool, [found.plan, found.record, found.courses, found.history])) == 3


def test_a_run_that_is_still_going_has_no_problem(run: Path) -> None:
    shutil.rmtree(run / "bundle")
    found = read_run(run)
    assert found.problems == ()
    assert found.record is None
    assert found.courses


def test_an_inspection_comes_back_as_it_was_found(inspected: Path) -> None:
    found = read_inspection(inspected)
    assert inspection_json(found) == json.loads((inspected / "inspection.json").read_text(encoding="utf-8"))
    assert duplicates_csv(found.duplicates) == (inspected / "duplicates.csv").read_bytes()
    assert found.duplicates.groups
    assert found.ledger.counts()["failed"] == 1


def test_its_words_are_those_of_the_page(inspected: Path) -> None:
    class Words(HTMLParser):
        text = ""

        def handle_data(self, data: str) -> None:
            self.text += f" {data}"

    page = Words()
    page.feed((inspected / "inspection.html").read_text(encoding="utf-8"))
    there = " ".join(page.text.split())
    tables = _tables(inspection_words(read_inspection(inspected)))
    assert len(tables) > 3
    for table in tables:
        for row in table.rows:
            for cell in row:
                assert " ".join(cell.split()) in there


def _tables(pieces: tuple[mt.ReportBlock, ...]) -> list[ReportTable]:
    own = [piece for piece in pieces if isinstance(piece, ReportTable)]
    inner = [table for piece in pieces if isinstance(piece, ReportMore) for table in _tables(piece.blocks)]
    return own + inner


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("inspection.json", None, "NotFound"),
        ("inspection.json", "{}", "NotAnInspection"),
        ("inspection.json", "[1]", "NotAnInspection"),
        ("inspection.json", "{", "NotAnInspection"),
        ("ledger.csv", None, "NotFound"),
        ("ledger.csv", "x", "NotALedger"),
        ("duplicates.csv", "x,y\n", "NotAnInspection"),
    ],
)
def test_a_damaged_inspection_is_said(
    inspected: Path, tmp_path: Path, name: str, content: str | None, code: str
) -> None:
    folder = Path(shutil.copytree(inspected, tmp_path / "out"))
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(OutputError) as error:
        read_inspection(folder)
    assert error.value.code == code
    assert error.value.hint
