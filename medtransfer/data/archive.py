"""Files inside zip archives, opened like any other: `scans.zip/inner/0001.dcm` is a path as any.

Nothing is ever unpacked to disk. The directory of an archive is checked once (`members`): names that lead elsewhere,
links, encrypted members and bombs are refused by name; a member is inflated into memory, no further than its
directory says, and its checksum compared. Reference: PKWARE APPNOTE 6.3.10, 4.3.7 (local header), 4.4 (fields).
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PureWindowsPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from medtransfer.core.config.data import ReadConfig
from medtransfer.core.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

MOST_MEMBERS: Final = 100_000
"""Members of one archive."""

MOST_BYTES: Final = 256 * 2**30
"""Bytes of all members together, inflated."""

FREE: Final = 256 * 2**20
"""Up to this size in bytes content may grow by any factor."""

_LIMITS = ReadConfig()
_SIGNATURE = b"PK\x03\x04"
_LARGEST_DIRECTORY = 64 * 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_STEP = 64 * 2**10


def opened(path: Path, *, buffered: bool = True) -> BinaryIO:
    """Open a file for reading, seekable; loaders use this and nothing else.

    Args:
        path: The file; it may lie in an archive.
        buffered: False for who reads in large pieces: that spares each file the making of a buffer.

    Raises:
        OSError: It cannot be opened.
        ReadError: It lies in an archive and is damaged there (`Corrupt`, `Truncated`), too large (`SizeLimit`), or may
            not be opened (`Encrypted`, `UnsafePath`).
    """
    try:
        return path.open("rb", buffering=-1 if buffered else 0)
    except NotADirectoryError:
        archive = _archive_of(path)
        if archive is None:
            raise
    return BytesIO(_member(archive, path, None))


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file; of a member of an archive, without the checksum.

    Raises:
        OSError, ReadError: As `opened`.
    """
    try:
        with path.open("rb") as handle:
            return handle.read(count)
    except NotADirectoryError:
        archive = _archive_of(path)
        if archive is None:
            raise
    return _member(archive, path, count)


def exists(path: Path) -> bool:
    """True where there is a file, on disk or in an archive."""
    if path.is_file():
        return True
    archive = _archive_of(path)
    try:
        return archive is not None and path in members(archive)
    except ReadError:
        return False


def is_archive(path: Path, head: bytes) -> bool:
    """True for a zip archive: it begins like one, and its name ends in .zip or has no suffix.

    Office documents, NumPy archives and checkpoints begin like one, too, and are files of their own.
    """
    return head.startswith((_SIGNATURE, b"PK\x05\x06")) and path.suffix.lower() in {".zip", ""}


def members(archive: Path) -> Mapping[Path, int | ReadError]:
    """The files of an archive: path below the archive → size, or the reason why it may not be opened.

    Raises:
        ReadError: `Corrupt`: it is no archive, or damaged; `SizeLimit`: it has too many members, or they grow beyond
            the limits; `Unreadable`.
    """
    return MappingProxyType(
        {path: found if isinstance(found, ReadError) else found.file_size for path, found in _listed(archive).items()}
    )


def _listed(archive: Path) -> Mapping[Path, zipfile.ZipInfo | ReadError]:
    try:
        state = archive.stat()
        return _directory(archive, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise _error("Unreadable", f"cannot be read: {error.strerror or error}", archive) from error


@lru_cache(maxsize=2)
def _directory(archive: Path, _: int, size: int) -> Mapping[Path, zipfile.ZipInfo | ReadError]:
    """The checked directory of an archive as it was at that time; no handle stays open."""
    try:
        with archive.open("rb") as handle:
            _check_directory_size(handle, archive, size)
            with zipfile.ZipFile(handle) as listing:
                entries = [entry for entry in listing.infolist() if entry.file_size or not entry.filename.endswith("/")]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, UnicodeError, EOFError) as error:
        raise _error("Corrupt", f"is no zip archive, or a damaged one: {error}", archive) from error
    if not all(entry.filename for entry in entries):
        raise _error("Corrupt", "holds a member without a name", archive)
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_MEMBERS:
        raise _error("SizeLimit", f"has {len(entries)} members, the limit is {MOST_MEMBERS}", archive)
    if total > MOST_BYTES or (total > FREE and total > _LIMITS.max_ratio * size):
        raise _error("SizeLimit", f"grows from {size} to {total} bytes", archive)
    found: dict[Path, zipfile.ZipInfo | ReadError] = {}
    for entry in entries:
        path = Path(f"{archive}/{entry.filename}")
        if path in found:
            found[path] = _error("Corrupt", "stands in its archive twice", path)
        elif entry.filename.endswith("/"):
            found[path] = _error("Corrupt", "is a folder by its name, and has content", path)
        else:
            found[path] = _allowed(entry, path)
    return MappingProxyType(found)


def _check_directory_size(handle: BinaryIO, archive: Path, size: int) -> None:
    """Look at the end record first: the directory it declares is read at once."""
    handle.seek(max(0, size - 2**16 - 22))
    tail = handle.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and len(tail) >= at + 16 and struct.unpack_from("<L", tail, at + 12)[0] > _LARGEST_DIRECTORY:
        raise _error("SizeLimit", f"declares a directory above {_LARGEST_DIRECTORY >> 20} MiB", archive)
    handle.seek(0)


def _allowed(entry: zipfile.ZipInfo, path: Path) -> zipfile.ZipInfo | ReadError:
    name = entry.filename
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or not set(parts) - {"", "."} or name.startswith(("/", "\\")) or PureWindowsPath(name).drive:
        return _error("UnsafePath", f"the archive holds a member named {name}", path)
    if stat.S_ISLNK(entry.external_attr >> 16):
        return _error("UnsafePath", "the archive holds a link", path)
    if entry.flag_bits & 0x1:
        return _error("Encrypted", "is encrypted", path)
    if entry.compress_type not in _METHODS:
        return _error("UnsupportedArchive", f"is compressed by method {entry.compress_type}", path)
    grows = entry.file_size > FREE and entry.file_size > _LIMITS.max_ratio * max(entry.compress_size, 1)
    if entry.file_size > _LIMITS.max_bytes or grows:
        return _error("SizeLimit", f"grows from {entry.compress_size} to {entry.file_size} bytes", path)
    return entry


def _archive_of(path: Path) -> Path | None:
    """The file that stands where a folder should."""
    return next((parent for parent in path.parents if parent.is_file()), None)


def _member(archive: Path, path: Path, count: int | None) -> bytes:
    """The content of a member, or its first bytes."""
    entry = _listed(archive).get(path)
    if entry is None:
        raise FileNotFoundError(2, "no such file in the archive", str(path))
    if isinstance(entry, ReadError):
        raise entry
    wanted = entry.file_size if count is None else min(count, entry.file_size)
    with archive.open("rb") as handle:
        handle.seek(entry.header_offset)
        local = handle.read(30)
        if len(local) < 30 or not local.startswith(_SIGNATURE):
            raise _error("Corrupt", "does not stand where the archive's directory says", path)
        handle.seek(sum(struct.unpack_from("<HH", local, 26)), 1)
        content = _inflated(handle, entry, wanted, path)
    if len(content) < wanted:
        raise _error("Corrupt", f"holds {len(content)} bytes where the archive says {entry.file_size}", path)
    if count is None and zlib.crc32(content) != entry.CRC:
        raise _error("Corrupt", "does not have the checksum that the archive says", path)
    return content


def _inflated(handle: BinaryIO, entry: zipfile.ZipInfo, wanted: int, path: Path) -> bytes:
    """The first bytes of a member; one more than wanted at most, where it holds more than it says."""
    if entry.compress_type == zipfile.ZIP_STORED:
        return handle.read(min(wanted, entry.compress_size))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content, left = BytesIO(), entry.compress_size
    try:
        while content.tell() < wanted and not inflater.eof:
            step = inflater.unconsumed_tail or handle.read(min(_STEP, left))
            if not inflater.unconsumed_tail:
                left -= len(step)
            if not step:
                break
            content.write(inflater.decompress(step, wanted - content.tell()))
    except zlib.error as error:
        raise _error("Corrupt", f"is damaged inside its archive: {error}", path) from error
    return content.getvalue()


def _error(code: str, message: str, path: Path) -> ReadError:
    cure = {
        "Encrypted": "Unpack the archive with its password first.",
        "UnsafePath": "Check where the archive comes from; unpack it by hand if you trust it.",
        "UnsupportedArchive": "Unpack the archive first.",
        "SizeLimit": "Check where the archive comes from; unpack it by hand if it is what it should be.",
        "Unreadable": "Check the permissions.",
    }
    return ReadError(message, code=code, path=path, hint=cure.get(code, "Copy the archive again."))
