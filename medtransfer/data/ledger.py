"""What became of each input: one row a file, and counts that reconcile.

inputs = read + excluded + failed
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from medtransfer.core.errors import FailedCasesError, MedTransferError
from medtransfer.core.files import write_text, written_whole
from medtransfer.core.inert import csv_cell, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from medtransfer.core.results import Status
    from medtransfer.data.found import Excluded, Failed, Item

COLUMNS = ("path", "loader", "status", "code", "reason", "hint", "study_id", "patient_id", "notes")
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One input.

    Attributes:
        path: The file, as it was found.
        loader: Who looked at it; empty where no loader knows the format.
        status: `read`, `excluded` by a rule, or `failed`.
        code: The rule or the error's code; empty where it was read.
        reason: The rule's or error's words.
        hint: What to do about it.
        study_id: StudyInstanceUID, where the file says.
        patient_id: PatientID, where the file says.
        notes: What was noticed and not acted on.
    """

    path: str
    loader: str = ""
    status: Status = "read"
    code: str = ""
    reason: str = ""
    hint: str = ""
    study_id: str = ""
    patient_id: str = ""
    notes: tuple[str, ...] = ()


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

    def with_outcomes(self, outcomes: Mapping[Path, MedTransferError | tuple[str, ...]]) -> Ledger:
        """The ledger after reading: an error turns its file's row into `failed`, notes are added.

        Raises:
            KeyError: A path has no row: an input would go uncounted.
        """
        waiting = {str(path): outcome for path, outcome in outcomes.items()}
        rows = tuple(_after(row, waiting.pop(row.path)) if row.path in waiting else row for row in self.rows)
        if waiting:
            raise KeyError(sorted(waiting))
        return Ledger(rows)

    def table(self) -> pd.DataFrame:
        """One row an input, all columns text, each cell on one printable line; notes joined by `; `."""
        return pd.DataFrame([_cells(row) for row in self.rows], columns=list(COLUMNS), dtype="str")

    def write(self, folder: Path) -> None:
        """Write `ledger.csv` and `ledger.parquet` into `folder`, each whole or not at all.

        Cells of the CSV that a spreadsheet would run as formulas begin with ``'``; the Parquet file
        holds them as they are.

        Raises:
            OutputError: The folder cannot be written to.
        """
        content = io.StringIO()
        writer = csv.writer(content, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([csv_cell(cell) for cell in _cells(row)] for row in self.rows)
        write_text(folder / "ledger.csv", content.getvalue())
        with written_whole(folder / "ledger.parquet") as temporary:
            self.table().to_parquet(temporary, index=False)


def ledger_of(
    items: Iterable[Item], excluded: Iterable[tuple[str, Excluded]], failed: Iterable[tuple[str, Failed]]
) -> Ledger:
    """The ledger of what was found; what was not comes with the name of its loader, or an empty one.

    Raises:
        ValueError: A file has two rows.
    """
    rows = [
        LedgerRow(
            path=str(item.path),
            loader=item.loader,
            study_id=item.facts.get("study_uid", ""),
            patient_id=item.facts.get("patient_id", ""),
        )
        for item in items
    ]
    rows += [
        LedgerRow(path=str(entry.path), loader=loader, status="excluded", code=entry.rule, reason=entry.reason)
        for loader, entry in excluded
    ]
    rows += [_after(LedgerRow(path=str(entry.path), loader=loader), entry.error) for loader, entry in failed]
    doubled = [path for path, count in Counter(row.path for row in rows).items() if count > 1]
    if doubled:
        msg = f"two rows for {doubled[:_NAMED]}"
        raise ValueError(msg)
    return Ledger(tuple(sorted(rows, key=lambda row: row.path)))


def require_allowed(ledger: Ledger, allow_failures: int | None) -> None:
    """Accept the ledger, or say which files failed.

    Args:
        ledger: What became of each input.
        allow_failures: How many failed files are acceptable; None means none.

    Raises:
        FailedCasesError: More files failed than that; the first few are named.
    """
    failed = ledger.failed()
    allowed = allow_failures or 0
    if len(failed) <= allowed:
        return
    named = "; ".join(f"{one_line(row.path)} [{row.code}]" for row in failed[:_NAMED])
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    raise FailedCasesError(
        f"{len(failed)} of {len(ledger.rows)} inputs failed, {allowed} allowed: {named}{more}",
        code="FailedCases",
        hint=f"Mend or remove these files (see ledger.csv), or accept them: --allow-failures {len(failed)}.",
    )


def _after(row: LedgerRow, outcome: MedTransferError | tuple[str, ...]) -> LedgerRow:
    if isinstance(outcome, MedTransferError):
        return replace(row, status="failed", code=outcome.code, reason=outcome.message, hint=outcome.hint or "")
    return replace(row, notes=(*row.notes, *outcome))


def _cells(row: LedgerRow) -> list[str]:
    cells = [getattr(row, column) for column in COLUMNS]
    joined = ["; ".join(cell) if isinstance(cell, tuple) else cell for cell in cells]
    return [one_line(cell, limit=None) for cell in joined]
