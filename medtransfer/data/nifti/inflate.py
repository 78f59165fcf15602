"""The content of a file, inflated where it is gzip, whatever the file is called.

isal inflates about four times as fast as zlib; where it is not installed, zlib does the same through the same
interface. Both compare length and CRC-32 with the trailer when the end of a stream is reached.
Reference: RFC 1952 (gzip), RFC 1951 (deflate).
"""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line
from medtransfer.data.archive import opened

try:
    from isal import isal_zlib as _engine

    _DAMAGED = (cast("type[Exception]", _engine.error), zlib.error)
except ImportError:  # no wheel for this platform
    _engine = zlib
    _DAMAGED = (zlib.error,)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC: Final = b"\x1f\x8b"

MOST: Final = 1032
"""Deflate cannot do better: 258 bytes from two bits."""

CHUNK: Final = 1 << 20
"""Bytes read at a time: they stay in the processor's cache."""

_INPUT = 1 << 18
_GZIP = 31  # zlib's `wbits`: a gzip header, a window of 32 KiB, and a trailer that is compared


class Inflated(BufferedIOBase):
    """The content of a gzip file, forwards; several streams one after the other are one content.

    It ends where the file does, or where something else than a stream follows: then `is_followed` is true. Zeros
    behind a stream are padding. An `EOFError` says that the file breaks off inside a stream.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._rewind()

    def _rewind(self) -> None:
        self._handle.seek(0)
        self._engine: Any = _engine.decompressobj(_GZIP)
        self._next = b""
        self._at = 0
        self.is_followed = False

    def read(self, size: int | None = CHUNK, /) -> bytes:
        """At least one byte and at most `size`, or `CHUNK` where no size is given; none at the end."""
        while not self.is_followed:
            if self._engine.eof and not self._next_stream():
                break
            given = self._next or self._engine.unconsumed_tail or self._handle.read(_INPUT)
            self._next = b""
            piece = self._engine.decompress(given, size if size and size > 0 else CHUNK)
            if piece:
                self._at += len(piece)
                return piece
            if not given and not self._engine.eof:
                raise EOFError
        return b""

    def _next_stream(self) -> bool:
        rest = (self._next or self._engine.unused_data).lstrip(b"\0")
        while len(rest) < len(MAGIC):
            more = self._handle.read(_INPUT)
            if not more:
                break
            rest = (rest + more).lstrip(b"\0")
        self.is_followed = bool(rest) and not rest.startswith(MAGIC)
        if not rest or self.is_followed:
            return False
        self._next = rest
        self._engine = _engine.decompressobj(_GZIP)
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Like `read`, into a buffer of bytes; the number of bytes."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a byte of the content, counted from its beginning; to its end where it is shorter."""
        if whence:
            return super().seek(offset, whence)
        if offset < self._at:
            self._rewind()
        while self._at < offset and self.read(min(CHUNK, offset - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        """Bytes of the content that were read or passed over."""
        return self._at


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a file holds.

    Attributes:
        stream: The content, inflated.
        size: Bytes of the file itself, compressed or not.
        compressed: Whether it is gzip.
    """

    stream: BufferedIOBase
    size: int
    compressed: bool

    @property
    def most(self) -> int:
        """The most bytes that the content can have."""
        return self.size * MOST if self.compressed else self.size


@contextmanager
def content_of(path: Path) -> Iterator[Content]:
    """Open a file; what goes wrong with it inside the block leaves as one of our errors.

    Raises:
        ReadError: `Unreadable`: the system refused; `Truncated`: the compressed stream breaks off; `Corrupt`: it
            cannot be inflated, or its checksum is wrong.
    """
    try:
        with opened(path) as handle:
            size = handle.seek(0, 2)
            handle.seek(0)
            compressed = handle.read(2) == MAGIC
            handle.seek(0)
            stream = Inflated(handle) if compressed else cast("BufferedIOBase", handle)
            yield Content(stream=stream, size=size, compressed=compressed)
    except EOFError as error:
        raise ReadError(
            "the compressed stream breaks off before its end", code="Truncated", path=path, hint="Copy the file again."
        ) from error
    except _DAMAGED as error:
        raise ReadError(
            f"the compressed stream is damaged: {one_line(str(error))}",
            code="Corrupt",
            path=path,
            hint="Copy the file again; if that does not help, export it again from its source.",
        ) from error
    except OSError as error:
        raise ReadError(
            f"cannot be read: {one_line(error.strerror or str(error))}",
            code="Unreadable",
            path=path,
            hint="Check the permissions and the disk.",
        ) from error


def read_up_to(stream: BufferedIOBase, count: int) -> bytes:
    """`count` bytes, fewer where the content ends before."""
    pieces = bytearray()
    while len(pieces) < count and (piece := stream.read(count - len(pieces))):
        pieces += piece
    return bytes(pieces)


def fill(stream: BufferedIOBase, target: memoryview) -> int:
    """Read into `target`, a chunk at a time, until it is full or the content ends; the number of bytes read."""
    at = 0
    while at < len(target) and (count := stream.readinto(target[at : at + CHUNK])):
        at += count
    return at


def skip(stream: BufferedIOBase, count: int) -> int:
    """Pass over bytes, inflating them if need be; the number of bytes passed over."""
    before = stream.tell()
    return stream.seek(before + count) - before


def after(stream: Inflated) -> str:
    """What follows in a compressed stream that should end here; empty where nothing does.

    At most about `CHUNK` bytes are inflated for the answer. Where the end is among them, the checksum has been
    compared.
    """
    count = 0
    while count <= CHUNK:
        piece = stream.read(CHUNK)
        if not piece:
            behind = ["bytes behind the compressed stream"] if stream.is_followed else []
            return " and ".join(([f"{count} bytes"] if count else []) + behind)
        count += len(piece)
    return f"more than {CHUNK} bytes; the checksum behind them was not compared"
