"""The prediction table as CSV: text in quotes, numbers bare in the shortest form that reads back to the same float64.

So `007` stays `007`. A text that begins like a spreadsheet formula (`= + - @`, tab, return) or with an apostrophe gets
one apostrophe in front, taken off again on reading.

Reference: OWASP, "CSV Injection"; RFC 4180.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from medtransfer.core.inert import FORMULA_STARTS
from medtransfer.core.results import PROBABILITY, UNCALIBRATED
from medtransfer.evaluation.cases import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NUMBERS: Final = (PROBABILITY, UNCALIBRATED)
_NEUTRALISED: Final = (*FORMULA_STARTS, "'")


def csv_bytes(table: pd.DataFrame) -> bytes:
    """The table as it is written: UTF-8, line feeds, every column in its place, rows in their order."""
    out = io.StringIO(newline="")
    write_table(out, table)
    return out.getvalue().encode()


def write_table(out: io.TextIOBase, table: pd.DataFrame) -> None:
    """Write a table that is in memory."""
    writer = _writer(out, [str(name) for name in table.columns])
    columns = [_cells(table[name], str(name)) for name in table.columns]
    writer.writerows(zip(*columns, strict=True))


def row_writer(out: io.TextIOBase, columns: Sequence[str]) -> Callable[[Mapping[str, Any]], None]:
    """Write the head, and give what writes a row; a row that lacks a number leaves its cell empty."""
    writer = _writer(out, columns)

    def write(row: Mapping[str, Any]) -> None:
        writer.writerow(
            [row.get(name) if name.startswith(_NUMBERS) else _neutralise(str(row[name])) for name in columns]
        )

    return write


def parse(content: str) -> pd.DataFrame:
    """The table as it was: texts as text, numbers as float64, empty ones as NaN.

    Raises:
        ValueError: It is no such table.
        csv.Error: It is no CSV.
    """
    head, *rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    columns = zip(*rows, strict=True) if rows else ([] for _ in head)
    return pd.DataFrame(
        {_restore(name): _column(_restore(name), cells) for name, cells in zip(head, columns, strict=True)}
    )


def _writer(out: io.TextIOBase, columns: Sequence[str]) -> Any:
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([_neutralise(name) for name in columns])
    return writer


def _cells(column: pd.Series, name: str) -> list[str] | list[float | None]:
    if name.startswith(_NUMBERS):
        return [None if pd.isna(value) else float(value) for value in column]
    return [_neutralise(value) for value in as_text(column)]


def _column(name: str, cells: tuple[str, ...] | list[str]) -> pd.Series:
    if name.startswith(_NUMBERS):
        return pd.Series([float(cell) if cell else float("nan") for cell in cells], dtype="float64")
    return pd.Series([_restore(cell) for cell in cells], dtype=object)


def _neutralise(text: str) -> str:
    return f"'{text}" if text.startswith(_NEUTRALISED) else text


def _restore(text: str) -> str:
    return text.removeprefix("'")
