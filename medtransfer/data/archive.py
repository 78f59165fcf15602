"""Files inside archives, opened like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path


def opened(path: Path) -> BinaryIO:
    """Open a file for reading, seekable; loaders use this and nothing else.

    Raises:
        OSError: It cannot be opened.
    """
    return path.open("rb")
