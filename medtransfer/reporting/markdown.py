"""Text for Markdown files: strings of users are shown, and never become markup, links or HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from medtransfer.core.inert import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~&$@]|:(?=//)|(?<=www)\.)")
"""What may begin emphasis, code, a link, an HTML tag or entity, a cell, mathematics or an address."""

_LEADING: Final = re.compile(r"^(\d*)((?<!\d)[-+#=]|(?<=\d)[.)](?=\s|$))")
"""What makes a line a heading or an item of a list."""


def inert(text: str) -> str:
    """The text as Markdown that shows it letter for letter, on one line.

    Reference: CommonMark 0.31, 2.4 (backslash escapes); GitHub Flavored Markdown 0.29, 6.9 (automatic links).
    """
    return _LEADING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", visible(" ".join(text.split()))))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in GitHub's form; every cell is made inert."""
    lines = [head, ["---"] * len(head)]
    body = [[inert(cell) for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in [*lines, *body])
