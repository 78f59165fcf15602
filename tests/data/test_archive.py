"""Zip archives stand for their members; nothing in them leads elsewhere or fills the memory."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import ReadError
from medtransfer.data import archive as archives
from medtransfer.data.archive import exists, first_bytes, members, opened
from medtransfer.data.ingest import ingest
from medtransfer.data.walk import files_below

LINK = 0o120777 << 16


def packed(path: Path, *entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            out.writestr(info, content)
    return path


def codes(place: Path) -> dict[str, str]:
    """Path below `place` → code of the failure."""
    below = files_below(place)
    return {str(entry.path.relative_to(place)): entry.error.code for entry in below.failed}


@settings(deadline=None, max_examples=40)
@given(content=st.binary(max_size=5000), method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_members_read_as_they_were_packed(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, method: int
) -> None:
    path = packed(tmp_path_factory.mktemp("zip") / "a.zip", ("x/y", content), ("z", b"other"), method=method)
    with opened(path / "x" / "y") as handle:
        assert handle.read() == content
        handle.seek(0)
        assert handle.read(7) == content[:7]
    assert first_bytes(path / "x" / "y", 512) == content[:512]
    assert dict(members(path)) == {path / "x" / "y": len(content), path / "z": 5}


def test_an_archive_stands_for_its_members(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"p")
    packed(tmp_path / "b.zip", ("inner/one", b"1" * 600), ("two", b"2"), ("folder/", b""))
    below = files_below(tmp_path)
    assert [(str(file.path.relative_to(tmp_path)), file.size) for file in below.files] == [
        ("b.zip/inner/one", 600),
        ("b.zip/two", 1),
        ("plain", 1),
    ]
    assert below.files[0].head == b"1" * 512
    assert below.failed == ()
    assert exists(tmp_path / "b.zip" / "two")
    assert not exists(tmp_path / "b.zip" / "three")
    assert not exists(tmp_path / "plain" / "three")


def test_office_documents_and_checkpoints_are_files(tmp_path: Path) -> None:
    for name in ("table.xlsx", "arrays.npz", "weights.pt", "slides.pptx"):
        packed(tmp_path / name, ("inside", b"1"))
    assert [file.path.name for file in files_below(tmp_path).files] == [
        "arrays.npz",
        "slides.pptx",
        "table.xlsx",
        "weights.pt",
    ]


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/etc/passwd", "C:\\out", "C:out", "..\\out", "\\\\host\\out"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    packed(tmp_path / "a.zip", (name, b"x"), ("good", b"y"))
    below = files_below(tmp_path)
    assert [file.path.name for file in below.files] == ["good"]
    (failure,) = below.failed
    assert failure.error.code == "UnsafePath"
    with pytest.raises(ReadError, match="UnsafePath"):
        opened(failure.path)


def test_links_encrypted_members_and_twins_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        link = zipfile.ZipInfo("link")
        link.external_attr = LINK
        out.writestr(link, "/etc/passwd")
        out.writestr("secret", b"x")
        out.writestr("twin", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            out.writestr("twin", b"2")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    at = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    content[at + 8] |= 1  # the flag of the second entry of the directory: encrypted
    (tmp_path / "a.zip").write_bytes(content)
    assert codes(tmp_path) == {"a.zip/link": "UnsafePath", "a.zip/secret": "Encrypted", "a.zip/twin": "Corrupt"}


def test_damage_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("x", b"abcdefgh" * 50), method=zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"abcdefgh", b"abcdefgx", 1))
    with pytest.raises(ReadError) as caught:
        opened(path / "x")
    assert (caught.value.code, caught.value.path) == ("Corrupt", str(path / "x"))


@pytest.mark.parametrize("cut", [4, 30, 60, 90])
def test_a_cut_archive_is_corrupt(tmp_path: Path, cut: int) -> None:
    path = packed(tmp_path / "a.zip", ("x", bytes(range(256))))
    path.write_bytes(path.read_bytes()[:cut])
    assert codes(tmp_path) == {"a.zip": "Corrupt"}


@settings(deadline=None, max_examples=150)
@given(at=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_flipped_byte_gives_the_content_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    path = packed(tmp_path_factory.mktemp("zip") / "a.zip", ("x", b"some content " * 9), ("y", b"z"))
    content = bytearray(path.read_bytes())
    content[at % len(content)] = value
    path.write_bytes(content)
    for file in files_below(path.parent).files:
        try:
            with opened(file.path) as handle:
                read = handle.read()
        except ReadError as error:
            read = error.code
        assert read in {b"some content " * 9, b"z", bytes(content), "Corrupt", "SizeLimit", "UnsupportedArchive"}


def test_bombs_are_refused_before_they_are_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE", 2**16)
    packed(tmp_path / "a.zip", ("bomb", bytes(2**20)), ("noise", bytes(range(256)) * 2))
    assert codes(tmp_path) == {"a.zip": "SizeLimit"}


def test_a_member_that_lies_about_its_size_is_corrupt(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("x", bytes(2**20)))
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 24
    for claimed in (2**20 - 1, 2**20 + 1):
        path.write_bytes(content[:at] + struct.pack("<L", claimed) + content[at + 4 :])
        with pytest.raises(ReadError) as caught:
            opened(path / "x")
        assert caught.value.code == "Corrupt"


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    packed(tmp_path / "a.zip", *((str(k), b"") for k in range(4)))
    assert codes(tmp_path) == {"a.zip": "SizeLimit"}


def test_archives_in_archives_are_left_out_by_rule(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as out:
        out.writestr("deep", b"x")
    packed(tmp_path / "a.zip", ("inner.zip", inner.getvalue()), ("note.txt", b"n"))
    (left_out,) = files_below(tmp_path).excluded
    assert (left_out.path, left_out.rule) == (tmp_path / "a.zip" / "inner.zip", "nested_archive")
    _, ledger = ingest(tmp_path)
    assert ledger.counts() == {"inputs": 2, "read": 0, "excluded": 2, "failed": 0}


def test_an_empty_archive_is_an_entry_of_its_own(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip")
    assert codes(tmp_path) == {"a.zip": "EmptyArchive"}


def test_many_members_are_not_quadratic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.zip", *((f"{k:05d}", b"%d" % k) for k in range(2000)), method=zipfile.ZIP_STORED)
    listings = []
    listed = zipfile.ZipFile
    monkeypatch.setattr(archives.zipfile, "ZipFile", lambda handle: listings.append(1) or listed(handle))
    assert len(files_below(path).files) == 2000
    assert opened(path / "01999").read() == b"1999"
    assert len(listings) == 1


def test_a_changed_archive_is_listed_anew(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("old", b"1"))
    assert opened(path / "old").read() == b"1"
    packed(path, ("new", b"22"))
    assert opened(path / "new").read() == b"22"
    with pytest.raises(FileNotFoundError):
        opened(path / "old")


@pytest.mark.parametrize("name", [".", "./.", "//"])
def test_a_member_without_a_name_of_its_own_never_stands_for_the_archive(tmp_path: Path, name: str) -> None:
    packed(tmp_path / "a.zip", (name, b"x"), ("good", b"y"))
    assert [file.path.name for file in files_below(tmp_path).files] == ["good"]
    assert len(codes(tmp_path)) == 1


def test_a_folder_with_content_is_not_passed_over(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", ("empty/", b""), ("scan.dcm/", b"DICM"), ("good", b"y"))
    assert codes(tmp_path) == {"a.zip/scan.dcm": "Corrupt"}


def test_a_name_too_long_for_the_system_costs_itself_only(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", ("first", b"1"), ("b/" * 20_000 + "c", b"2"), ("zz", b"3"))
    below = files_below(tmp_path)
    assert [file.path.name for file in below.files] == ["first", "zz"]
    assert [entry.error.code for entry in below.failed] == ["Unreadable"]
