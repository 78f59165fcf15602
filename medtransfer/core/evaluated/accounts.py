"""What became of the inputs, and what is not known of them."""

from __future__ import annotations

from medtransfer.core.records import Record


class Reconciliation(Record):
    """The flow of the studies beside the ledger of their images."""

    images: dict[str, int]
    """`inputs`, `read`, `excluded`, `failed`: rows of the ledger."""
    studies: dict[str, int]
    """The same of the studies that the ledger names; a study is read where any of its images was."""
    by_reason: dict[str, dict[str, int]]
    """`excluded` and `failed` → code → images."""
    differences: tuple[str, ...] = ()
    """Where flow and ledger do not agree, each a sentence."""

    @property
    def agrees(self) -> bool:
        """Whether every count is the same."""
        return not self.differences


class MissingRow(Record):
    """One column of the table, and the studies that lack it."""

    name: str
    missing: dict[str, int]
    """By group of studies (`MissingTable.groups`)."""


class MissingTable(Record):
    """Who lacks what: every column of the table, by what became of the study and by its true class."""

    groups: dict[str, int]
    """Studies of each group: `all`, `not read`, `read`, then `read, <class>` and `read, truth unknown`."""
    rows: tuple[MissingRow, ...]
    """In the order of the table; a column that is not there at all is missing everywhere."""
