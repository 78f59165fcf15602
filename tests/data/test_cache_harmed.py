"""The cache is never trusted where it is damaged, whoever was killed, and whoever writes beside."""

from __future__ import annotations

import errno
import gc
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cached_cohorts import count_decoding, grey, many, messy, prepared, values
from safetensors.numpy import load_file

from medtransfer.core.errors import OutputError
from medtransfer.data.stored import shards

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 8)


def _no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def _rename(path: Path) -> None:
    path.rename(path.with_name(path.name[:-14] + "0" * 2 + path.suffix))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage", [Path.unlink, _shorten, _lengthen, _no_text, _rename, _empty], ids=lambda f: f.__name__
)
def test_a_damaged_shard_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None], small_shards: None
) -> None:
    cohort = many(tmp_path / "data", 10)
    first = prepared(cohort, tmp_path / "cache")
    expected = np.array(values(first))
    files = sorted((tmp_path / "cache").rglob("*.safetensors"))
    assert len(files) == 3
    lost = sum(len(load_file(files[1])) for _ in [0])
    del first
    damage(files[1])
    decoded = count_decoding(monkeypatch)
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), expected)
    assert len(decoded) == lost
    decoded.clear()
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), expected)
    assert not decoded
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 3, "the damaged one is gone"


def test_sixty_flipped_bits_are_all_found_and_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    """Header and data alike; a flip in the data costs its own case only."""
    cohort = many(tmp_path / "data", 8)
    expected = np.array(values(prepared(cohort, tmp_path / "cache")))
    generator = np.random.default_rng(3)
    decoded = count_decoding(monkeypatch)
    pristine = tmp_path / "pristine"
    shutil.copytree(tmp_path / "cache", pristine)
    costs = []
    for flip in range(60):
        shutil.rmtree(tmp_path / "cache")
        shutil.copytree(pristine, tmp_path / "cache")
        files = sorted((tmp_path / "cache").rglob("*.safetensors"))
        file = files[flip % len(files)]
        damaged = bytearray(file.read_bytes())
        header = 8 + int.from_bytes(damaged[:8], "little")
        place = int(generator.integers(header) if flip < 20 else generator.integers(header, len(damaged)))
        damaged[place] ^= 1 << int(generator.integers(8))
        file.write_bytes(bytes(damaged))
        decoded.clear()
        assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), expected), (flip, place)
        costs.append(len(decoded))
    assert costs == [4] * 20 + [1] * 40


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path, small_shards: None) -> None:
    cohort = many(tmp_path / "data", 5)
    prepared(cohort, tmp_path / "cache")
    (home,) = (tmp_path / "cache").iterdir()
    (home / ".abc.safetensors.123.part").write_bytes(b"half")
    grey(tmp_path / "data", "001.png", 5)
    prepared(cohort, tmp_path / "cache")
    assert not list(home.glob(".*.part"))


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    cohort = messy(tmp_path / "data")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        prepared(cohort, tmp_path / "file" / "cache")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_a_mapped_shard_holds_one_descriptor_at_most(tmp_path: Path, small_shards: None) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    cohort = many(tmp_path / "data", 12)
    prepared(cohort, tmp_path / "cache")
    gc.collect()
    before = descriptors()
    found = prepared(cohort, tmp_path / "cache")
    assert len(found.arrays) == 12
    assert descriptors() - before <= (0 if sys.version_info >= (3, 13) else 3)


def test_too_many_open_files_is_said_and_costs_no_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = many(tmp_path / "data", 3)
    first = values(prepared(cohort, tmp_path / "cache"))

    def full(_: int) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(shards, "_map", full)
        decoded = count_decoding(patched)
        with pytest.raises(OutputError) as caught:
            prepared(cohort, tmp_path / "cache")
    assert (caught.value.code, decoded) == ("TooManyFiles", [])
    assert "ulimit" in (caught.value.hint or "")
    decoded = count_decoding(monkeypatch)
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), first)
    assert not decoded


WRITER = """
import sys
from pathlib import Path
from medtransfer.core.config.data import PreprocessConfig
from medtransfer.data.stored import store
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import read_cohort
store.SHARD_BYTES = 4 * 2 * 32 ** 2
print("ready", flush=True)
sys.stdin.readline()
found = prepare_cohort(read_cohort(sys.argv[1]), preprocess=PreprocessConfig(size=32), folder=Path(sys.argv[2]))
import hashlib
print(hashlib.sha256(b"".join(planes.tobytes() for planes in found.arrays)).hexdigest(), flush=True)
"""


def start_writer(data: Path, folder: Path) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(data), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    return writer


def go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("\n")
    writer.stdin.flush()


@pytest.mark.parametrize("writers", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_concurrent_writers_leave_one_valid_result(tmp_path: Path, writers: int) -> None:
    cohort = many(tmp_path / "data", 40)
    running = [start_writer(tmp_path / "data", tmp_path / "cache") for _ in range(writers)]
    for writer in running:
        go(writer)
    said = {writer.communicate(timeout=120)[0] for writer in running}
    assert all(writer.returncode == 0 for writer in running)
    assert len(said) == 1
    files = list((tmp_path / "cache").rglob("*.safetensors"))
    assert sum(len(load_file(file)) for file in files) == 40, "the work was done once"
    alone = prepared(cohort, tmp_path / "alone")
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), values(alone))


@pytest.mark.parametrize("kills", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_killed_writers_leave_nothing_that_is_wrongly_believed(
    tmp_path: Path, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = many(tmp_path / "data", 60)
    expected = values(prepared(cohort, tmp_path / "whole"))
    generator = np.random.default_rng(5)
    cut_short = 0
    for kill in range(kills):
        folder = tmp_path / f"cache{kill % 5}"  # some are killed again and again in the same folder
        writer = start_writer(tmp_path / "data", folder)
        go(writer)
        time.sleep(float(generator.uniform(0.01, 0.4)))
        writer.send_signal(signal.SIGKILL)
        cut_short += writer.wait(timeout=60) == -signal.SIGKILL
        writer.communicate()
    assert cut_short >= kills // 3
    decoded = count_decoding(monkeypatch)
    for folder in sorted(tmp_path.glob("cache*")):
        whole = sum(len(load_file(file)) for file in folder.rglob("*.safetensors"))
        decoded.clear()
        assert np.array_equal(values(prepared(cohort, folder)), expected)
        assert len(decoded) == 60 - whole, "what was written whole is used"
        assert not list(folder.rglob("*.part"))
