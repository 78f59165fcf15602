"""Shards put together are the undivided run, to the byte; what is missing, doubled or foreign is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.errors import ConfigError, FailedCasesError, MedTransferError, OutputError, PredictionsError
from medtransfer.core.journal import Journal
from medtransfer.data.listed import CohortFile
from medtransfer.pipeline.merging import merge_run
from medtransfer.pipeline.story import predict_run, read_bundle
from medtransfer.prediction.identity import journal_path
from medtransfer.prediction.shard import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = ("predictions.csv", "predictions.json", "ledger.csv", "ledger.parquet", "features.parquet")
STUDIES = 56
"""Of the target hospital: three batches and a half."""


@pytest.fixture(scope="module")
def cohort(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target with two files that cannot be read, and an attribute."""
    folder = tmp_path_factory.mktemp("cohort")
    target = mt.read_cohort(quick_run / "cohort.csv")
    table = target.table.assign(age=[str(20 + number) for number in range(len(target))])
    for path in table["path"]:
        (folder / Path(path).name).write_bytes(target.file(path).read_bytes())
    table = table.assign(path=[Path(path).name for path in table["path"]])
    for number in (3, 40):
        (folder / table["path"][number]).write_bytes(b"no picture")
    table.to_csv(folder / "cohort.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def predicted(quick_run: Path, cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a shard, made once; do not change it."""
    made: dict[str, Path] = {}

    def shard(shard: str) -> Path:
        if shard not in made:
            made[shard] = tmp_path_factory.mktemp("shard")
            store = ["embeddings", "thumbnails"]
            predict_run(quick_run / "bundle", CohortFile(path=cohort), out=made[shard], shard=shard, store=store)
        return made[shard]

    return shard


@pytest.fixture
def parts(predicted: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """Copies of three shards, to be spoilt."""
    copies = []
    for number in (1, 2, 3):
        shutil.copytree(predicted(f"{number}/3"), tmp_path / f"part_{number}")
        copies.append(tmp_path / f"part_{number}")
    return copies


def refused(parts: list[Path], out: Path) -> PredictionsError:
    with pytest.raises(PredictionsError) as caught:
        merge_run(parts, out=out)
    assert not out.exists() or not list(out.iterdir()), "nothing is written"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_put_together_are_the_undivided_run(predicted: Callable[..., Path], tmp_path: Path, of: int) -> None:
    """Also where there are more shards than batches, and in any order."""
    shards = [predicted(f"{number}/{of}") for number in range(of, 0, -1)]
    done = merge_run(shards, out=tmp_path / "merged")
    assert sum(done.studies.values()) == done.images.counts()["inputs"] == STUDIES
    assert done.studies["failed"] == 2
    for name in FILES:
        assert (tmp_path / "merged" / name).read_bytes() == (predicted("1/1") / name).read_bytes(), name
    assert sorted(path.name for path in (tmp_path / "merged").iterdir()) == sorted(FILES)


def test_shards_are_disjoint_complete_and_of_whole_batches(predicted: Callable[..., Path]) -> None:
    whole = mt.read_predictions(predicted("1/1")).table["study_id"].tolist()
    shards = [mt.read_predictions(predicted(f"{number}/3")).table["study_id"].tolist() for number in (1, 2, 3)]
    assert shards[0] == [*whole[:BATCH], *whole[3 * BATCH :]]
    assert sorted(study for shard in shards for study in shard) == sorted(whole)


def test_what_is_merged_can_be_read_and_evaluated(predicted: Callable[..., Path], tmp_path: Path) -> None:
    shards = [predicted(f"{number}/3") for number in (1, 2, 3)]
    path = mt.merge(shards, out=tmp_path / "merged", allow_failures=2)
    found = mt.read_predictions(path)
    assert len(found.table) == STUDIES
    assert found.features is not None
    assert len(found.features) == STUDIES - 2
    assert {len(cell) for cell in found.features["thumbnail"]} == {64}
    assert found.table["attribute_age"].tolist() == [str(20 + number) for number in range(STUDIES)]
    with pytest.raises(FailedCasesError, match="2 of 56 inputs failed, 1 allowed"):
        mt.merge(shards, out=tmp_path / "again", allow_failures=1)
    assert (tmp_path / "again" / "predictions.csv").read_bytes() == path.read_bytes()


def test_the_command_says_the_same(
    predicted: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(predicted(f"{number}/3")) for number in (1, 2, 3)]
    assert main(["merge", *words, "--out", str(tmp_path / "merged"), "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["studies"] == {"read": STUDIES - 2, "excluded": 0, "failed": 2}
    assert said["shards"] == 3
    assert main(["merge", *words, "--out", str(tmp_path / "merged"), "--allow-failures", "2"]) == 0
    assert capsys.readouterr().out.startswith("56 studies: 54 read, 2 failed\n")
    assert main(["merge", words[0], "--out", str(tmp_path / "less")]) == 2


def test_a_shard_that_is_not_there_is_named_with_its_studies(parts: list[Path], tmp_path: Path) -> None:
    error = refused([parts[2], parts[0]], tmp_path / "out")
    assert error.code == "MissingRows"
    assert error.message.startswith("16 studies have no row: ")
    assert error.message.endswith(" and 11 more")
    assert "2/3" in (error.hint or "")


def test_a_shard_that_was_killed_is_named_with_what_it_lacks(parts: list[Path], tmp_path: Path) -> None:
    with sqlite3.connect(journal_path(parts[1])) as rows:
        (lost,) = rows.execute("SELECT key FROM rows ORDER BY key LIMIT 1").fetchone()
        rows.execute("DELETE FROM rows WHERE key = ?", (lost,))
    error = refused(parts, tmp_path / "out")
    assert (error.code, error.path) == ("MissingRows", str(parts[1]))
    assert error.message == f"1 studies have no row: '{lost.rpartition(' ')[0]}'"


def test_a_shard_twice_is_named_with_its_studies(parts: list[Path], tmp_path: Path) -> None:
    shutil.copytree(parts[0], tmp_path / "copy")
    error = refused([*parts, tmp_path / "copy"], tmp_path / "out")
    assert (error.code, error.path) == ("DoubledRows", str(tmp_path / "copy"))
    assert error.message.startswith("24 studies have two rows: ")
    assert str(parts[0]) in (error.hint or "")


@pytest.mark.parametrize("whose", ["nobody's", "another shard's"])
def test_rows_that_do_not_belong_are_named(parts: list[Path], tmp_path: Path, whose: str) -> None:
    with Journal.existing(journal_path(parts[1])) as theirs:
        study = next(theirs.each_key()).rpartition(" ")[0] if whose == "another shard's" else "a stranger"
    with Journal.existing(journal_path(parts[0])) as journal:
        journal.append([(f"{study} 0", {})])
    error = refused(parts, tmp_path / "out")
    assert (error.code, error.path) == ("ForeignRows", str(parts[0]))
    assert error.message == f"1 studies do not belong to this shard: {study!r}"


def other(
    quick_run: Path, cohort: Path, out: Path, *, sha256: str | None = None, split: str | None = None, **options: Any
) -> Path:
    bundle = read_bundle(quick_run / "bundle")
    bundle = bundle if sha256 is None else replace(bundle, sha256=sha256)
    allowed = CohortFile(path=cohort, split=split, patients_unknown=options.pop("patients_unknown", False))
    predict_run(bundle, allowed, out=out, **{"store": ["embeddings", "thumbnails"], "shard": "2/3"} | options)
    return out


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("OtherBundle", {"sha256": "0" * 64}),
        ("OtherCohort", {"split": "test"}),
        ("OtherCohort", {"patients_unknown": True}),
        ("OtherSettings", {"store": []}),
        ("OtherSettings", {"shard": "2/4"}),
    ],
)
def test_a_shard_of_another_run_is_refused(
    quick_run: Path, cohort: Path, parts: list[Path], tmp_path: Path, code: str, options: dict[str, Any]
) -> None:
    strange = other(quick_run, cohort, tmp_path / "strange", **options)
    error = refused([parts[0], strange, parts[2]], tmp_path / "out")
    assert (error.code, error.path) == (code, str(strange))


def test_folders_that_hold_no_shard(parts: list[Path], tmp_path: Path) -> None:
    cases: list[tuple[list[Path], Path, type[MedTransferError], str]] = [
        ([*parts[:2], tmp_path], tmp_path / "out", OutputError, "NotAShard"),
        ([*parts, tmp_path / "nowhere"], tmp_path / "out", OutputError, "NotAShard"),
        (parts, parts[1], ConfigError, "NotAnotherFolder"),
        ([], tmp_path / "out", ConfigError, "NotAnotherFolder"),
    ]
    for folders, out, kind, code in cases:
        with pytest.raises(kind) as caught:
            merge_run(folders, out=out)
        assert caught.value.code == code


def test_a_journal_that_is_damaged_or_of_another_version(parts: list[Path], tmp_path: Path) -> None:
    with sqlite3.connect(journal_path(parts[2])) as rows:
        rows.execute("UPDATE run SET name = 'a digest'")
    with pytest.raises(OutputError) as caught:
        merge_run(parts, out=tmp_path / "out")
    assert caught.value.code == "OtherVersion"
    journal_path(parts[2]).write_bytes(b"no database")
    with pytest.raises(OutputError) as caught:
        merge_run(parts, out=tmp_path / "out")
    assert caught.value.code == "BadJournal"


def test_the_header_of_any_shard_that_ended_will_do_but_not_one_of_another_run(
    predicted: Callable[..., Path], parts: list[Path], tmp_path: Path
) -> None:
    for part in parts[:2]:
        (part / "predictions.json").unlink()
    merge_run(parts, out=tmp_path / "out")
    assert (tmp_path / "out" / "predictions.json").read_bytes() == (predicted("1/1") / "predictions.json").read_bytes()
    header = json.loads((parts[2] / "predictions.json").read_text())
    (parts[2] / "predictions.json").write_text(json.dumps(header | {"bundle_sha256": "0" * 64}))
    assert refused(parts, tmp_path / "none").code == "Unfinished"


def test_a_study_that_was_predicted_again_has_its_last_row(quick_run: Path, cohort: Path, tmp_path: Path) -> None:
    """Two rows of one study in a journal are two states of its files, and no doubled row."""
    shutil.copytree(cohort, tmp_path / "cohort")
    bad = mt.read_cohort(tmp_path / "cohort").table["path"][3]
    shards = [tmp_path / "1", tmp_path / "2"]

    def run(shard: int) -> None:
        predict_run(
            quick_run / "bundle", CohortFile(path=tmp_path / "cohort"), out=shards[shard - 1], shard=f"{shard}/2"
        )

    run(1)
    good = mt.read_cohort(tmp_path / "cohort").table["path"][4]
    (tmp_path / "cohort" / bad).write_bytes((tmp_path / "cohort" / good).read_bytes())
    run(1)
    run(2)
    done = merge_run(shards, out=tmp_path / "merged")
    assert done.studies["failed"] == 1
    with Journal.existing(journal_path(shards[0])) as journal:
        names = sorted(key.rpartition(" ")[0] for key in journal.each_key())
    assert sum(one == other for one, other in pairwise(names)) == 1
