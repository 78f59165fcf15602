"""Damaged and hostile NIfTI files: each ends in the one code that is stated for it, or is read right with a note."""

from __future__ import annotations

import gzip
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nifti_files import VOXELS, code_of, names, nifti_bytes, read_nifti, write_nifti
from reading import finding

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders import nifti

if TYPE_CHECKING:
    from collections.abc import Callable

FLOATS = VOXELS.astype(np.float32)
GOOD = b"".join(nifti_bytes())
PACKED = gzip.compress(GOOD, 6, mtime=0)
NAN, INF = float("nan"), float("inf")


def put(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def built(voxels: np.ndarray = VOXELS, **fields: Any) -> Callable[[], bytes]:
    return lambda: b"".join(nifti_bytes(voxels, **fields))


def extended(size: int) -> Callable[[], bytes]:
    return built(extensions=struct.pack("<ii8x", size, 4))


def with_value(value: float, kind: str = "f4") -> Callable[[], bytes]:
    voxels = VOXELS.astype(kind)
    voxels[3, 2, 1] = value
    return built(voxels)


REFUSED: dict[str, tuple[str, bytes | Callable[[], bytes]]] = {
    "empty.nii": ("EmptyFile", b""),
    "empty.nii.gz": ("EmptyFile", gzip.compress(b"")),
    "header cut.nii": ("Truncated", GOOD[:100]),
    "header cut by one.nii": ("Truncated", GOOD[:347]),
    "header 2 cut.nii": ("Truncated", built(version=2)),
    "half.nii": ("Truncated", GOOD[: 352 + (len(GOOD) - 352) // 2]),
    "one byte.nii": ("Truncated", GOOD[:-1]),
    "inner one byte.nii.gz": ("Truncated", gzip.compress(GOOD[:-1])),
    "gz half.nii.gz": ("Truncated", PACKED[: len(PACKED) // 2]),
    "gz trailer.nii.gz": ("Truncated", PACKED[:-8]),
    "gz crc.nii.gz": ("Corrupt", put(PACKED, len(PACKED) - 8, b"\0\1\2\3")),
    "gz flip.nii.gz": ("Corrupt", put(PACKED, len(PACKED) - 300, bytes([PACKED[-300] ^ 0x10]))),
    "magic.nii": ("NotNifti", put(GOOD, 344, b"xxxx")),
    "analyze.hdr": ("NotNifti", put(GOOD, 344, bytes(4))[:348]),
    "sizeof_hdr.nii": ("NotNifti", put(GOOD, 0, bytes(4))),
    "random.nii": ("NotNifti", np.random.default_rng(5).bytes(5000)),
    "dicom.nii": ("WrongFormat", bytes(128) + b"DICM" + bytes(400)),
    "html.nii.gz": ("WrongFormat", b"<html>404</html>"),
    "inside.nii.gz": ("WrongFormat", gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(600))),
    "png.img": ("WrongFormat", b"\x89PNG\r\n\x1a\n" + bytes(600)),
    "orphan.img": ("MissingPair", bytes(700)),
    "orphan.hdr": ("MissingPair", lambda: nifti_bytes(pair=True)[0]),
    "orphan.nii": ("MissingPair", lambda: nifti_bytes(pair=True)[0]),
    "dim0 0.nii": ("BadHeader", built(dim=[0, 8, 7, 6, 1, 1, 1, 1])),
    "dim0 9.nii": ("BadHeader", built(dim=[9, 8, 7, 6, 1, 1, 1, 1])),
    "dim0 200.nii": ("BadHeader", built(dim=[200, 8, 7, 6, 1, 1, 1, 1])),
    "negative dim.nii": ("BadHeader", built(dim=[3, 8, -7, 6, 1, 1, 1, 1])),
    "one axis.nii": ("WrongRank", built(dim=[1, 336, 1, 1, 1, 1, 1, 1])),
    "zero axis.nii": ("EmptyImage", built(dim=[3, 8, 0, 6, 1, 1, 1, 1])),
    "bomb.nii": ("SizeLimit", built(dim=[5, *[32767] * 5, 1, 1])),
    "bomb 2.nii": ("SizeLimit", built(version=2, dim=[3, *[2**40] * 3, 1, 1, 1, 1])),
    "4 GiB.nii": ("Truncated", built(FLOATS, dim=[3, 1024, 1024, 1024, 1, 1, 1, 1])),
    "4 GiB.nii.gz": ("Truncated", built(FLOATS, dim=[3, 1024, 1024, 1024, 1, 1, 1, 1])),
    "offset past.nii": ("BadHeader", built(vox_offset=1e9)),
    "offset past.nii.gz": ("BadHeader", built(vox_offset=2000)),
    "offset nan.nii": ("BadHeader", built(vox_offset=NAN)),
    "offset negative.nii": ("BadHeader", built(vox_offset=-352)),
    "offset inside.nii": ("BadHeader", built(vox_offset=16)),
    "offset broken.nii": ("BadHeader", built(vox_offset=352.5)),
    "datatype.nii": ("UnsupportedType", built(datatype=9999)),
    "rgb.nii": ("UnsupportedType", built(datatype=128, bitpix=24)),
    "rgba.nii": ("UnsupportedType", built(datatype=2304, bitpix=32)),
    "complex.nii": ("UnsupportedType", built(datatype=32, bitpix=64)),
    "bitpix.nii": ("BadHeader", built(bitpix=8)),
    "slope inf.nii": ("BadHeader", built(scl_slope=INF)),
    "intercept nan.nii": ("BadHeader", built(scl_inter=NAN)),
    "slope 1e38.nii": ("NonFinite", built(FLOATS, scl_slope=1e38)),
    "slope 1e38 int.nii": ("NonFinite", built(scl_slope=1e38)),
    "all nan.nii": ("NonFinite", built(FLOATS * np.float32(NAN))),
    "one inf.nii": ("NonFinite", with_value(INF)),
    "one nan.nii.gz": ("NonFinite", with_value(NAN)),
    "double.nii": ("NonFinite", with_value(1e300, "f8")),
    "big-endian inf.nii": (
        "NonFinite",
        built(np.where(FLOATS[1, 1, 1] == FLOATS, INF, FLOATS).astype("f4"), order=">"),
    ),
    "sform singular.nii": ("BadGeometry", built(srow_x=[0, 0, 0, 0])),
    "sform flat.nii": ("BadGeometry", built(srow_x=[1, 1, 0, 0], srow_y=[1, 1, 0, 0])),
    "sform nan.nii": ("BadGeometry", built(srow_z=[0, 0, NAN, 0])),
    "offset of qform nan.nii": ("BadGeometry", built(sform_code=0, qoffset_y=NAN)),
    "quaternion.nii": ("BadGeometry", built(sform_code=0, quatern_b=2, quatern_c=2, quatern_d=2)),
    "quaternion nan.nii": ("BadGeometry", built(sform_code=0, quatern_b=NAN)),
    "pixdim 0.nii": ("BadGeometry", built(pixdim=[1, 0, 0, 0, 0, 0, 0, 0])),
    "pixdim negative.nii": ("BadGeometry", built(pixdim=[1, -2, 2.5, 3, 0, 0, 0, 0])),
    "pixdim nan.nii": ("BadGeometry", built(pixdim=[1, NAN, 2.5, 3, 0, 0, 0, 0])),
    "left and right.nii": ("GeometryConflict", built(srow_x=[2, 0, 0, 0])),
    "extension 0.nii": ("BadHeader", extended(0)),
    "extension negative.nii": ("BadHeader", extended(-16)),
    "extension 2 GB.nii": ("BadHeader", extended(2**31 - 16)),
    "extension too long.nii.gz": ("BadHeader", extended(32)),
    "4-D.nii": ("WrongRank", built(np.stack([VOXELS] * 2, axis=-1))),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_each_damage_has_its_code_and_costs_neither_time_nor_memory(tmp_path: Path, name: str) -> None:
    code, content = REFUSED[name]
    content = content if isinstance(content, bytes) else content()
    if name == "header 2 cut.nii":
        content = content[:539]
    if name.endswith(".gz") and not isinstance(REFUSED[name][1], bytes):
        content = gzip.compress(content)
    path = tmp_path / name
    path.write_bytes(content)
    tracemalloc.start()
    start = time.perf_counter()
    assert code_of(path) == code
    assert time.perf_counter() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_offset_zero_is_read_behind_the_header(tmp_path: Path) -> None:
    scan = read_nifti(write_nifti(tmp_path / "a.nii", vox_offset=0))
    np.testing.assert_array_equal(scan.voxels, VOXELS[::-1].T)
    assert names(scan.notes) == ["OffsetAssumed"]


def test_both_files_of_a_bad_pair_fail_and_the_error_names_the_culprit(tmp_path: Path) -> None:
    header, voxels = nifti_bytes(pair=True)
    for name, first, second, culprit, code in (
        ("a", put(header, 344, b"xxxx"), voxels, "a.hdr", "NotNifti"),
        ("b", header, voxels[:-1], "b.img", "Truncated"),
        ("c", header, b"", "c.img", "EmptyFile"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.hdr").write_bytes(first)
        (folder / f"{name}.img").write_bytes(second)
        found = finding(nifti, folder)
        assert found.items == ()
        assert [entry.path.name for entry in found.failed] == [f"{name}.hdr", f"{name}.img"]
        assert {(entry.error.code, entry.error.path) for entry in found.failed} == {(code, str(folder / culprit))}


def test_limits_hold_before_anything_is_allocated(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii")
    assert code_of(path, max_bytes=VOXELS.nbytes) == ""
    assert code_of(path, max_bytes=VOXELS.nbytes - 1) == "SizeLimit"


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 MiB of zeros in 300 kB, with a header that says so."""
    header = nifti_bytes(VOXELS.astype(np.uint8), dim=[3, 1024, 1024, 300, 1, 1, 1, 1])[0]
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(2**20)
    path = tmp_path_factory.mktemp("bomb") / "a.nii.gz"
    path.write_bytes(packer.compress(header) + b"".join(packer.compress(zeros) for _ in range(300)) + packer.flush())
    return path


def test_a_bomb_whose_header_agrees_is_refused_by_its_ratio(bomb: Path) -> None:
    assert bomb.stat().st_size < 400_000
    assert code_of(bomb) == "SizeLimit"


def test_a_tail_is_not_inflated(tmp_path: Path, bomb: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(GOOD) + bomb.read_bytes())
    tracemalloc.start()
    scan = read_nifti(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert names(scan.notes) == ["TrailingData"]
    assert peak < 10e6


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_cut_anywhere_a_file_is_truncated(tmp_path: Path, suffix: str) -> None:
    content = GOOD if suffix == ".nii" else PACKED
    path = tmp_path / f"a{suffix}"
    codes = set()
    for cut in range(64, len(content), 64):
        path.write_bytes(content[:cut])
        codes.add(code_of(path))
    assert codes == {"Truncated"}


CODES = {
    "",
    "NotNifti",
    "BadHeader",
    "BadGeometry",
    "EmptyImage",
    "GeometryConflict",
    "MissingPair",
    "NonFinite",
    "SizeLimit",
    "Truncated",
    "UnsupportedType",
    "WrongRank",
}


@pytest.mark.parametrize("version", [1, 2])
def test_mutated_headers_end_in_typed_errors_or_readings(tmp_path: Path, version: int) -> None:
    """Any other exception, or an error without file, stage and cure, fails this test."""
    generator = np.random.default_rng(20_240 + version)
    content = b"".join(nifti_bytes(FLOATS, version=version))
    path = tmp_path / "a.nii"
    codes = []
    for _ in range(500):
        mutant = bytearray(content)
        for at in generator.integers(0, 352 if version == 1 else 544, generator.integers(1, 5)):
            mutant[at] = generator.integers(256)
        path.write_bytes(mutant)
        codes.append(code_of(path))
    assert set(codes) <= CODES
    assert len(set(codes)) > 5


EXPECTED = {
    "load": "",
    "load by magic (warn) or WrongContainer": "SuffixConflict",
    "SizeLimit before allocation": "SizeLimit",
    "Truncated before allocation": "Truncated",
    "load at 352 w/ warn or BadHeader": "OffsetAssumed",
    "convert or UnsupportedType": "UnsupportedType",
    "UnsupportedType (magnitude only if asked)": "UnsupportedType",
    "treat as no scaling, warn": "SlopeIgnored",
    "BadHeader/NonFinite": "BadHeader",
    "ConstantImage warning, row flagged, no NaN": "ConstantImage",
    "GeometryConflict, refused": "GeometryConflict",
    "NoOrientation warning": "NoOrientation",
    "BadHeader, <1 s": "BadHeader",
    "BadHeader, no allocation": "BadHeader",
    "load equal to control": "",
    "undetectable by header; range check warns": "NonFinite",
    "load + TrailingData warning": "TrailingData",
    "WrongRank unless time axis chosen": "WrongRank",
    "load, squeezed": "",
    "WrongFormat naming DICOM": "WrongFormat",
    "load unscaled": "",
    "assume mm, warn": "UnitUnknown",
    "convert to mm": "",
    "SizeLimit (configurable)": "SizeLimit",
    "load w/o inflating the tail, or TrailingData": "TrailingData",
}
"""Where the index offers a choice or words: the one code or note that holds here."""


@pytest.mark.real_data
def test_every_case_of_the_index_ends_as_stated() -> None:
    root = os.environ.get("MEDTRANSFER_DATA")
    if not root:
        pytest.skip("MEDTRANSFER_DATA is not set")
    folder = Path(root, "damaged", "nifti")
    rows = [line.split("\t") for line in (folder / "INDEX.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    assert len(rows) == 59
    control = read_nifti(folder / "00_good.nii")
    wrong = {}
    for name, _, stated in rows:
        expected = EXPECTED.get(stated, stated)
        try:
            scan = read_nifti(folder / name)
        except ReadError as error:
            found = error.code if error.path == str(folder / name) else "Nameless"
        else:
            found = " ".join(names(scan.notes))
            if expected == "SuffixConflict" or stated in {"load", "load equal to control", "load, squeezed"}:
                np.testing.assert_array_equal(scan.voxels, control.voxels, err_msg=name)
        if found != expected:
            wrong[name] = (found, expected)
    assert wrong == {}
    micron = read_nifti(folder / "56_units_micron.nii")
    np.testing.assert_allclose(np.asarray(micron.affine)[:3], np.asarray(control.affine)[:3] / 1000)
