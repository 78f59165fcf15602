"""Files that list patients or show their pictures are for their owner alone; what lists nobody is as the mask says."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from tiny import write_hospital

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.journal import Journal
from medtransfer.pipeline.runs import write_cohort

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


@pytest.fixture(autouse=True)
def open_to_all():
    before = os.umask(0o000)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> set[int]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 1
    return {mode(file) for file in files}


def run(*words: str | Path) -> int:
    return main([*map(str, words), "--quiet"])


@pytest.mark.parametrize("options", [(), ("--deidentify",)])
def test_inspections(tmp_path: Path, options: tuple[str, ...]) -> None:
    folder, key = write_hospital(tmp_path / "hospital", studies=4, seed=1), tmp_path / "a.key"
    out = tmp_path / "new" / "out"
    assert run("inspect", folder, "--out", out, *options, *(("--key", key) if options else ())) == 0
    assert {file.name for file in out.iterdir()} >= {"inspection.html", "inspection.json", "contact_sheet.png"}
    written = [file for file in out.iterdir() if file.name != "deidentification.json"]
    assert {mode(file) for file in written} == {0o600}
    assert (mode(out), mode(out.parent)) == (0o700, 0o700)


def test_converted_cohorts(tmp_path: Path) -> None:
    folder, out = write_hospital(tmp_path / "hospital", studies=4, seed=1), tmp_path / "out"
    assert run("convert", folder, "--out", out, "--size", "32") == 0
    assert mode(out) == 0o700
    named = ("cohort.csv", "prepared.json", "ledger.csv", "ledger.parquet")
    assert {mode(out / name) for name in named} == {0o600}


def test_predictions_with_their_journal(quick_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("predict", quick_run / "bundle", quick_run / "cohort.csv", "--split", "test", "--out", out) == 0
    assert any(file.suffix == ".sqlite" for file in out.iterdir())
    assert (mode(out), modes(out)) == (0o700, {0o600})


def test_files_beside_an_open_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "rows.sqlite", run="1") as journal:
        journal.append([("key", {"patient": "Doe"})])
        assert modes(tmp_path) == {0o600}


def test_a_run_keeps_its_patients_private_and_its_bundle_open(quick_run: Path, tmp_path: Path) -> None:
    write_cohort(mt.read_cohort(quick_run / "cohort.csv"), tmp_path / "cohort.csv")
    assert mode(tmp_path / "cohort.csv") == mode(quick_run / "cohort.csv") == mode(quick_run / "ledger.csv") == 0o600
    assert mode(quick_run / "bundle" / "bundle.json") & 0o044 == 0o044


def test_reports_and_folders_that_are_there_are_as_they_are_asked_for(quick_run: Path, tmp_path: Path) -> None:
    predictions, shared = tmp_path / "test", tmp_path / "shared"
    shared.mkdir(mode=0o750)
    words = ("predict", quick_run / "bundle", quick_run / "cohort.csv", "--split", "test")
    assert run(*words, "--out", predictions) == 0
    assert run(*words, "--out", shared) == 0
    assert mode(shared) == 0o750
    assert run("evaluate", predictions, "--out", tmp_path / "figures") == 0
    assert (mode(tmp_path / "figures"), modes(tmp_path / "figures")) == (0o777, {0o666})
