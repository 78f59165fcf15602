"""Prepared cases on disk: some dozens a file, written once, never changed.

    u64 length, little endian
    header     JSON: per case its tensor (type U16, shape `plane channel row column`), and in `__metadata__` what it is
    data       the tensors one after the other, 65,535 stands for 1

That is a safetensors file, so that any reader of the format opens it. A shard is named by the SHA-256 of its length and
header, and the header holds the SHA-256 of every case's bytes: no flipped bit, shortened file or other file under its
name goes unnoticed. Reference: github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import mmap
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from medtransfer.core.errors import OutputError
from medtransfer.core.files import written_whole
from medtransfer.core.records import Record
from medtransfer.core.types import MixedPlanes, PreparedPlanes
from medtransfer.data.places import View

SUFFIX: Final = ".safetensors"
_LENGTH, _LONGEST_HEADER, _META = 8, 1 << 28, "medtransfer"
_PIECE = 2 * 2**20
"""Written in pieces as large as a huge page, a file lies in the page cache in few parts, and maps the faster."""

_NO_ROOM: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class Stored(Record):
    """What a shard says of one case. No path and no identifier: shards outlive the cohort they were made for."""

    key: str
    """Digest of everything that the values depend on."""
    shape: tuple[int, int, int, int]
    """`plane channel row column`."""
    views: tuple[View, ...]
    """What the planes are, one view after the other."""
    sha256: str
    """Of the case's bytes."""
    loader: str
    modality: str
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes."""
        return 2 * math.prod(self.shape)


class _Meta(Record):
    cases: tuple[Stored, ...]


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard whose header is intact; its data have to be verified case by case.

    Attributes:
        path: The file.
        cases: What it holds, in the order of the data.
        offsets: Where each case's bytes begin.
    """

    path: Path
    cases: tuple[Stored, ...]
    offsets: tuple[int, ...]


class Mapped:
    """The bytes of one shard, mapped read-only."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        with shard.path.open("rb") as handle:
            self._map = _map(handle.fileno())
        self._bytes = np.frombuffer(self._map, dtype=np.uint8)

    def case(self, index: int) -> PreparedPlanes:
        """A view of one case's planes."""
        stored, start = self.shard.cases[index], self.shard.offsets[index]
        return self._bytes[start : start + stored.size].view("<u2").reshape(stored.shape)

    def is_intact(self, index: int) -> bool:
        """Are the bytes those that were written?"""
        stored, start = self.shard.cases[index], self.shard.offsets[index]
        return hashlib.sha256(self._bytes[start : start + stored.size].data).hexdigest() == stored.sha256

    def release(self) -> None:
        """Hand the pages that were looked at back to the system: views stay valid, pages return when touched."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def _map(descriptor: int) -> mmap.mmap:
    """Before Python 3.13, a map keeps a descriptor of its own, which nothing here needs."""
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ, trackfd=False)
    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)


def write_shard(folder: Path, cases: list[tuple[Stored, MixedPlanes]]) -> Shard:
    """Write some cases as one shard, whole or not at all; `sha256` and `shape` are filled in.

    Raises:
        OutputError: The folder cannot be written to.
    """
    arrays = [np.ascontiguousarray(planes, dtype="<u2") for _, planes in cases]
    entries = tuple(
        stored.model_copy(update={"shape": planes.shape, "sha256": hashlib.sha256(planes.data).hexdigest()})
        for (stored, _), planes in zip(cases, arrays, strict=True)
    )
    header = _header(entries)
    path = folder / f"{hashlib.sha256(header).hexdigest()}{SUFFIX}"
    with written_whole(path, private=True) as temporary, temporary.open("wb", buffering=_PIECE) as handle:
        handle.write(header)
        for planes in arrays:
            handle.write(planes.data)
        handle.flush()
        os.fsync(handle.fileno())
    return Shard(path=path, cases=entries, offsets=_offsets(entries, len(header)))


def map_shard(shard: Shard) -> Mapped | None:
    """Map a shard; None where it went between two looks, or the disk fails.

    Raises:
        OutputError: `TooManyFiles`.
    """
    try:
        return Mapped(shard)
    except (OSError, ValueError) as error:
        _require_room(error, shard.path)
        return None


def read_shard(path: Path) -> Shard | None:
    """Open a shard by its header; None where header or size are not what was written, or it is gone.

    Raises:
        OutputError: `TooManyFiles`.
    """
    try:
        with path.open("rb") as handle:
            length = int.from_bytes(handle.read(_LENGTH), "little")
            if length > min(_LONGEST_HEADER, path.stat().st_size):
                return None
            header = length.to_bytes(_LENGTH, "little") + handle.read(length)
            size = os.fstat(handle.fileno()).st_size
        if hashlib.sha256(header).hexdigest() != path.stem:
            return None
        content: dict[str, Any] = json.loads(header[_LENGTH:])
        entries = _Meta.model_validate_json(content["__metadata__"][_META]).cases
    except OSError as error:
        _require_room(error, path)
        return None
    except (ValueError, KeyError, TypeError, ValidationError):
        return None
    offsets = _offsets(entries, len(header))
    viewed = all(entry.shape[0] == sum(view.planes for view in entry.views) for entry in entries)
    if not viewed or size != len(header) + sum(entry.size for entry in entries):
        return None
    return Shard(path=path, cases=entries, offsets=offsets)


def _require_room(error: Exception, path: Path) -> None:
    """A shard that this process may not open now is no damaged shard: it must be neither made again nor removed."""
    if getattr(error, "errno", None) in _NO_ROOM:
        raise OutputError(
            "cannot be opened: this process has as many files open as the system allows",
            code="TooManyFiles",
            path=path,
            hint="Allow more with `ulimit -n`; each holds 64 MiB of prepared cases or more.",
        ) from error


def _header(entries: tuple[Stored, ...]) -> bytes:
    content: dict[str, Any] = {"__metadata__": {_META: _Meta(cases=entries).model_dump_json()}}
    start = 0
    for index, entry in enumerate(entries):
        content[f"case_{index:06}"] = {
            "dtype": "U16",
            "shape": entry.shape,
            "data_offsets": (start, start + entry.size),
        }
        start += entry.size
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)  # so that the data are aligned
    return len(text).to_bytes(_LENGTH, "little") + text


def _offsets(entries: tuple[Stored, ...], start: int) -> tuple[int, ...]:
    offsets = []
    for entry in entries:
        offsets.append(start)
        start += entry.size
    return tuple(offsets)
