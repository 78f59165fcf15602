"""What became of each input: one row a file, and counts that reconcile.

inputs = read + excluded + failed
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from medtransfer.core.errors import MedTransferError
from medtransfer.data.ledger_files import written_ledger
from medtransfer.data.ledger_row import COLUMNS, LedgerRow, cells_of
from medtransfer.data.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from medtransfer.core.errors import FailedCasesError
    from medtransfer.core.results import Status
    from medtransfer.data.found import Excluded, Failed, Item

_NAMED = 5


@dataclass(frozen=True)
class Ledger:
    """All rows, sorted by path; every input has exactly one."""

    rows: tuple[LedgerRow, ...]

    def counts(self) -> dict[str, int]:
        """`inputs`, `read`, `excluded` and `failed`; the last three sum to the first."""
        tally = Counter(row.status for row in self.rows)
        return {
            "inputs": len(self.rows),
            **{status: tally[status] for status in ("read", "excluded", "failed")},
        }

    def by_reason(self) -> dict[tuple[Status, str], int]:
        """Number of rows by status and code, the commonest first; rows that were read are left out."""
        tally: Counter[tuple[Status, str]] = Counter(
            (row.status, row.code) for row in self.rows if row.status != "read"
        )
        return dict(sorted(tally.items(), key=lambda entry: (-entry[1], entry[0])))

    def failed(self) -> tuple[LedgerRow, ...]:
        """Rows that failed."""
        return tuple(row for row in self.rows if row.status == "failed")

    def with_outcomes(self, outcomes: Iterable[tuple[Item, MedTransferError | tuple[str, ...]]]) -> Ledger:
        """The ledger after reading: an error turns the rows of its item's files into `failed`, notes are added.

        A file that serves several items has failed where one of them has.

        Raises:
            KeyError: A path has no row: an input would go uncounted.
        """
        rows = {row.path: row for row in self.rows}
        for item, outcome in outcomes:
            for path in map(str, item.paths):
                rows[path] = after(rows[path], outcome)
        return Ledger(tuple(rows.values()))

    def table(self) -> pd.DataFrame:
        """One row an input, all columns text, each cell on one printable line; notes joined by `; `."""
        return pd.DataFrame([cells_of(row) for row in self.rows], columns=list(COLUMNS), dtype="str")

    def write(self, folder: Path) -> None:
        """Write `ledger.csv` and `ledger.parquet` into `folder`, each whole or not at all and for its owner alone.

        Cells of the CSV that a spreadsheet would run as formulas begin with ``'``; the Parquet file
        holds them as they are.

        Raises:
            OutputError: The folder cannot be written to.
        """
        with written_ledger(folder) as take:
            for row in self.rows:
                take(row)


def ledger_of(
    items: Iterable[Item], excluded: Iterable[tuple[str, Excluded]], failed: Iterable[tuple[str, Failed]]
) -> Ledger:
    """The ledger of what was found; what was not comes with the name of its loader, or an empty one.

    Raises:
        ValueError: A file has two rows: it was read and left out, say.
    """
    served: dict[str, LedgerRow] = {}
    for item in items:
        for path in map(str, item.paths):
            seen = served.get(path)
            notes = item.notes if seen is None else (*seen.notes, *item.notes)
            row = _row(path, item.loader, item.facts)
            served[path] = replace(row, notes=tuple(dict.fromkeys(notes)))
    rows = list(served.values())
    rows += [
        LedgerRow(path=str(entry.path), loader=loader, status="excluded", code=entry.rule, reason=entry.reason)
        for loader, entry in excluded
    ]
    rows += [after(_row(str(entry.path), loader, entry.facts), entry.error) for loader, entry in failed]
    doubled = [path for path, count in Counter(row.path for row in rows).items() if count > 1]
    if doubled:
        msg = f"two rows for {doubled[:_NAMED]}"
        raise ValueError(msg)
    return Ledger(tuple(sorted(rows, key=lambda row: row.path)))


def failure_beyond(ledger: Ledger, allow_failures: int | None) -> FailedCasesError | None:
    """Say which files failed where there are more of them than allowed, for a caller that has more to say first.

    Args:
        ledger: What became of each input.
        allow_failures: How many failed files are acceptable; None means none.

    Returns:
        The error that `require_allowed` raises, naming the first few files; None where the ledger is acceptable.
    """
    tally = Tally()
    for row in ledger.rows:
        tally.take(row)
    return tally.failure_beyond(allow_failures)


def require_allowed(ledger: Ledger, allow_failures: int | None) -> None:
    """Accept the ledger, or say which files failed.

    Raises:
        FailedCasesError: More files failed than `allow_failures`; see `failure_beyond`.
    """
    error = failure_beyond(ledger, allow_failures)
    if error is not None:
        raise error


def after(row: LedgerRow, outcome: MedTransferError | tuple[str, ...]) -> LedgerRow:
    """The row with what reading said: failed with the first error, or read with more notes."""
    if not isinstance(outcome, MedTransferError):
        return replace(row, notes=tuple(dict.fromkeys((*row.notes, *outcome))))
    if row.status == "failed":
        return row
    elsewhere = f"{outcome.path}: " if outcome.path and outcome.path != row.path else ""
    return replace(
        row,
        status="failed",
        code=outcome.code,
        stage=outcome.stage,
        reason=elsewhere + outcome.message,
        hint=outcome.hint or "",
    )


def _row(path: str, loader: str, facts: Mapping[str, str]) -> LedgerRow:
    return LedgerRow(
        path=path,
        loader=loader,
        study_id=facts.get("study_uid", ""),
        series_uid=facts.get("series_uid", ""),
        patient_id=facts.get("patient_id", ""),
    )
