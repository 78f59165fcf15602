"""`inspect` and the check of headers before a plan, as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny import Hospitals, write_hospital

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.errors import FailedCasesError, OutputError
from medtransfer.pipeline.inspections import write_inspection

FILES = {"contact_sheet.png", "inspection.html", "inspection.json", "ledger.csv", "ledger.parquet"}


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


def damaged(folder: Path, *, studies: int = 56) -> Path:
    """A hospital with one picture that is none by its first bytes."""
    write_hospital(folder, studies=studies, seed=3)
    (folder / "images" / "004.png").write_bytes(b"")
    return folder


def test_what_is_printed_starts_with_the_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = damaged(tmp_path / "hospital")
    assert run("inspect", folder, "--out", tmp_path / "out", "--quiet") == 3
    assert run("inspect", folder, "--out", tmp_path / "out", "--allow-failures", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "57 files: 55 read, 1 excluded, 1 failed."
    assert lines[1].split()[:3] == ["failed", "1", "EmptyFile"]
    assert lines[-1].startswith(f"Written to {tmp_path / 'out'}: ")
    assert max(map(len, lines[:-1])) <= 100
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES


def test_the_json_is_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_hospital(tmp_path / "hospital", studies=8, seed=1)
    shutil.copy(folder / "images" / "001.png", folder / "images" / "003.png")
    capsys.readouterr()
    assert run("inspect", folder, "--json", "--out", tmp_path / "out") == 0
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((tmp_path / "out" / "inspection.json").read_text(encoding="utf-8"))
    assert said["duplicates"]["groups"] == {"exact": {"within one patient": 1}}
    assert sum(said["facts"]["matrix"].values()) == said["summary"]["items"] == said["counts"]["read"]
    assert (tmp_path / "out" / "duplicates.csv").is_file()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 36), np.uint8)).save(folder / "images" / "003.png")
    assert run("inspect", folder, "--quiet", "--out", tmp_path / "out") == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES, "an old duplicates.csv would be a lie"


@pytest.mark.parametrize("inside", ["out", "a/b", "."])
def test_out_inside_the_folder_is_refused_before_anything_is_written(
    tmp_path: Path, inside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_hospital(tmp_path / "hospital", studies=4, seed=1)
    before = sorted(folder.rglob("*"))
    assert run("inspect", folder, "--out", folder / inside) == 2
    assert "[OutInsidePlace]" in capsys.readouterr().err
    with pytest.raises(OutputError):
        write_inspection(mt.inspect(folder), folder / inside)
    assert sorted(folder.rglob("*")) == before
    assert run("inspect", folder / "cohort.csv", "--out", folder / "out", "--quiet") == 0, "a table names its files"


def test_classes_and_near_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_hospital(tmp_path / "hospital", studies=8, seed=1)
    assert run("inspect", folder, "--classes", "normal", "ill", "--near", "0.9") == 0
    assert "1 label is none of normal, ill: 'pneumonia'." in capsys.readouterr().out
    assert run("inspect", folder, "--near", "7") == 2
    assert "near" in capsys.readouterr().err


def test_hostile_names_act_on_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    hostile = "\x1b[2J\u202e=1+1.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 36), np.uint8)).save(tmp_path / "in" / hostile)
    shutil.copy(tmp_path / "in" / hostile, tmp_path / "in" / "b\x1b[31m.png")
    assert run("inspect", tmp_path / "in", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    texts = [path for path in (tmp_path / "out").iterdir() if path.suffix not in {".png", ".parquet"}]
    written = [path.read_text(encoding="utf-8") for path in texts]
    for text in (said, *written):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_plan_is_refused_while_headers_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = damaged(tmp_path / "hospital")
    words = ("plan", folder, "--backbone", "squeezenet1_1", "--out", tmp_path / "plan.toml")
    assert run(*words) == 3
    said = capsys.readouterr().err
    assert "004.png [EmptyFile]" in said
    assert "--allow-failures 1" in said
    assert not (tmp_path / "plan.toml").exists()
    assert run(*words, "--allow-failures", "1", "--quiet") == 0
    assert "EmptyFile 1" in (tmp_path / "plan.toml").read_text(encoding="utf-8")


def test_a_source_that_fails_counts_too(hospitals: Hospitals, tmp_path: Path) -> None:
    target, source = mt.read_cohort(hospitals.target), mt.read_cohort(damaged(tmp_path / "there"))
    with pytest.raises(FailedCasesError, match=r"1 of 112 inputs failed, 0 allowed: .*004\.png \[EmptyFile\]"):
        mt.plan(target, source=source, backbone="squeezenet1_1")
    made = mt.plan(target, source=source, backbone="squeezenet1_1", allow_failures=1)
    assert made.reasons["sources.source.cohort"] == (
        "Of 56 images 0 are excluded by rule and 1 failed, by their headers: EmptyFile 1."
    )
    assert "target.cohort" not in made.reasons


def test_excluded_rows_are_mentioned_and_refuse_nothing(tmp_path: Path) -> None:
    folder = write_hospital(tmp_path / "hospital", studies=40, seed=3)
    table = pd.read_csv(folder / "cohort.csv", dtype=str, keep_default_na=False)
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    table.loc[0, "path"] = "notes.txt"
    table.to_csv(folder / "cohort.csv", index=False)
    made = mt.plan(mt.read_cohort(folder), backbone="squeezenet1_1")
    assert "1 are excluded by rule" in made.reasons["target.cohort"]
    assert "not_an_image_file 1" in made.reasons["target.cohort"]


def test_nifti_files_are_what_the_user_says_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    place = Path(__file__).parents[2] / "sample_data" / "studies" / "head_ct"
    assert main(["inspect", str(place), "--nifti-modality", "CT", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["facts"]["modality"] == {"CT": 4}
    assert not any("modalities" in warning for warning in found["warnings"])
