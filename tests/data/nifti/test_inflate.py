"""Laws of inflating: the same bytes with isal and with zlib, whatever is asked for, and no damage unnoticed."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import isal_zlib
from nifti_files import code_of, names, read_nifti, write_nifti

from medtransfer.core.errors import ReadError
from medtransfer.data.nifti import inflate
from medtransfer.data.nifti.inflate import CHUNK, MOST, Inflated, after, content_of, fill

if TYPE_CHECKING:
    from pathlib import Path

NOISE = np.random.default_rng(3).integers(0, 64, 700_000).astype(np.uint8).tobytes()
FLAT = bytes(3_000_000)


@pytest.fixture(params=[isal_zlib, zlib], ids=["isal", "zlib"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "_engine", request.param)


@pytest.mark.parametrize("content", [b"", b"a", NOISE, FLAT, NOISE + FLAT + NOISE], ids=len)
@pytest.mark.parametrize("size", [1000, 65_537, CHUNK])
def test_pieces_of_any_size_make_up_the_content(tmp_path: Path, content: bytes, size: int) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(content))
    with content_of(path) as opened:
        assert opened.compressed
        assert len(content) <= opened.most <= MOST * path.stat().st_size
        pieces = list(iter(lambda: opened.stream.read(size), b""))
        assert isinstance(opened.stream, Inflated)
        assert after(opened.stream) == ""
    assert b"".join(pieces) == content
    assert all(len(piece) <= size for piece in pieces)


@settings(deadline=None, max_examples=15)
@given(places=st.lists(st.integers(0, len(NOISE) + 10), min_size=1, max_size=5))
def test_any_place_can_be_gone_to(tmp_path_factory: pytest.TempPathFactory, places: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.gz"
    path.write_bytes(gzip.compress(NOISE, 1))
    with content_of(path) as opened:
        for place in places:
            assert opened.stream.seek(place) == min(place, len(NOISE)) == opened.stream.tell()
            target = bytearray(100)
            count = fill(opened.stream, memoryview(target))
            assert bytes(target[:count]) == NOISE[place : place + 100]


def test_several_streams_are_one_content_and_padding_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one ") + bytes(100) + gzip.compress(b"two") + bytes(600_000))
    with content_of(path) as opened:
        target = bytearray(20)
        assert fill(opened.stream, memoryview(target)) == 7
        assert bytes(target[:7]) == b"one two"
        assert isinstance(opened.stream, Inflated)
        assert after(opened.stream) == ""


@pytest.mark.parametrize("behind", [b"x", b"more", b"\0\0x", b"\x1f", b"\x1f\x8c" + bytes(30)])
def test_what_follows_a_stream_is_told(tmp_path: Path, behind: bytes) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"content") + behind)
    with content_of(path) as opened:
        assert isinstance(opened.stream, Inflated)
        assert opened.stream.read(7) == b"content"
        assert after(opened.stream) == "bytes behind the compressed stream"


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    """Flips in time stamp, flags and system of the gzip header change nothing that is read."""
    path = write_nifti(tmp_path / "a.nii.gz")
    whole = path.read_bytes()
    voxels = read_nifti(path).voxels
    generator = np.random.default_rng(11)
    for at in generator.integers(10, len(whole), 120):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << int(generator.integers(8))
        path.write_bytes(flipped)
        if not code_of(path):
            scan = read_nifti(path)
            np.testing.assert_array_equal(scan.voxels, voxels)
            assert names(scan.notes) == ["TrailingData"], at


def test_what_the_system_refuses_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught, content_of(tmp_path):
        pass
    assert (caught.value.code, caught.value.path) == ("Unreadable", str(tmp_path))


def test_zlib_stands_in_where_isal_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"content")[:-1])
    program = (
        "import sys; sys.modules['isal'] = None\n"
        "from pathlib import Path\n"
        "from medtransfer.data.nifti.inflate import content_of\n"
        "try:\n"
        f"    with content_of(Path({str(path)!r})) as opened: print(opened.stream.read(), opened.stream.read())\n"
        "except Exception as error: print(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Truncated"
