"""Strings from files and tables are shown, never obeyed: by a terminal, a spreadsheet or a reader's eye."""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that show nothing: controls, formats (bidirectional overrides), lone surrogates, …"""

LONGEST: Final = 256
"""Characters kept of one value of a file; DICOM's own longest identifier has 64."""

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a cell begins with that a spreadsheet takes for a formula."""


def visible(text: str) -> str:
    r"""Spell out every character that shows nothing, so that it acts on no terminal and hides nothing.

    Args:
        text: Any string, lone surrogates of undecodable file names included.

    Returns:
        One line: `"a\x1b[2Jb"` becomes `a\x1b[2Jb`, spelt out.
    """
    if text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _INVISIBLE else c for c in text)


def csv_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: such strings get a leading apostrophe.

    Numbers pass as they are, so that −0.3 stays a number.

    Reference: OWASP, "CSV Injection".
    """
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if value.startswith(FORMULA_STARTS) else text


def one_line(text: str, *, limit: int | None = LONGEST) -> str:
    """A value of a file on one visible line, without the blanks and zero bytes that pad it.

    Args:
        text: Anything a file may hold.
        limit: Longest result in characters, or None; an ellipsis stands for what is left out.
    """
    stripped = text.strip(" \0")
    shown = visible(stripped if limit is None else stripped[: limit + 1])
    return shown if limit is None else shortened(shown, limit)


def shortened(text: str, limit: int) -> str:
    """The text in at most `limit` characters, an ellipsis standing for what is left out."""
    return text if len(text) <= limit else f"{text[: max(limit - 1, 0)]}…"


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
