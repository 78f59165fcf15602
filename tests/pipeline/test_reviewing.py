"""The reviews as files: nothing is lost, nothing is computed by a spreadsheet, and the command says the same."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pandas as pd
import pytest

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.inert import FORMULA_STARTS
from medtransfer.core.reviews.entry import line_of
from medtransfer.core.reviews.head import head_place
from medtransfer.reporting.reviews_csv import ENTRY_COLUMNS, PAIR_COLUMNS
from tests.apps.hostile import HOSTILE

NUMBERS = {
    *("number", "confidence", "follows_entry", "corrects_entry"),
    *("before_entry", "before_confidence", "after_entry", "after_confidence"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Every hostile value as reader, study, answer, reason and remark, before and after."""
    path = tmp_path / "in" / "reviews.sqlite"
    with mt.Reviews(path) as reviews:
        for number, value in enumerate(HOSTILE):
            of = {"who": value, "study": value, "study_sha256": f"{number}", "bundle_sha256": "b"}
            before = mt.Opinion(answer=value, confidence=70, remarks=value)
            first = reviews.append("impression", **of, shown={value: value}, content=before.as_content())
            reviews.append("reveal", **of, shown={}, content={"probabilities": {value: 0.25}})
            after = mt.Opinion(
                answers={value: "present"}, confidence=5, agreement="agree", reasons=(value,), follows=first.number
            )
            reviews.append("feedback", **of, shown={}, content=after.as_content())
    return path


@pytest.fixture
def predictions(tmp_path: Path) -> mt.Predictions:
    table = pd.DataFrame([("a", "ill"), ("b", "well")], columns=pd.Index(["study_id", "truth"]))
    return mt.Predictions(table=table, classes=("well", "ill"), positive="ill", operating_point=None, bundle_sha256="b")


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_no_cell_is_a_formula_or_acts_on_a_terminal(file: Path) -> None:
    with mt.Reviews.existing(file) as reviews:
        files = mt.exported_reviews(reviews)
    for name, columns, rows in (("reviews.csv", ENTRY_COLUMNS, 180), ("pairs.csv", PAIR_COLUMNS, 60)):
        found = cells(files[name])
        assert len(found) == rows
        assert tuple(found[0]) == columns
        for row in found:
            for column, cell in row.items():
                assert cell.isprintable()
                assert column in NUMBERS or not cell.startswith(FORMULA_STARTS), (column, cell)
                if column in NUMBERS:
                    assert not cell or cell.isdecimal()


def test_the_jsonl_has_every_character(file: Path) -> None:
    with mt.Reviews.existing(file) as reviews:
        lines = mt.exported_reviews(reviews)["reviews.jsonl"]
        entries = reviews.entries()
    assert lines.isascii()
    assert lines.replace("\n", "").isprintable()
    read = [json.loads(line) for line in lines.splitlines()]
    assert [one["who"] for one in read] == [value for value in HOSTILE for _ in range(3)]
    assert [one["content"]["remarks"] for one in read[::3]] == list(HOSTILE)
    assert [line_of(entry) for entry in entries] == lines.splitlines()


def test_files_are_for_their_owner_and_say_what_they_are(file: Path, tmp_path: Path) -> None:
    with mt.Reviews.existing(file) as reviews:
        written = mt.export_reviews(reviews, out=tmp_path / "new" / "out")
        head = reviews.head()
    assert [path.name for path in written] == ["reviews.jsonl", "reviews.csv", "pairs.csv", "reviews.json"]
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    facts = json.loads(written[-1].read_text())
    assert facts["notice"] == "Research use only. Not a medical device."
    assert facts["entries"] == {"impression": 60, "reveal": 60, "feedback": 60, "claim": 0, "release": 0, "export": 0}
    assert (facts["chain"], facts["head"], facts["readers"], facts["studies"]) == ("whole", str(head), 60, 60)
    assert mt.verify_reviews(written[0], expected=[str(head)]) == ("", head)


def test_a_pair_says_before_and_after(tmp_path: Path) -> None:
    with mt.Reviews(tmp_path / "r") as reviews:
        of = {"who": "anna", "study": "s", "study_sha256": "s", "bundle_sha256": "b", "shown": {"slice": 3}}
        reviews.append("impression", **of, content=mt.Opinion(answer="well", confidence=0).as_content())
        reviews.append("reveal", **of, content={"probabilities": {"ill": 0.75}})
        content = mt.Opinion(agreement="agree", reasons=("a", "b"), image_quality="limited").as_content()
        reviews.append("feedback", **of, content=content)
        files = mt.exported_reviews(reviews)
    (row,) = cells(files["pairs.csv"])
    wanted = {
        "who": "anna", "unaided": "True", "before_entry": "1", "before_answer": "well", "before_confidence": "0",
        "model": '{"probabilities": {"ill": 0.75}}', "after_entry": "3", "after_answer": "cannot say",
        "after_confidence": "", "changed": "True", "agreement": "agree", "reasons": "a; b", "image_quality": "limited",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    first, reveal, _ = cells(files["reviews.csv"])
    assert (first["shown"], first["confidence"]) == ('{"slice": 3}', "0")
    assert (reveal["kind"], reveal["answer"]) == ("reveal", "")


def test_with_truth_there_is_a_reader_study(tmp_path: Path, predictions: mt.Predictions) -> None:
    with mt.Reviews(tmp_path / "r") as reviews:
        for study in ("images/a.dcm", "b", "elsewhere"):
            of = {"who": "=anna", "study": study, "study_sha256": study, "bundle_sha256": "b", "shown": {}}
            reviews.append("impression", **of, content=mt.Opinion(answer="ill", confidence=50).as_content())
            reviews.append("feedback", **of, content=mt.Opinion(answer="ill", confidence=100).as_content())
        files = mt.exported_reviews(reviews, predictions=predictions)
    text = files["readers.imrmc"]
    assert "Research use only" in text.splitlines()[0]
    assert text[text.index("NR:") :].splitlines() == [
        "NR: 1", "N0: 1", "N1: 1", "NM: 2", "", "BEGIN DATA:", "-1,1,0,1", "-1,2,0,0",
        "1,1,1,75.0", "1,1,2,100.0", "1,2,1,75.0", "1,2,2,100.0",
    ]  # fmt: skip
    assert "anna" not in text
    assert "'=anna" in files["readers_key.csv"]
    left_out = json.loads(files["reviews.json"])["left_out_of_reader_study"]
    assert left_out == {"without_truth": 1, "not_unaided": 0, "other_bundle": 0, "read_again": 0}


def test_the_command_writes_and_verifies(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reviews", "verify", str(file), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["whole"], said["entries"]) == (True, 180)
    assert main(["reviews", "export", str(file), "--out", str(tmp_path / "out")]) == 0
    assert f"head: {said['head']}" in capsys.readouterr().out
    with mt.Reviews.existing(file) as reviews:
        wanted = mt.exported_reviews(reviews)
    assert {path.name: path.read_bytes().decode() for path in (tmp_path / "out").iterdir()} == wanted
    lines = tmp_path / "out" / "reviews.jsonl"
    assert main(["reviews", "verify", str(lines), "--expect", said["head"]]) == 0
    capsys.readouterr()
    lines.write_text("".join(lines.read_text().splitlines(keepends=True)[:-1]))
    assert main(["reviews", "verify", str(lines)]) == 0
    assert main(["reviews", "verify", str(lines), "--expect", said["head"]]) == 2
    assert "Entries are missing at the end: there were 180, and there are 179 [Tampered]" in capsys.readouterr().err


def test_a_broken_chain_is_exported_all_the_same_and_said(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head_place(file).unlink()
    assert main(["reviews", "export", str(file), "--out", str(tmp_path / "out"), "--json"]) == 2
    said = capsys.readouterr()
    assert "[Tampered]" in said.err
    assert "missing or damaged" in json.loads(said.out)["wrong"]
    assert "missing or damaged" in json.loads((tmp_path / "out" / "reviews.json").read_text())["chain"]
    assert len((tmp_path / "out" / "reviews.jsonl").read_text().splitlines()) == 180


def test_the_verdict_can_be_kept_and_an_export_needs_a_folder(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reviews", "verify", str(file), "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "verification.json").read_text())["entries"] == 180
    assert main(["reviews", "export", str(file)]) == 2
    assert "[NoFolder]" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["none"], ["none.jsonl"], ["words"], [".", "--expect", "12"]])
def test_what_cannot_be_verified_is_refused(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words").write_text("words " * 99)
    assert main(["reviews", "verify", *words]) == 2
    assert "→" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["words"]
