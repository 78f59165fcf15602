"""`medtransfer convert`, and what stands on its folder: plan, fit and predict without the original files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from tiny import QUICK, Hospitals, write_hospital

import medtransfer as mt
from medtransfer.cli.main import main

CHANGES = [word for change in QUICK for word in ("--set", change)]


def run(*words: str | Path | int, expect: int = 0) -> None:
    assert main([str(word) for word in words]) == expect


def test_it_says_what_was_written(hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "prepared"
    run("convert", hospitals.target, "--out", out, "--size", 32, "--json")
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["folder", "counts", "planes", "bytes", "seconds"]
    assert said["counts"] == {"inputs": 56, "read": 56, "excluded": 0, "failed": 0}
    assert (said["planes"], said["bytes"]) == (56, 56 * 2 * 32 * 32)
    assert {path.name for path in out.iterdir()} == {
        "arrays", "cohort.csv", "prepared.json", "ledger.csv", "ledger.parquet",
    }  # fmt: skip
    run("convert", hospitals.target, "--out", out, "--set", "preprocess.size=32")
    words = capsys.readouterr().out
    for word in ("56 read", "0 failed", "MiB", " s\n", str(out)):
        assert word in words


def test_training_and_prediction_need_no_files_and_say_the_same(
    hospitals: Hospitals, quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same studies, converted first: the same weights and the same rows, bit by bit."""
    folders = []
    for hospital in (hospitals.target, hospitals.source):
        copy = tmp_path / "files" / hospital.name
        shutil.copytree(hospital, copy)
        folders.append(tmp_path / hospital.name)
        run("convert", copy, "--out", folders[-1], "--size", 32, "--quiet")
    shutil.rmtree(tmp_path / "files")
    words = ("plan", folders[0], "--source", folders[1], "--backbone", "squeezenet1_1", *CHANGES)
    run(*words, "--out", tmp_path / "plan.toml", "--quiet")
    run("fit", tmp_path / "plan.toml", "--out", tmp_path / "run", "--quiet")
    assert not list((tmp_path / "run" / "cache").rglob("*")), "nothing is kept twice"
    run("predict", tmp_path / "run/bundle", tmp_path / "run/cohort.csv", "--split", "test", "--out", tmp_path / "test")
    run("predict", quick_run / "bundle", quick_run / "cohort.csv", "--split", "test", "--out", tmp_path / "files")
    ours, theirs = (pd.read_csv(tmp_path / name / "predictions.csv") for name in ("test", "files"))
    numbers = ["probability_normal", "probability_pneumonia"]
    assert ours[numbers].equals(theirs[numbers])
    sha = [mt.read_bundle(folder / "bundle").manifest.members[0].sha256 for folder in (tmp_path / "run", quick_run)]
    assert sha[0] == sha[1]


def test_other_settings_than_the_plans_are_refused(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("convert", hospitals.target, "--out", tmp_path / "prepared", "--size", 64, "--quiet")
    words = ("plan", tmp_path / "prepared", "--backbone", "squeezenet1_1", *CHANGES, "--quiet")
    run(*words, "--out", tmp_path / "plan.toml")
    run("fit", tmp_path / "plan.toml", "--out", tmp_path / "run", expect=2)
    said = capsys.readouterr().err
    assert "[OtherPreprocessing]" in said
    assert "preprocess.size" in said


def test_failures_are_counted_and_what_could_be_read_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_hospital(tmp_path / "data", studies=6, seed=0)
    (folder / "images/002.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    run("convert", folder, "--out", tmp_path / "out", "--json", expect=3)
    said = capsys.readouterr()
    assert json.loads(said.out)["counts"] == {"inputs": 6, "read": 5, "excluded": 0, "failed": 1}
    assert "002.png" in said.err
    run("convert", folder, "--out", tmp_path / "out", "--allow-failures", 1)
    assert len(mt.read_cohort(tmp_path / "out")) == 6


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--size", 8), "BadValue"), (("--set", "training.epochs=3"), "UnknownKey"), (("--set", "size"), "BadChange")],
)
def test_settings_that_cannot_be_used(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str | int, ...], code: str
) -> None:
    run("convert", hospitals.target, "--out", tmp_path / "out", *map(str, words), expect=2)
    assert f"[{code}]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_predict_reads_the_cache_it_is_given_and_writes_none_otherwise(
    quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = quick_run / "cohort.csv"
    run("predict", quick_run / "bundle", cohort, "--split", "test", "--out", tmp_path / "a", "--quiet")
    assert not list(tmp_path.rglob("*.safetensors"))
    words = ("predict", quick_run / "bundle", cohort, "--split", "test", "--cache", tmp_path / "cache", "--quiet")
    run(*words, "--out", tmp_path / "b")
    assert list((tmp_path / "cache").rglob("*.safetensors"))
    from medtransfer.data import decoding

    def fails(*_: object, **__: object) -> None:
        pytest.fail("decoded again")

    monkeypatch.setattr(decoding, "prepared_item", fails)
    run(*words, "--out", tmp_path / "c")
    tables = [(tmp_path / name / "predictions.csv").read_bytes() for name in "abc"]
    assert tables[0] == tables[1] == tables[2]
