"""Months, quarters and years, whichever is the shortest of which half have enough patients."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import pandas as pd

from medtransfer.core.types import Groups
from medtransfer.data.spectrum import month_of

Unit = Literal["month", "quarter", "year"]
UNITS: Final[tuple[Unit, ...]] = ("month", "quarter", "year")

ENOUGH: Final = 20
"""Patients of a period: with fewer, its intervals are too wide to see anything move."""


def unit_for(days: pd.Series, groups: Groups) -> Unit:
    """The shortest unit of which half of the periods that occur have `ENOUGH` patients; else years."""
    for unit in UNITS:
        patients = pd.DataFrame({"period": named(days, unit), "patient": groups})
        sizes = patients[patients["period"] != ""].groupby("period")["patient"].nunique()
        if len(sizes) and np.median(sizes) >= ENOUGH:
            return unit
    return "year"


def named(days: pd.Series, unit: Unit) -> pd.Series:
    """The period of each day: `2024-03`, `2024-Q1`, `2024`, or empty; names sort by time."""
    names = {day: _shortened(month_of(str(day)), unit) for day in days.unique()}
    return days.map(lambda day: names[day])


def _shortened(month: str, unit: Unit) -> str:
    if not month or unit == "month":
        return month
    return month[:4] if unit == "year" else f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}"
