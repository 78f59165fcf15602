"""A ledger read back from the table that was written of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final, get_args

from medtransfer.core.errors import OutputError
from medtransfer.core.inert import FORMULA_STARTS
from medtransfer.core.results import Status
from medtransfer.data.ledger import Ledger
from medtransfer.data.ledger_row import COLUMNS, LedgerRow

NAME: Final = "ledger.csv"
_STATUSES: Final = frozenset(get_args(Status))


def read_ledger(path: Path) -> Ledger:
    """Read `ledger.csv`, or the one in the folder `path`: the same rows that were written.

    Raises:
        OutputError: `NotFound`, `Unreadable`, or `NotALedger`.
    """
    path = path / NAME if path.is_dir() else path
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True))
    except FileNotFoundError as error:
        raise OutputError(
            "there is no ledger", code="NotFound", path=path, hint="`inspect`, `fit` and `predict` each write one."
        ) from error
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise OutputError(reason, code="Unreadable", path=path, hint="Check the permissions.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_ledger(path, str(error)) from error
    if not rows or tuple(rows[0]) != COLUMNS:
        raise _no_ledger(path, f"its columns are not {', '.join(COLUMNS)}")
    return Ledger(tuple(_row(path, number, cells) for number, cells in enumerate(rows[1:], start=2)))


def _row(path: Path, number: int, cells: list[str]) -> LedgerRow:
    if len(cells) != len(COLUMNS):
        raise _no_ledger(path, f"row {number} has {len(cells)} cells")
    said = dict(zip(COLUMNS, map(restored, cells), strict=True))
    status, notes = said.pop("status"), said.pop("notes")
    if status not in _STATUSES:
        raise _no_ledger(path, f"row {number} has the status {status!r}")
    return LedgerRow(**said, status=status, notes=tuple(filter(None, notes.split("; "))))  # pyright: ignore[reportArgumentType]


def restored(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from running it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def _no_ledger(path: Path, why: str) -> OutputError:
    return OutputError(
        f"is no ledger: {why}", code="NotALedger", path=path, hint="Write it again with the command that made it."
    )
