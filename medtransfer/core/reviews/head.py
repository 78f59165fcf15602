"""How far the chain has come, in a small file beside it, so that entries missing at the end are noticed.

A chain whose tail was cut off is a whole chain. Its head, kept elsewhere, gives that away. Who can write one file can
usually write both: against such a one only a head helps that somebody else has, for which every export and every
`verify` prints it (`NUMBER:DIGEST`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import ConfigError
from medtransfer.core.files import write_text
from medtransfer.core.reviews.entry import FIRST

if TYPE_CHECKING:
    from pathlib import Path

_FORM: Final = re.compile(r"(0|[1-9][0-9]{0,17}):([0-9a-f]{64})\n?")


@dataclass(frozen=True)
class Head:
    """The last entry's number and digest; of no entries, 0 and zeros."""

    number: int = 0
    digest: str = FIRST

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


def as_head(text: str) -> Head:
    """`NUMBER:DIGEST` as a head.

    Raises:
        ConfigError: `BadHead`.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{text[:80]!r} is no head of a chain",
            code="BadHead",
            hint="It is NUMBER:DIGEST, as `medtransfer reviews verify` prints it.",
        )
    return Head(int(found[1]), found[2])


def head_place(path: Path) -> Path:
    """Where the head of a file of reviews is kept."""
    return path.with_name(f"{path.name}-head")


def read_head(path: Path) -> Head | None:
    """The head that is kept beside a file of reviews; None where there is none, or none that can be read."""
    try:
        with head_place(path).open(encoding="ascii") as handle:
            return as_head(handle.read(200))
    except (OSError, UnicodeDecodeError, ConfigError):
        return None


def write_head(path: Path, head: Head) -> None:
    """Keep a head.

    Raises:
        OutputError: It cannot be written.
    """
    write_text(head_place(path), f"{head}\n", private=True)
