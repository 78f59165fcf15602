"""Laws of files: whole or not at all, whatever goes wrong and whenever."""

from __future__ import annotations

import errno
import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import OutputError
from medtransfer.core.files import (
    file_digest,
    patient_digest,
    same_files,
    text_digest,
    writable_folder,
    write_bytes,
    write_text,
    written_whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, NEW = b"old" * 100, b"new" * 1000

CALLS = (("fsync", os), ("open", os), ("replace", os), ("mkdir", os), ("close", os), ("open", io))
"""Every call into the system that writing makes."""


def failing(call: Callable[..., Any], count: list[int], at: int) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        if count[0] == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return call(*args, **kwargs)

    return counted


@pytest.mark.parametrize("existed", [True, False])
def test_a_fault_at_any_call_leaves_old_or_new_content_never_half(tmp_path: Path, existed: bool) -> None:
    path = tmp_path / "deeper" / "file.bin"
    faults = 0
    for at in range(1, 50):
        if existed:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(OLD)
        else:
            path.unlink(missing_ok=True)
        count = [0]
        with pytest.MonkeyPatch.context() as patch:
            for name, module in CALLS:
                patch.setattr(module, name, failing(getattr(module, name), count, at))
            error: OutputError | None = None
            try:
                write_bytes(path, NEW)
            except OutputError as caught:
                error = caught
        names = {p.name for p in path.parent.iterdir()} if path.parent.exists() else set()
        content = path.read_bytes() if path.exists() else None
        assert names <= {"file.bin"}
        assert content in ({OLD, NEW} if existed else {None, NEW})
        if count[0] < at:
            assert error is None
            assert content == NEW
            break
        if error is None:  # making a folder that is there already may fail
            assert content == NEW
            continue
        assert (error.code, error.exit_code) == ("Unwritable", 2)
        assert "No space left" in str(error)
        faults += 1
    else:
        pytest.fail("writing never came to an end")
    assert faults >= 6


def test_who_reads_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)
    with path.open("rb") as reader:
        start = reader.read(10)
        write_bytes(path, NEW)
        assert start + reader.read() == OLD
    assert path.read_bytes() == NEW


def test_half_a_file_written_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)

    def body() -> None:
        with written_whole(path) as temporary:
            temporary.write_bytes(NEW[:10])
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OutputError, match="Input/output error"):
        body()
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, MemoryError])
def test_an_error_in_the_body_passes_and_leaves_the_old_file(tmp_path: Path, kind: type[BaseException]) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)

    def body() -> None:
        with written_whole(path) as temporary:
            temporary.write_bytes(NEW)
            raise kind

    with pytest.raises(kind):
        body()
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    program = (
        "import sys\nfrom pathlib import Path\nfrom medtransfer.core.files import write_bytes\n"
        "for i in range(10**9):\n"
        "    write_bytes(Path(sys.argv[1]), bytes([i % 251]) * 300_000)\n    print(i, flush=True)\n"
    )
    for pause in (0.0, 0.003, 0.011):
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1


def test_folders_are_made_and_text_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "text.txt"
    write_text(path, "λ = ∞\n")
    assert path.read_bytes() == "λ = ∞\n".encode()


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(OLD)
    for folder in (file, file / "below"):
        with pytest.raises(OutputError) as caught:
            writable_folder(folder)
        assert caught.value.code == "Unwritable"
        assert caught.value.path == str(folder)
    with pytest.raises(OutputError):
        write_bytes(file / "below" / "other", NEW)
    assert file.read_bytes() == OLD


def test_a_writable_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert writable_folder(folder) == folder
    assert writable_folder(folder) == folder
    assert list(folder.iterdir()) == []


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_equal_digests_mean_equal_parts(first: list[str], second: list[str]) -> None:
    assert (text_digest(*first) == text_digest(*second)) == (first == second)


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=1), st.randoms(use_true_random=False))
def test_parts_cannot_run_into_each_other(text: str, chance: random.Random) -> None:
    cut = chance.randrange(len(text))
    assert text_digest(text) != text_digest(text[:cut], text[cut:])
    assert text_digest(text, "") != text_digest("", text)


def test_digests_are_sha_256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert file_digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert text_digest() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_patients_digest_does_not_hold_the_identifier() -> None:
    assert patient_digest("007") != patient_digest("7")
    assert len(patient_digest("MRN-1234567")) == 32
    assert "1234567" not in patient_digest("MRN-1234567")


def test_same_files_are_found_by_their_bytes_alone(tmp_path: Path) -> None:
    for name, content in {"a": b"one", "b": b"two", "c": b"three", "copy": b"two", "other": b"owt"}.items():
        (tmp_path / name).write_bytes(content)
    ours = [tmp_path / name for name in ("a", "b", "c", "absent")]
    theirs = [tmp_path / name for name in ("other", "copy", "absent")]
    assert same_files(ours, theirs) == [tmp_path / "copy"]
