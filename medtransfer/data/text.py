"""Words that come from files, made safe to print, log and put into a table."""

from __future__ import annotations

LONGEST = 256
"""Characters kept of one value; DICOM's own longest identifier has 64."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def one_line(text: str, *, limit: int | None = LONGEST) -> str:
    r"""`text` on one printable line.

    Control characters, ANSI escapes, line breaks, bidirectional overrides and lone surrogates are shown
    as escapes (``\x1b``, ``\u202e``), other spaces than the plain one as that one; ends are stripped.

    Args:
        text: Anything a file may hold.
        limit: Longest result in characters, or None; what is cut off is marked by ``…``.
    """
    stripped = text.strip(" \0")
    shown = "".join(map(_shown, stripped if limit is None else stripped[: limit + 1]))
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def inert_cell(text: str) -> str:
    """`text` as a spreadsheet cell that no program takes for a formula.

    Reference: CWE-1236; a cell that begins with ``= + - @``, tab or carriage return gets a leading ``'``.
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace() and ord(character) >= 0xA0 and character not in "\u2028\u2029":
        return " "
    return character.encode("unicode_escape").decode("ascii")
