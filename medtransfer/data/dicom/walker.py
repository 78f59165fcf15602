"""Walks the elements of a DICOM data set by their lengths, and stops at the pixels.

An element is a tag, a VR where the encoding is explicit, a length and a value:

    explicit  group element VR length₁₆ value     or, for the VRs in `LONG`,  group element VR 0₁₆ length₃₂ value
    implicit  group element length₃₂ value

Only values of named elements are copied; sequences of undefined length are walked without recursion.
The walk is strict: what does not add up ends in an error, never in a shorter data set. Reference: DICOM
PS3.5, 7.1 (elements), 7.5 (sequences), 6.2.2 (UN), annex A (encodings).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.wanted import WANTED

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

UNDEFINED: Final = 0xFFFFFFFF
"""Length of a sequence that ends with a delimiter, and of encapsulated (compressed) pixel data."""

PIXELS: Final = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
"""Where the walk stops."""

SHORT: Final = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
"""VRs with a length of 16 bits."""

LONG: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""VRs with a length of 32 bits."""

WINDOW: Final = 64 * 2**10
"""Bytes read at once: more than nearly every header has."""

LARGEST: Final = 64 * 2**20
"""Largest value kept, in bytes."""

DEEPEST: Final = 64
"""Sequences within sequences; real files have fewer than ten."""

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LITTLE = {int.from_bytes(vr, "little"): vr.decode("ascii") for vr in SHORT | LONG}
_BIG = {int.from_bytes(vr, "big"): vr.decode("ascii") for vr in SHORT | LONG}
_LITTLE[0] = _BIG[0] = ""  # implicit
_FIRST_PIXELS = min(PIXELS)
_SHORT_LITTLE = frozenset(number for number, vr in _LITTLE.items() if vr.encode() in SHORT)
_SHORT_BIG = frozenset(number for number, vr in _BIG.items() if vr.encode() in SHORT)
_WANTED_BIG = {tag: tag for tag in (*WANTED, *PIXELS)} | dict.fromkeys((_ITEM, _ITEM_END, _SEQUENCE_END), -1)
_WANTED_LITTLE = {(tag & 0xFFFF) << 16 | tag >> 16: kept for tag, kept in _WANTED_BIG.items()}
_KEPT_BIG = {tag: tag for tag, is_kept in WANTED.items() if is_kept and tag not in PIXELS}
_KEPT_LITTLE = {(tag & 0xFFFF) << 16 | tag >> 16: tag for tag in _KEPT_BIG}
_AGAIN = "Export the image again from its source."


class Source:
    """The bytes of a data set, seen through a window that moves forward."""

    __slots__ = ("base", "handle", "path", "size", "window")

    def __init__(self, handle: BinaryIO, path: Path) -> None:
        self.handle, self.path, self.base = handle, path, 0
        self.window = handle.read(WINDOW)
        self.size = len(self.window) if len(self.window) < WINDOW else handle.seek(0, 2)

    def show(self, at: int, *, anew: bool = False) -> None:
        """Move the window to `at` where it does not show it, or in any case."""
        if not anew and self.base <= at < self.base + len(self.window):
            return
        self.handle.seek(at)
        self.window, self.base = self.handle.read(WINDOW), at

    def value(self, at: int, length: int) -> bytes:
        """`length` bytes from `at`.

        Raises:
            ReadError: `SizeLimit`: it is too large for a header; `Truncated`: the file has shrunk.
        """
        start = at - self.base
        if start >= 0 and start + length <= len(self.window):
            return self.window[start : start + length]
        if length > LARGEST:
            raise ReadError(
                f"has a header element of {length} bytes, the limit is {LARGEST}",
                code="SizeLimit",
                path=self.path,
                hint="Check where the file comes from; no image needs such a header.",
            )
        self.handle.seek(at)
        content = self.handle.read(length)
        if len(content) < length:
            raise truncated(f"ends after {at + len(content)} bytes, inside a value", self.path)
        return content


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk met.

    Attributes:
        raw: Tag → VR as written (empty where implicit) and value; None for a value that is there and not kept.
        tag: Tag of the pixel data that ended the walk, 0 where the data set did.
        length: Length that this element declares.
        at: Where its value begins; where the walk ended for a tag that is no pixel data.
    """

    raw: dict[int, tuple[str, bytes | None]]
    tag: int
    length: int
    at: int


def truncated(message: str, path: Path) -> ReadError:
    """The error for a file that ends too early."""
    return ReadError(message, code="Truncated", path=path, hint="Copy or export the file again.")


def corrupt(message: str, path: Path) -> ReadError:
    """The error for a file that contradicts itself."""
    return ReadError(message, code="Corrupt", path=path, hint=_AGAIN)


def walk(  # noqa: C901, PLR0912, PLR0915 - the hot loop: a call for each element would double its time
    source: Source, at: int, *, implicit: bool, little: bool, meta: bool = False
) -> Walked:
    """Walk the elements from `at` to the pixel data, or to the end of the file.

    Tags are looked up as the one number that their four bytes make in the data set's byte order; positions are counted
    from the window's beginning.

    Args:
        source: The data set's bytes.
        at: Where its first element begins.
        implicit: Elements have no VR.
        little: Byte order.
        meta: Walk the file meta information: end before the first element that is not of group 2.

    Raises:
        ReadError: `Truncated`, `Corrupt` or `SizeLimit`.
    """
    order = "<" if little else ">"
    head = struct.Struct(order + ("LL" if implicit else "LHH")).unpack_from
    long = struct.Struct(order + "L").unpack_from
    wanted, short, vrs = (_WANTED_LITTLE, _SHORT_LITTLE, _LITTLE) if little else (_WANTED_BIG, _SHORT_BIG, _BIG)
    kept_whole = _KEPT_LITTLE if little else _KEPT_BIG
    source.show(at)
    window, base, index = source.window, source.base, at - source.base
    left, limit = source.size - base, _limit(source)
    raw: dict[int, tuple[str, bytes | None]] = {}
    vr, undefined, first_pixels = 0, UNDEFINED, _FIRST_PIXELS
    while index < left:
        if index > limit:
            source.show(base + index, anew=True)
            window, base, index = source.window, source.base, 0
            left, limit = source.size - base, _limit(source)
        try:
            if implicit:
                key, length = head(window, index)
                start = index + 8
            else:
                key, vr, length = head(window, index)
                if meta and key & 0xFFFF != 2:
                    break
                start = index + 8
                if vr in short:  # nearly all elements are of this kind, and end here
                    end = start + length
                    if end <= len(window):
                        if key in kept_whole:
                            raw[kept_whole[key]] = (vrs[vr], window[start:end])
                            index = end
                            continue
                        if key not in wanted:
                            index = end
                            continue
                else:
                    if vr not in vrs or not vr:
                        raise corrupt(f"element {_name(key, little)} has no value representation", source.path)
                    (length,) = long(window, index + 8)
                    start = index + 12
        except struct.error as error:
            raise truncated(
                f"ends after {source.size} bytes, inside an element's tag and length", source.path
            ) from error
        tag = wanted[key] if key in wanted else 0  # noqa: SIM401 - faster than a call
        if tag >= first_pixels and tag in PIXELS:
            return Walked(raw, tag, length, base + start)
        end = start + length
        if length == undefined:
            content_end, behind = _past_sequence(
                source, base + start, _tag(key, little), vrs[vr], implicit=implicit, little=little
            )
            start, length = base + start - source.base, content_end - base - start
            window, base = source.window, source.base
            end, left, limit = behind - base, source.size - base, _limit(source)
        elif end > left:
            message = f"element {_name(key, little)} declares {length} bytes, {left - start} are left"
            raise truncated(message, source.path)
        if tag:
            if tag < 0:
                raise corrupt(f"a delimiter {_name(key, little)} stands outside any sequence", source.path)
            if not WANTED[tag]:
                raw[tag] = (vrs[vr], None if length else b"")
            else:
                kept = window[start : start + length] if start >= 0 else b""
                raw[tag] = (vrs[vr], kept if len(kept) == length else source.value(base + start, length))
        index = end
    return Walked(raw, 0, 0, base + index)


def _limit(source: Source) -> int:
    """The last place in the window where a whole tag and length are sure to fit."""
    reaches_end = source.base + len(source.window) >= source.size
    return len(source.window) if reaches_end else len(source.window) - 12


def _tag(key: int, little: bool) -> int:
    """The tag of four bytes read as one number; in little endian the element comes out before the group."""
    return (key & 0xFFFF) << 16 | key >> 16 if little else key


def _name(key: int, little: bool) -> str:
    tag = _tag(key, little)
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _past_sequence(  # noqa: C901, PLR0912 - one state machine, read from top to bottom
    source: Source, at: int, tag: int, vr: str, *, implicit: bool, little: bool
) -> tuple[int, int]:
    """Where the content of a sequence of undefined length ends, and where its delimiter does.

    Inside, `levels` holds for each open sequence or item of undefined length whether its elements are implicit;
    sequences stand at even places, items at odd ones. A UN of undefined length is implicit little endian inside
    (PS3.5, 6.2.2 note 2).
    """
    _check_may_be_undefined(tag, vr, source.path)
    order, path, size = "<" if little else ">", source.path, source.size
    levels = [implicit or vr == "UN"]
    while at < size:
        if at - source.base > len(source.window) - 12:
            source.show(at, anew=True)
        window, index = source.window, at - source.base
        try:
            group, element, length = struct.unpack_from(order + "HHL", window, index)
            inner, vr, start = group << 16 | element, "", at + 8
            in_sequence = len(levels) % 2 == 1
            if inner == _ITEM and in_sequence:
                if length == UNDEFINED:
                    levels.append(levels[-1])
            elif inner == (_SEQUENCE_END if in_sequence else _ITEM_END):
                levels.pop()
                if not levels:
                    return at, start
                length = 0
            elif in_sequence or group == 0xFFFE:
                raise corrupt(f"({group:04X},{element:04X}) stands where an item or delimiter should", path)
            elif not levels[-1]:
                written = window[index + 4 : index + 6]
                if written in SHORT:
                    (length,) = struct.unpack_from(order + "H", window, index + 6)
                elif written in LONG:
                    (length,) = struct.unpack_from(order + "L", window, index + 8)
                    start = at + 12
                    vr = written.decode("ascii")
                else:
                    raise corrupt(f"element ({group:04X},{element:04X}) in a sequence has no VR but {written!r}", path)
        except struct.error as error:
            raise truncated(f"ends after {size} bytes, inside a sequence", path) from error
        if length == UNDEFINED:
            if inner != _ITEM:
                _check_may_be_undefined(inner, vr, path)
                levels.append(levels[-1] or vr == "UN")
            if len(levels) > 2 * DEEPEST:
                raise corrupt(f"sequences are nested deeper than {DEEPEST}", path)
            at = start
        elif start + length > size:
            raise truncated(f"({group:04X},{element:04X}) in a sequence declares {length} bytes too many", path)
        else:
            at = start + length
    raise truncated("a sequence ends without its delimiter", path)


def _check_may_be_undefined(tag: int, vr: str, path: Path) -> None:
    """Only sequences, unknown elements and encapsulated pixels may have no length (PS3.5, 7.1.1)."""
    if vr in {"SQ", "UN"} or tag in PIXELS:
        return
    if not vr and (not dictionary_has_tag(tag) or dictionary_VR(tag) == "SQ"):
        return
    raise corrupt(f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) declares no length and is no sequence", path)
