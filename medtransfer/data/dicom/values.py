"""Values of DICOM elements from their bytes, by VR. Reference: DICOM PS3.5, 6.2 and 6.1 (character sets)."""

from __future__ import annotations

import struct
import warnings
from functools import lru_cache
from typing import Any, Final

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.tag import BaseTag
from pydicom.valuerep import TEXT_VR_DELIMS, PersonName

_BINARY: Final = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
UNKNOWN: Final = ("ascii",)
"""What stands for a character set that nobody knows: bytes beyond ASCII are shown escaped."""

_CHARSET: Final = frozenset({"SH", "LO", "UC", "ST", "LT", "UT", "PN"})
_WHOLE: Final = frozenset({"ST", "LT", "UT", "UR"})
_PLAIN: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"})


def decoded(vr: str, raw: bytes, *, little: bool, encodings: tuple[str, ...]) -> Any:
    """A value, a list of several, or None (text: an empty string) where there is none.

    Args:
        vr: Value representation.
        raw: Its bytes.
        little: Byte order.
        encodings: Python names of the character sets, the first for text without escape sequences.

    Raises:
        ValueError: The bytes are no value of this VR.
    """
    if vr == "DS":
        return _decimals(raw)
    if vr == "US" and len(raw) == 2:
        return int.from_bytes(raw, "little" if little else "big")
    if vr == "IS":
        return _several([_whole(part) if part.strip(" \0") else None for part in strings("CS", raw, encodings)])
    if vr in _CHARSET or vr in _PLAIN:
        return _several(strings(vr, raw, encodings)) or ""
    return _binary(vr, raw, little=little)


def strings(vr: str, raw: bytes, encodings: tuple[str, ...]) -> list[str]:
    """The texts of an element, without the blanks and zero bytes that pad them; none where it is empty."""
    if encodings == UNKNOWN and vr in _CHARSET:
        parts = [raw] if vr in _WHOLE else raw.split(b"\\")
        shown = [part.decode("ascii", "backslashreplace").rstrip(" \0") for part in parts]
        return shown if any(shown) else []
    if vr in _CHARSET and not (raw.isascii() and b"\x1b" not in raw):
        content = _in_charset(vr, raw, encodings)
    else:
        content = raw.decode("latin-1")
    content = content.rstrip(" \0=" if vr == "PN" else " \0")
    if not content:
        return []
    return [content] if vr in _WHOLE or "\\" not in content else [part.rstrip(" \0") for part in content.split("\\")]


@lru_cache(maxsize=64)
def encodings_of(raw: bytes) -> tuple[tuple[str, ...], str]:
    """Python names of the character sets that SpecificCharacterSet names, and a note where one is unknown.

    Text in an unknown character set is taken for ASCII; bytes beyond it are shown escaped.
    """
    names = [part.strip() for part in raw.decode("latin-1").rstrip(" \0").split("\\")]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            encodings = tuple(convert_encodings(list(names)))
        except (LookupError, ValueError):
            encodings = ()
    unknown = not encodings or any("default encoding" in str(entry.message) for entry in caught)
    if unknown:
        return UNKNOWN, f"UnknownCharacterSet: {' and '.join(names)}"
    return encodings, ""


def _in_charset(vr: str, raw: bytes, encodings: tuple[str, ...]) -> str:
    if len(encodings) == 1 and b"\x1b" not in raw:
        return raw.decode(encodings[0], "replace")
    with warnings.catch_warnings(record=True):  # undecodable bytes become visible replacements
        warnings.simplefilter("always")
        if vr == "PN":
            return str(PersonName(raw, list(encodings)))
        return decode_bytes(raw, list(encodings), TEXT_VR_DELIMS)


def _binary(vr: str, raw: bytes, *, little: bool) -> Any:
    if vr in _BINARY:
        return _several(_numbers(_BINARY[vr], raw, little=little))
    if vr == "AT":
        parts = _numbers("H", raw, little=little)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return _several([BaseTag(group << 16 | element) for group, element in pairs])
    return raw or None


def _numbers(code: str, raw: bytes, *, little: bool) -> list[Any]:
    size = struct.calcsize(f"<{code}")
    if len(raw) % size:
        msg = f"{len(raw)} bytes are no whole number of values of {size}"
        raise ValueError(msg)
    return list(struct.unpack(f"{'<' if little else '>'}{len(raw) // size}{code}", raw))


def _decimals(raw: bytes) -> Any:
    parts = raw.rstrip(b" \0").split(b"\\")
    try:
        return float(parts[0]) if len(parts) == 1 else list(map(float, parts))
    except ValueError:
        return _several([float(part) if part.strip(b" \0") else None for part in parts if part or len(parts) > 1])


def _whole(part: str) -> int:
    try:
        return int(part)
    except ValueError:
        value = float(part)
        if not value.is_integer():
            msg = f"{part!r} is no whole number"
            raise ValueError(msg) from None
        return int(value)


def _several(values: list[Any]) -> Any:
    if len(values) == 1:
        return values[0]
    return values or None
