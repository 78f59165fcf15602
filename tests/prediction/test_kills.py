"""`medtransfer predict`, killed at any moment: nothing is lost, nothing is done twice, and the bytes are the same.

The command runs in processes of its own, and is killed by a signal that it cannot catch: while it reads the cohort,
predicts, commits and writes the tables.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from large_cohort import write_cohort, write_tiny_bundle

from medtransfer.prediction.identity import journal_path
from medtransfer.prediction.shard import BATCH

if TYPE_CHECKING:
    from medtransfer.models.bundle import Manifest

FILES = ("predictions.csv", "predictions.json", "ledger.csv", "ledger.parquet")
POLL = 0.002
PATIENCE = 600


def command(bundle: Path, cohort: Path, out: Path) -> list[str]:
    words = ("predict", bundle, cohort, "--out", out, "--quiet", "--allow-failures", 10)
    return [sys.executable, "-m", "medtransfer.cli.main", *map(str, words)]


def committed(out: Path) -> dict[str, str]:
    """Every row as it lies in the journal: key → content."""
    if not journal_path(out).is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{journal_path(out).as_uri()}?mode=ro", uri=True)) as rows:
            return dict(rows.execute("SELECT key, content FROM rows"))
    except sqlite3.OperationalError:  # no table yet
        return {}


def count(out: Path) -> int:
    try:
        with closing(sqlite3.connect(f"{journal_path(out).as_uri()}?mode=ro", uri=True)) as rows:
            return rows.execute("SELECT COUNT(*) FROM rows").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def killed(words: list[str], out: Path, *, rows: int, wait: float) -> bool:
    """Start the command, and kill it a moment after it has committed so many rows; False where it was faster."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        end = time.monotonic() + PATIENCE
        while process.poll() is None and count(out) < rows and time.monotonic() < end:
            time.sleep(POLL)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        assert process.wait() in {0, -signal.SIGKILL}, process.stderr and process.stderr.read().decode()
        return process.returncode == -signal.SIGKILL


def without_clocks(path: Path) -> list[str]:
    """The lines of a table, sorted; no column of it holds a time."""
    with path.open(encoding="utf-8", newline="") as table:
        head = next(csv.reader(table))
    assert not {"time", "seconds", "clock"} & {word for name in head for word in name.split("_")}
    return sorted(path.read_text(encoding="utf-8").splitlines())


def check_kills(folder: Path, manifest: Manifest, *, studies: int, kills: int, seed: int) -> None:
    bundle = write_tiny_bundle(folder / "bundle", manifest)
    cohort = write_cohort(folder / "cohort", studies, unreadable=(5, 6, studies - 1))
    subprocess.run(command(bundle, cohort, folder / "whole"), check=True, capture_output=True)
    out, words = folder / "killed", command(bundle, cohort, folder / "killed")
    chance = random.Random(seed)
    moments = sorted(chance.randrange(0, studies + 1) for _ in range(kills - 1))
    before: dict[str, str] = {}
    done = 0
    for number, moment in enumerate([*moments, studies]):  # the last one while the tables are written
        passed = number % 10 == 0 or count(out) >= moment  # any moment from the first line of the program on
        done += killed(words, out, rows=0 if passed else moment, wait=chance.uniform(0, 4.0 if passed else 0.6))
        now = committed(out)
        assert before.items() <= now.items(), "a row that was committed is there, and as it was"
        assert len(now) % BATCH in {0, studies % BATCH}, "batches are committed whole"
        before = now
    assert done >= kills * 0.9, "kills that came too late prove nothing"
    finished = subprocess.run(words, check=True, capture_output=True)
    assert finished.returncode == 0
    assert not list(out.glob("*-wal")), "a run that has ended leaves two whole databases"
    assert len(committed(out)) == studies
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as table:
        names = Counter(row["study_id"] for row in csv.DictReader(table))
    assert len(names) == studies
    assert set(names.values()) == {1}
    for name in FILES:
        assert (out / name).read_bytes() == (folder / "whole" / name).read_bytes(), name
    assert without_clocks(out / "predictions.csv") == without_clocks(folder / "whole" / "predictions.csv")


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_three_kills(tmp_path: Path, manifest: Manifest) -> None:
    check_kills(tmp_path, manifest, studies=300, kills=3, seed=0)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_two_hundred_kills(tmp_path: Path, manifest: Manifest) -> None:
    check_kills(tmp_path, manifest, studies=10_000, kills=200, seed=1)


def check_unreadable(folder: Path, manifest: Manifest, *, studies: int, unreadable: int) -> None:
    bundle = write_tiny_bundle(folder / "bundle", manifest)
    bad = random.Random(2).sample(range(studies), unreadable)
    cohort = write_cohort(folder / "cohort", studies, unreadable=bad)
    words = [*command(bundle, cohort, folder / "out")[:-1], "0", "--json"]
    finished = subprocess.run(words, check=False, capture_output=True, text=True)
    assert finished.returncode == 3
    assert json.loads(finished.stdout)["studies"] == {"read": studies - unreadable, "excluded": 0, "failed": unreadable}
    assert f"{unreadable} of {studies} inputs failed, 0 allowed" in finished.stderr
    with (folder / "out" / "predictions.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["study_id"] for row in rows] == [f"s{99_999 - number}" for number in range(studies)]
    failed = [number for number, row in enumerate(rows) if row["status"] == "failed"]
    assert failed == sorted(bad)
    assert all(bool(row["probability_pneumonia"]) == (row["status"] == "read") for row in rows)
    codes = Counter(rows[number]["error"].partition(":")[0] for number in failed)
    assert len(codes) >= 2
    assert all(code.isalpha() and code[0].isupper() for code in codes), "typed, each with a code"
    with (folder / "out" / "ledger.csv").open(encoding="utf-8", newline="") as table:
        ledger = Counter(row["status"] for row in csv.DictReader(table))
    assert ledger == {"read": studies - unreadable, "failed": unreadable}


def test_twenty_unreadable_cases_in_three_hundred(tmp_path: Path, manifest: Manifest) -> None:
    check_unreadable(tmp_path, manifest, studies=300, unreadable=20)


@pytest.mark.slow
def test_seven_hundred_unreadable_cases_in_ten_thousand(tmp_path: Path, manifest: Manifest) -> None:
    check_unreadable(tmp_path, manifest, studies=10_000, unreadable=700)
