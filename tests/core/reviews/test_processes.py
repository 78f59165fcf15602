"""Several processes append at once, and any of them may be killed: the chain never forks, and nothing is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from medtransfer.core.reviews.store import Reviews

SAY = r"""
import os, sys, threading
from pathlib import Path
from medtransfer.core.reviews.store import Reviews
path, who, threads, entries = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
reviews = Reviews(path)
def say():
    for number in range(entries):
        entry = reviews.append("impression", who=who, study="s", study_sha256="s", bundle_sha256="b", shown={},
                               content={"number": number, "thread": threading.get_ident()})
        os.write(1, f"{entry.number}:{entry.digest}\n".encode())
all = [threading.Thread(target=say) for _ in range(threads)]
[thread.start() for thread in all]
[thread.join() for thread in all]
"""


def start(path: Path, who: str, *, threads: int, entries: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", SAY, str(path), who, str(threads), str(entries)]
    return subprocess.Popen(words, stdout=subprocess.PIPE)


def test_processes_and_threads_append_to_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "new" / "reviews.sqlite"
    writers = [start(path, who, threads=3, entries=8) for who in ("anna", "boris", "carla")]
    said = [line for writer in writers for line in writer.communicate(timeout=120)[0].decode().split()]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    with Reviews(path) as reviews:
        assert reviews.verify() == ""
        entries = reviews.entries()
        assert {f"{entry.number}:{entry.digest}" for entry in entries} == set(said)
        assert len(entries) == len(said) == 72
        assert reviews.head().number == 72
    for writer in ("anna", "boris", "carla"):
        assert len([entry for entry in entries if entry.who == writer]) == 24


def test_what_was_acknowledged_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "reviews.sqlite"
    chance, acknowledged = random.Random(0), []
    for _ in range(12):
        with start(path, "anna", threads=2, entries=10_000) as writer:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline() for _ in range(chance.randrange(1, 8))]
            time.sleep(chance.uniform(0, 0.03))
            writer.send_signal(signal.SIGKILL)
            acknowledged += [line for line in writer.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
        with Reviews.existing(path) as reviews:
            assert reviews.verify() == ""
            there = {f"{entry.number}:{entry.digest}\n".encode() for entry in reviews.entries()}
        assert set(acknowledged) <= there


def test_a_kill_while_the_file_is_made_leaves_one_that_serves(tmp_path: Path) -> None:
    chance = random.Random(1)
    for number in range(8):
        path = tmp_path / str(number) / "reviews.sqlite"
        with start(path, "anna", threads=1, entries=1) as writer:
            until = time.monotonic() + 30
            while not path.exists() and time.monotonic() < until:
                time.sleep(0.001)
            assert path.exists()
            time.sleep(chance.uniform(0, 0.03))
            writer.send_signal(signal.SIGKILL)
        with Reviews(path) as reviews:
            assert reviews.verify() == ""
            reviews.append("claim", who="a", study="s", study_sha256="s", bundle_sha256="b", shown={}, content={})
            assert reviews.verify() == ""
