"""Values of an attribute as the names of groups: ages in bands, dates by year, other numbers by quartiles.

Every function takes the values of a column where they are known, as text, and answers with the group of each, or with
None where the column is not of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import isfinite
from typing import Final

import numpy as np
from jaxtyping import Float64

Numbers = Float64[np.ndarray, " value"]
"""NaN where a value is no number."""

AGES: Final = (18.0, 40.0, 65.0)
"""Years at which a new band begins."""

FEWEST_NUMBERS: Final = 9
"""Numbers with fewer different values, such as field strengths, are groups as they are."""

NO_NUMBER: Final = "no number"
NO_DATE: Final = "no date"

_AGE_BANDS: Final = ("< 18", "18–39", "40–64", "≥ 65")
_OLDEST: Final = 150.0
_DICOM_AGE: Final = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_PER_YEAR: Final = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_AGE_NAME: Final = re.compile(r"(^|[^a-z])ages?($|[^a-z])", re.IGNORECASE)
_OTHER_UNIT: Final = re.compile(r"month|week|day", re.IGNORECASE)
_DATE_NAME: Final = re.compile(r"(^|[^a-z])date($|[^a-z])", re.IGNORECASE)
_DATE: Final = re.compile(r"(\d{4})-?(\d{2})(?:-?(\d{2}))?(?:[T ].*)?", re.ASCII)
_DIGITS: Final = 4
"""Significant digits of a cut between quartiles; it is rounded before it is used, so that its name is exact."""


@dataclass(frozen=True, kw_only=True)
class Banded:
    """The group of each value, and how groups were made."""

    of_value: tuple[str, ...]
    order: tuple[str, ...]
    """All groups there could be, in their own order."""
    rule: str


def age_bands(name: str, values: Sequence[str]) -> Banded | None:
    """Ages in years, plain or as DICOM writes them (`063Y`, `018M`), in bands; None where they are no ages.

    A column holds ages where it is called so and most of its values are numbers, or where every value is written as
    DICOM writes ages. One that is called after another unit (`age_months`) does not hold years.
    """
    written = [_DICOM_AGE.fullmatch(value) for value in values]
    called = _AGE_NAME.search(_spaced(name)) and not _OTHER_UNIT.search(name)
    if not all(written) and not called:
        return None
    years = np.array([_years(value) for value in values], dtype=np.float64)
    if 2 * np.isfinite(years).sum() < len(values):
        return None
    return Banded(
        of_value=_named(years, AGES, _AGE_BANDS, otherwise=NO_NUMBER),
        order=(*_AGE_BANDS, NO_NUMBER),
        rule="age in years, in bands",
    )


def years(name: str, values: Sequence[str]) -> Banded | None:
    """Dates (`2024-03-09`, `20240309`, `2024-03`) by their year; None where they are no dates.

    A column holds dates where it is called so and most of its values are dates, or where all are, with hyphens.
    """
    found = [_year(value) for value in values]
    hyphened = all(found) and all("-" in value for value in values)
    if not hyphened and (not _DATE_NAME.search(_spaced(name)) or 2 * sum(map(bool, found)) < len(values)):
        return None
    of_value = tuple(year or NO_DATE for year in found)
    return Banded(of_value=of_value, order=(*sorted(set(filter(None, found))), NO_DATE), rule="date by year")


def quartiles(values: Sequence[str]) -> Banded | None:
    """Numbers by their quartiles, where they have `FEWEST_NUMBERS` different values or more; else None.

    A value that equals a cut belongs above it. Equal values are never separated, and the lowest alone may make up the
    first group, so there may be less than four.
    """
    numbers = np.array([_number(value) for value in values], dtype=np.float64)
    if not np.isfinite(numbers).all() or np.unique(numbers).size < FEWEST_NUMBERS:
        return None
    second = numbers[numbers > numbers.min()].min()
    cuts = sorted({float(f"{max(cut, second):.{_DIGITS}g}") for cut in np.quantile(numbers, [0.25, 0.5, 0.75])})
    marks = [f"{cut:.{_DIGITS}g}" for cut in cuts]
    between = [f"{low} to < {high}" for low, high in pairwise(marks)]
    names = (f"< {marks[0]}", *between, f"≥ {marks[-1]}")
    of_value = _named(numbers, cuts, names, otherwise=NO_NUMBER)
    return Banded(of_value=of_value, order=names, rule="numbers by quartiles of these studies")


def _named(numbers: Numbers, cuts: Sequence[float], names: tuple[str, ...], *, otherwise: str) -> tuple[str, ...]:
    places = np.searchsorted(np.asarray(cuts), numbers, side="right")
    known = np.isfinite(numbers)
    return tuple(names[int(place)] if is_known else otherwise for place, is_known in zip(places, known, strict=True))


def _years(value: str) -> float:
    """An age in years; NaN where it is none."""
    if match := _DICOM_AGE.fullmatch(value):
        return int(match[1]) / _PER_YEAR[match[2]]
    age = _number(value)
    return age if 0 <= age <= _OLDEST else float("nan")


def _number(value: str) -> float:
    """A finite number, or NaN."""
    try:
        found = float(value)
    except ValueError:
        return float("nan")
    return found if isfinite(found) and "_" not in value else float("nan")


def _year(value: str) -> str:
    match = _DATE.fullmatch(value)
    if match is None:
        return ""
    try:
        return f"{date(int(match[1]), int(match[2]), int(match[3] or 1)).year:04d}"
    except ValueError:
        return ""


def _spaced(name: str) -> str:
    """`PatientAge` → `Patient Age`, `patient_age` → `patient age`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ")
