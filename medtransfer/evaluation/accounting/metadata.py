"""What the table says of a study as numbers: words one-hot with the unknown as a word of its own, numbers as they are.

    age → (value or the mean, is it missing?)        site → a column a word that `FEWEST` studies share

The mean stands for a missing number only beside the column that says so.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from jaxtyping import Float64

from medtransfer.core.types import Task
from medtransfer.data.dicom.tags import iso_date
from medtransfer.data.spectrum import LABEL, described, numbers

Encoded = Float64[np.ndarray, "case feature"]

FEWEST: Final = 5
"""Studies that must share a word for it to have a column of its own."""

MOST: Final = 20
"""Columns of one attribute."""

DATE: Final = "date"


def encoded(rows: pd.DataFrame, *, classes: tuple[str, ...], task: Task) -> dict[str, Encoded]:
    """Every attribute that varies, by its name: site, date, and what else is not the label."""
    columns = described(rows, classes=classes, task=task)
    found = {name: _columns(cells) for name, cells in columns.items() if not _is_label(name)}
    if DATE in rows:
        days = [_day(str(cell)) for cell in rows[DATE]]
        found[DATE] = _of_numbers(np.array(days, dtype=np.float64))
    return {name: values for name, values in found.items() if values.shape[1]}


def _is_label(name: str) -> bool:
    return name == LABEL or name.startswith(f"{LABEL}: ")


def _columns(cells: pd.Series) -> Encoded:
    values = numbers(cells)
    if values is not None and np.unique(values[~np.isnan(values)]).size > 2:
        return _of_numbers(values)
    tally = cells.value_counts()
    named = [word for word in tally.index if tally[word] >= FEWEST][:MOST]
    columns = [(cells == word).to_numpy(dtype=np.float64) for word in sorted(named)]
    return _varying(np.column_stack(columns) if columns else np.empty((len(cells), 0)))


def _of_numbers(values: Float64[np.ndarray, " case"]) -> Encoded:
    missing = np.isnan(values)
    if missing.all():
        return np.empty((values.size, 0))
    return _varying(np.column_stack([np.where(missing, values[~missing].mean(), values), missing]).astype(np.float64))


def _varying(values: Encoded) -> Float64[np.ndarray, "case varying"]:
    return values[:, np.ptp(values, axis=0) > 0] if len(values) else values


def _day(cell: str) -> float:
    """Days since the year 1; NaN where there is no date."""
    found = iso_date(cell.strip()[:10]) or iso_date(cell.strip()[:8])
    return float(date.fromisoformat(found).toordinal()) if found else np.nan
