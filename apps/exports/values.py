"""Foreign text as values of DICOM elements: within the length of their kind, and without what ends or hides a value.

Reference: DICOM PS3.5 6.2. Lengths are in characters; a backslash separates values, and no control belongs in one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from apps.exports.fonts import CUT, is_shown, spelt_out

_GROUPS: Final = 3
"""Of a person's name: alphabetic, ideographic, phonetic."""

_PARTS: Final = 5
"""Of a group: family name, given name, middle name, prefix, suffix."""

_LONGEST_TEXT: Final = 1_024
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_CODE = re.compile(r"[A-Z0-9_][A-Z0-9_ ]{0,15}")
_ENDS = re.compile(r"[RLAPHF]{1,3}")
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")


def long_string(text: str) -> str:
    """LO: 64 characters."""
    return _cut(_inert(text), 64)


def short_string(text: str) -> str:
    """SH: 16 characters."""
    return _cut(_inert(text), 16)


def free_text(text: str) -> str:
    """UT, of which we write a sentence or two."""
    return _cut(_inert(text), _LONGEST_TEXT)


def person_name(text: str) -> str:
    """PN: three groups of 64 characters each, with `^` between the parts of a name."""
    groups = _inert(text).split("=")
    kept = [*groups[: _GROUPS - 1], " ".join(groups[_GROUPS - 1 :])] if len(groups) > _GROUPS else groups
    return "=".join(_cut(_parts(group), 64) for group in kept)


def day(text: str) -> str:
    """DA: `19600131`, of old `1960.01.31`; empty where it is none."""
    digits = text.replace(".", "")
    return digits if _DATE.fullmatch(digits) and "01" <= digits[4:6] <= "12" and "01" <= digits[6:] <= "31" else ""


def time_of_day(text: str) -> str:
    """TM: `073015.25`; empty where it is none."""
    return text if _TIME.fullmatch(text) and text[:2] <= "23" and text[2:4] <= "59" and text[4:6] <= "60" else ""


def modality(text: str) -> str:
    """CS: 16 capitals, digits, blanks and low lines; `OT` where it is none."""
    return text if _CODE.fullmatch(text) else "OT"


def orientation(right: str, bottom: str) -> list[str]:
    """PatientOrientation: what the picture's rows and columns run towards; none where that is not known."""
    return [right, bottom] if _ENDS.fullmatch(right) and _ENDS.fullmatch(bottom) else []


def sex(text: str) -> str:
    """CS, of which the element knows three."""
    return text if text in {"F", "M", "O"} else ""


def is_uid(text: str) -> bool:
    """UI: 64 characters of numbers without leading zeros."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def _parts(group: str) -> str:
    """What follows the fifth part of a name belongs to it."""
    parts = group.split("^")
    return "^".join([*parts[: _PARTS - 1], " ".join(parts[_PARTS - 1 :])]) if len(parts) > _PARTS else group


def _inert(text: str) -> str:
    line = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(c if is_shown(c) and c != "\\" else spelt_out(c) for c in line)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - len(CUT)]}{CUT}"
