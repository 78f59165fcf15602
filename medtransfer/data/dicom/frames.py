"""Where each frame's code stream lies in encapsulated pixel data.

    one frame: all fragments joined · as many fragments as frames: one each · otherwise an offset table, or the
    fragments that begin like a code stream

An offset table that contradicts the fragments is not believed. Reference: DICOM PS3.5 A.4, PS3.3 C.7.6.3.1.8.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from medtransfer.core.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Container

    from medtransfer.data.dicom.source import PixelSource

Spans = tuple[tuple[int, int], ...]
"""Positions in the file and lengths of the pieces of one code stream."""

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_BEGINNINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
_END = b"\xff\xd9"
_RLE = "1.2.840.10008.1.2.5"
_IGNORED = "OffsetTableIgnored: it contradicts the fragments"


def frame_spans(handle: BinaryIO, source: PixelSource, notes: list[str]) -> list[Spans]:
    """The code streams of all frames of a file, in order.

    Args:
        handle: The file.
        source: What its header says.
        notes: Where `OffsetTableIgnored` goes.

    Raises:
        ReadError: `Corrupt`: nothing tells the frames apart, or an item has a wrong tag. `Truncated`: the pixel data
            end early, or hold fewer fragments than frames. `ExtraPixels`: one frame is claimed, several are there.
    """
    table, *fragments = _items(handle, source)
    if not fragments:
        raise _truncated("the compressed pixel data hold no fragment", source)
    if len(fragments) < source.frames:
        raise _truncated(f"claims {source.frames} frames, holds {len(fragments)} fragments", source)
    starts = {position - fragments[0][0]: number for number, (position, _) in enumerate(fragments)}
    tables = [offsets for offsets in (_basic_offsets(handle, table), [at for at, _ in source.offsets]) if offsets]
    if source.frames == 1:
        if any(offsets != [0] for offsets in tables):
            notes.append(_IGNORED)
        return [_one_frame(handle, fragments, source)]
    if len(fragments) > source.frames:
        for offsets in tables:
            if len(offsets) == source.frames and _fits(offsets, starts):
                return _grouped(fragments, [starts[offset] for offset in offsets])
        firsts = _beginnings(handle, fragments, source)
        if len(firsts) != source.frames or firsts[0] != 0:
            raise _untold(fragments, source)
    else:
        firsts = list(range(source.frames))
    if any([starts.get(offset) for offset in offsets] != firsts for offsets in tables):
        notes.append(_IGNORED)
    return _grouped(fragments, firsts)


def _one_frame(handle: BinaryIO, fragments: list[tuple[int, int]], source: PixelSource) -> Spans:
    """All fragments, unless several of them are images of their own."""
    images = len(_beginnings(handle, fragments, source)) if len(fragments) > 1 else 1
    if images > 1:
        raise ReadError(
            f"holds {images} code streams where one frame is claimed",
            code="ExtraPixels",
            path=source.path,
            hint="Export the image again from its source.",
        )
    return tuple(fragments)


def _items(handle: BinaryIO, source: PixelSource) -> list[tuple[int, int]]:
    """Position and length of the value of each item; the first is the basic offset table."""
    at, end = source.offset, source.offset + source.held
    found: list[tuple[int, int]] = []
    while at + 8 <= end:
        handle.seek(at)
        head = handle.read(8)
        if head[:4] == _DELIMITER:
            if not found:
                break
            return found
        if head[:4] != _ITEM:
            raise ReadError(
                f"byte {at} holds {head[:4].hex()} where an item of the compressed pixel data begins",
                code="Corrupt",
                path=source.path,
                hint="Export the image again from its source.",
            )
        (length,) = struct.unpack("<I", head[4:])
        if at + 8 + length > end:
            raise _truncated(f"ends inside a fragment: {end - at - 8} of {length} bytes", source)
        found.append((at + 8, length))
        at += 8 + length
    raise _truncated("the compressed pixel data end without their delimiter", source)


def _basic_offsets(handle: BinaryIO, table: tuple[int, int]) -> list[int]:
    position, length = table
    handle.seek(position)
    content = handle.read(length - length % 4)
    return list(struct.unpack(f"<{len(content) // 4}I", content))


def _beginnings(handle: BinaryIO, fragments: list[tuple[int, int]], source: PixelSource) -> list[int]:
    """Fragments that begin like a code stream, behind one that ends like one; none for RLE, which has no marks.

    The end is asked for because a SPIFF header has a second start of image inside. Reference: ITU-T T.87, annex F.
    """
    if source.syntax == _RLE:
        return []
    found = []
    for number, (position, _) in enumerate(fragments):
        handle.seek(position)
        if not handle.read(4).startswith(_BEGINNINGS):
            continue
        before, length = fragments[number - 1]
        handle.seek(before + max(0, length - 3))
        if number == 0 or _END in handle.read(min(3, length)):
            found.append(number)
    return found


def _fits(offsets: list[int], starts: Container[int]) -> bool:
    """True where each offset is the beginning of a fragment, in order, the first one first."""
    rising = all(left < right for left, right in pairwise(offsets))
    return rising and offsets[0] == 0 and all(offset in starts for offset in offsets)


def _grouped(fragments: list[tuple[int, int]], firsts: list[int]) -> list[Spans]:
    return [tuple(fragments[first:last]) for first, last in zip(firsts, [*firsts[1:], len(fragments)], strict=True)]


def _untold(fragments: list[tuple[int, int]], source: PixelSource) -> ReadError:
    return ReadError(
        f"holds {len(fragments)} fragments for {source.frames} frames, and no offset table that tells them apart",
        code="Corrupt",
        path=source.path,
        hint="Export the image again from its source.",
    )


def _truncated(message: str, source: PixelSource) -> ReadError:
    return ReadError(message, code="Truncated", path=source.path, hint="Copy or export the file again.")
