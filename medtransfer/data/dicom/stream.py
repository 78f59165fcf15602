"""What a code stream declares about itself, read before any decoder sees it.

Reference: ITU-T T.81 B.2.2 (SOF), T.87 C.2.2 (SOF55), T.800 A.5.1 (SIZ); DICOM PS3.5 G.5 (RLE header).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from medtransfer.core.errors import ReadError

_JPEG_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
_APP = frozenset(range(0xE0, 0xF0))
_RGB_IDENTIFIERS = (b"RGB", b"rgb")
_AGAIN = "Export the image again from its source."


@dataclass(frozen=True, kw_only=True)
class StreamFacts:
    """Shape, components and bits per sample of a JPEG, JPEG-LS or JPEG 2000 code stream."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    rgb_identifiers: bool = False
    """Its components are named R, G and B."""
    jfif: bool = False
    """It carries a JFIF marker: colours are YBR."""


def stream_facts(stream: bytes) -> StreamFacts:
    """What the code stream declares.

    Raises:
        ReadError: Without a path. `Corrupt` where it declares nothing, `Truncated` where it ends before.
    """
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    try:
        if start >= 0:
            return _jpeg_2000(stream, start)
        if not stream.startswith(b"\xff\xd8"):
            raise _corrupt("the pixel data do not begin like the transfer syntax says")
        return _jpeg(stream)
    except (struct.error, IndexError) as error:
        raise _short("the code stream ends inside its header") from error


def rle_segments(stream: bytes, *, expected: int) -> None:
    """Check the header of an RLE frame: as many segments as there are bytes in a pixel, each inside the frame.

    Raises:
        ReadError: Without a path. `Corrupt` or `Truncated`.
    """
    if len(stream) < 64:
        raise _short(f"an RLE frame of {len(stream)} bytes is shorter than its header")
    count, *starts = struct.unpack_from("<16I", stream)
    if count != expected:
        raise _corrupt(f"has {count} RLE segments where {expected} belong")
    used = starts[:count]
    if used != sorted(used) or used[0] < 64 or used[-1] >= len(stream):
        raise _corrupt(f"RLE segments begin at {', '.join(map(str, used))} in a frame of {len(stream)} bytes")


def _jpeg_2000(stream: bytes, start: int) -> StreamFacts:
    right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
    (components,) = struct.unpack_from(">H", stream, start + 40)
    depth = stream[start + 42]
    return StreamFacts(
        rows=bottom - top,
        columns=right - left,
        components=components,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
    )


def _jpeg(stream: bytes) -> StreamFacts:
    at, jfif = 2, False
    while True:
        mark, marker = struct.unpack_from(">BB", stream, at)
        if mark != 0xFF:
            raise _corrupt(f"no marker at byte {at} of the code stream")
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_SIZES:
            precision, rows, columns, components = struct.unpack_from(">BHHB", stream, at + 4)
            names = bytes(stream[at + 10 + 3 * index] for index in range(components))
            return StreamFacts(
                rows=rows,
                columns=columns,
                components=components,
                precision=precision,
                rgb_identifiers=names in _RGB_IDENTIFIERS,
                jfif=jfif,
            )
        else:
            jfif |= marker in _APP and stream[at + 4 : at + 8] == b"JFIF"
            at += 2 + struct.unpack_from(">H", stream, at + 2)[0]


def _corrupt(message: str) -> ReadError:
    return ReadError(message, code="Corrupt", hint=_AGAIN)


def _short(message: str) -> ReadError:
    return ReadError(message, code="Truncated", hint="Copy or export the file again.")
