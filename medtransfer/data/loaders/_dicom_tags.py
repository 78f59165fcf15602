"""Values of DICOM elements as plain Python values, or a typed error that names the element."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pydicom.multival import MultiValue

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

_YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def first(dataset: Dataset, keyword: str) -> Any:
    """Value of an element, the first of several; None where it is absent or empty."""
    value = dataset.get(keyword)
    if isinstance(value, MultiValue | list | tuple):
        value = value[0] if len(value) else None
    return None if value is None or value == "" else value


def text(dataset: Dataset, keyword: str) -> str:
    """First value as one printable line; empty where it is absent."""
    value = first(dataset, keyword)
    return "" if value is None else one_line(str(value))


def words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values of a code string, in capitals."""
    value = dataset.get(keyword)
    several = value if isinstance(value, MultiValue | list | tuple) else [value]
    return tuple(one_line(str(word)).upper() for word in several if word not in {None, ""})


def number(dataset: Dataset, keyword: str, path: Path) -> float | None:
    """First value as a number; None where it is absent or empty.

    Raises:
        ReadError: `BadTag`: it is no number.
    """
    try:
        value = first(dataset, keyword)
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ReadError(
            f"{keyword} is no number: {one_line(str(error))}",
            code="BadTag",
            path=path,
            hint="Export the image again from its source.",
        ) from error


def required(dataset: Dataset, keyword: str, path: Path) -> int:
    """First value as a whole number.

    Raises:
        ReadError: `MissingTag` where it is absent, `BadTag` where it is no whole number.
    """
    value = number(dataset, keyword, path)
    if value is None:
        raise missing(keyword, path)
    if value != int(value):
        raise ReadError(f"{keyword} is {value:g}, no whole number", code="BadTag", path=path)
    return int(value)


def missing(keyword: str, path: Path) -> ReadError:
    """The error for an element that an image must have."""
    return ReadError(
        f"{keyword} is missing", code="MissingTag", path=path, hint="Export the image again from its source."
    )


def age_in_years(age: str) -> str:
    """An age string (`045Y`, `018M`) in years (`45`, `1.5`); empty where it is none. Reference: PS3.5, AS."""
    digits, unit = age[:-1], age[-1:].upper()
    if unit not in _YEARS_PER or not digits.isdecimal():
        return ""
    return f"{int(digits) * _YEARS_PER[unit]:.3g}"


def iso_date(day: str) -> str:
    """A DICOM date (`20240131`, of old `2024.01.31`) in ISO form; empty where it is none."""
    try:
        return date.fromisoformat(day.replace(".", "-")).isoformat()
    except ValueError:
        return ""
