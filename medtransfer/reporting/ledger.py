"""A ledger in print: what failed, what was left out by which rule, and the first rows one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.inspection_words import explanation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.core.results import Status
    from medtransfer.data.ledger import Ledger, LedgerRow

MOST_ROWS: Final = 1000
"""Rows shown one by one; how many more there are is said, and the ledger itself has them all."""

MOST_IN_SECTION: Final = 100
"""Rows shown under one rule or code."""


@dataclass(frozen=True)
class Section:
    """Rows with one reason: how many there are, and the first `MOST_IN_SECTION` of them.

    Attributes:
        code: The rule's name or the error's code.
        n: How many rows have it.
        meaning: What it means, in a sentence; empty where nobody wrote one.
        reason: What was found, where it is the same for all.
        hint: What to do about it, where it is the same for all.
        rows: Path and reason of each.
    """

    code: str
    n: int
    meaning: str
    reason: str
    hint: str
    rows: tuple[tuple[str, str], ...]


def sections(ledger: Ledger, status: Status) -> tuple[Section, ...]:
    """One section a rule or code, the most frequent first, then by name."""
    by_code: dict[str, list[LedgerRow]] = {}
    for row in ledger.rows:
        if row.status == status:
            by_code.setdefault(row.code or "no code", []).append(row)
    return tuple(_section(code, rows) for code, rows in sorted(by_code.items(), key=lambda e: (-len(e[1]), e[0])))


def noticed(ledger: Ledger) -> tuple[tuple[str, int], ...]:
    """What was noticed in files that were read and not acted on: the note's first word, and how many files have it."""
    tally = Counter(
        note for row in ledger.rows if row.status == "read" for note in {note.partition(":")[0] for note in row.notes}
    )
    return tuple(sorted(tally.items(), key=lambda entry: (-entry[1], entry[0])))


def first_rows(ledger: Ledger) -> tuple[LedgerRow, ...]:
    """The rows that are shown one by one: what failed first, then what was excluded, then what was read."""
    order = ("failed", "excluded", "read")
    return tuple(sorted(ledger.rows, key=lambda row: order.index(row.status))[:MOST_ROWS])


def _section(code: str, rows: Sequence[LedgerRow]) -> Section:
    reasons, hints = {row.reason for row in rows}, {row.hint for row in rows}
    return Section(
        code=code,
        n=len(rows),
        meaning=explanation(code),
        reason=reasons.pop() if len(reasons) == 1 else "",
        hint=hints.pop() if len(hints) == 1 else "",
        rows=tuple((row.path, row.reason) for row in rows[:MOST_IN_SECTION]),
    )
