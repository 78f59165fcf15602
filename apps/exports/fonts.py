r"""The two fonts of every export, and which characters they draw.

DejaVu Sans comes with matplotlib, which the package needs anyway; its licence lets it be embedded. Where it has no
glyph, and for scripts that run from right to left, which nothing here can shape or reorder, a character is spelt out
as Unicode names it, `[U+4E2D]`: never dropped, never a box.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

REGULAR: Final = "DejaVuSans"
BOLD: Final = "DejaVuSans-Bold"

CUT: Final = " [cut]"
"""What stands at the end of a text of which the rest is left out."""

_LAST: Final = 0xFFFF
"""What reportlab says in a PDF of characters beyond it is wrong: they would be drawn, and be copied as others."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LEFTWARDS: Final = frozenset({"R", "AL", "AN"})


def font_file(name: str) -> Path:
    """Where the font lies."""
    import matplotlib as mpl

    return Path(mpl.get_data_path(), "fonts", "ttf", f"{name}.ttf")


def drawable(text: str, longest: int = 400) -> str:
    """One line of characters that both fonts draw from left to right, at most `longest` before the mark of a cut."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    shown = line if len(line) <= longest else f"{line[:longest]}{CUT}"
    known = _covered()
    return "".join(c if _is_plain(c) and ord(c) in known else spelt_out(c) for c in shown)


def spelt_out(character: str) -> str:
    """`[U+001B]`."""
    return f"[U+{ord(character):04X}]"


def is_shown(character: str) -> bool:
    """False for controls, bidirectional overrides, lone surrogates and their kin."""
    return unicodedata.category(character) not in _INVISIBLE


def _is_plain(character: str) -> bool:
    return is_shown(character) and unicodedata.bidirectional(character) not in _LEFTWARDS


@cache
def _covered() -> frozenset[int]:
    from reportlab.pdfbase.ttfonts import TTFontFace

    faces = (TTFontFace(str(font_file(name))) for name in (REGULAR, BOLD))
    regular, bold = (frozenset(face.charToGlyph) for face in faces)
    return frozenset(code for code in regular & bold if code <= _LAST)
