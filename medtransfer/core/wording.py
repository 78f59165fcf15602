"""Messages without the values that were put into them: what may be said where nobody may be named.

A message such as `PatientAge is '61Y of John Doe', no number` consists of words of this package and of values of a
file. Which is which is known from the package's own source: its literals, and the fixed parts of its f-strings. What
comes out is made of those alone, so that no value can be in it, whatever a file holds.
"""

from __future__ import annotations

import ast
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

VALUE: Final = "…"
"""What stands for a value."""

_HOME: Final = Path(__file__).parents[1]
_LEAST: Final = 8
"""Letters that an f-string must fix, so that it says something."""


def without_values(text: str, *, otherwise: str) -> str:
    """The message with an ellipsis for each value, where it is one of this package's.

    Args:
        text: A message, hint or note.
        otherwise: What is said where the message is not known, such as `spelt_out(error.code)`.

    Returns:
        `PatientAge is …, no number`.
    """
    if not text:
        return ""
    literals, templates = _sentences()
    if text in literals:
        return text
    return _matched(text, templates) or otherwise


def spelt_out(code: str) -> str:
    """A code or rule as words: `SeriesUnsupported` → `series unsupported`."""
    return " ".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", code).replace("_", " ").split()).lower()


@lru_cache(maxsize=4096)
def _matched(text: str, templates: tuple[str, ...]) -> str:
    return next((template for template in templates if _fits(text, template.split(VALUE))), "")


def _fits(text: str, fixed: list[str]) -> bool:
    """True where the fixed parts stand in the text in their order, the first at its start and the last at its end.

    Leftmost matches suffice, so that no text makes this slow.
    """
    first, *middle, last = fixed
    if not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        place = text.find(part, place, end) + len(part)
        if place < len(part):
            return False
    return place <= end


@cache
def _sentences() -> tuple[frozenset[str], tuple[str, ...]]:
    """Literals of the package, and its f-strings with values left out, the one that fixes most letters first."""
    literals: set[str] = set()
    templates: set[str] = set()
    for file in sorted(_HOME.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                templates.add(_template(node))
    kept = (text for text in templates if VALUE in text and _weight(text) >= _LEAST)
    return frozenset(literals), tuple(sorted(kept, key=lambda text: (-_weight(text), text)))


def _template(node: ast.JoinedStr) -> str:
    parts = (part.value if isinstance(part, ast.Constant) else VALUE for part in node.values)
    return "".join(str(part) for part in parts)


def _weight(text: str) -> int:
    return sum(character.isalpha() for character in text)
