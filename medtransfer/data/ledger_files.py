"""A ledger on disk, written row by row: `ledger.csv`, and `ledger.parquet` with the same cells."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from medtransfer.core.files import written_whole
from medtransfer.core.inert import csv_cell
from medtransfer.data.ledger_row import COLUMNS, LedgerRow, cells_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_GROUP: Final = 4096
"""Rows that are held, and that a group of the Parquet file has."""

_SCHEMA: Final = pa.schema([(name, pa.large_string()) for name in COLUMNS])


@contextmanager
def written_ledger(folder: Path) -> Iterator[Callable[[LedgerRow], None]]:
    """Give what takes the rows; both files are there once the block is left without an error.

    Each is written whole or not at all and for its owner alone. Cells of the CSV that a spreadsheet would run as
    formulas begin with ``'``; the Parquet file holds them as they are.

    Raises:
        OutputError: The folder cannot be written to.
    """
    held: list[list[str]] = []
    with (
        written_whole(folder / "ledger.csv", private=True) as table,
        written_whole(folder / "ledger.parquet", private=True) as parquet,
        table.open("w", encoding="utf-8", newline="") as handle,
        ParquetWriter(parquet, _SCHEMA) as groups,
    ):
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)

        def flush() -> None:
            if held:
                columns = map(list, zip(*held, strict=True))
                groups.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True)), schema=_SCHEMA))
                held.clear()

        def take(row: LedgerRow) -> None:
            cells = cells_of(row)
            writer.writerow([csv_cell(cell) for cell in cells])
            held.append(cells)
            if len(held) >= _GROUP:
                flush()

        yield take
        flush()
