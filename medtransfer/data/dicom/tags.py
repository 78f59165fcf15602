"""Values of DICOM elements as plain Python values, or a typed error that names the element.

Every function takes our own `Elements`, a pydicom `Dataset`, or anything else whose `get(keyword)` gives a value.
"""

from __future__ import annotations

from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from pydicom.multival import MultiValue

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line
from medtransfer.data.dicom.elements import Elements
from medtransfer.data.dicom.wanted import BLOCKS, PRIVATE

if TYPE_CHECKING:
    from pathlib import Path

ABSURD: Final = 1e30
"""No number of a header is larger: its product with a stored value would leave the floating-point range."""

_SEVERAL: Final = (list, tuple, MultiValue)
_SINGLE: Final = frozenset({int, float, str, type(None)})
"""What a single value is, nearly always: asked first, since asking whether something is a pydicom list is slow."""

_YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def first(dataset: Any, keyword: str) -> Any:
    """Value of an element, the first of several; None where it is absent or empty."""
    value = dataset.get(keyword)
    if type(value) not in _SINGLE and isinstance(value, _SEVERAL):
        value = value[0] if len(value) else None
    return None if value is None or value == "" else value


def text(dataset: Any, keyword: str) -> str:
    """First value as one printable line; empty where it is absent."""
    if isinstance(dataset, Elements):  # a number as the file spells it, as pydicom's own numbers are shown
        return dataset.line(keyword)
    value = first(dataset, keyword)
    return "" if value is None else one_line(str(value))


def words(dataset: Any, keyword: str) -> tuple[str, ...]:
    """All values of a code string, in capitals."""
    value: Any = dataset.get(keyword)
    several = value if isinstance(value, _SEVERAL) else [value]
    return tuple(one_line(str(word)).upper() for word in several if word not in {None, ""})


def number(dataset: Any, keyword: str, path: Path) -> float | None:
    """First value as a number; None where it is absent or empty.

    Raises:
        ReadError: `BadTag`: it is no number.
    """
    try:
        value = dataset.get(keyword)
        if type(value) is float:
            return value
        value = first(dataset, keyword)
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise bad_number(f"{keyword} is no number: {one_line(str(error))}", path) from error


def numbers(dataset: Any, keyword: str, count: int, path: Path) -> tuple[float, ...] | None:
    """All values as finite numbers; None where the element is absent or empty.

    Raises:
        ReadError: `BadTag`: there are not `count` of them, or one is no finite number.
    """
    try:
        value = dataset.get(keyword)
        if value is None or (type(value) is not list and value == ""):
            return None
        parts: Any = value if isinstance(value, _SEVERAL) else (value,)
        several = tuple(map(float, parts))
    except (TypeError, ValueError, OverflowError) as error:
        raise bad_number(f"{keyword} is no number: {one_line(str(error))}", path) from error
    if not several:
        return None
    if len(several) != count or not all(isfinite(value) and abs(value) < ABSURD for value in several):
        shown = ", ".join(f"{value:g}" for value in several[:8])
        raise bad_number(f"{keyword} is {shown}, not {count} finite numbers", path)
    return several


def private(dataset: Any, name: str) -> Any:
    """Value of a private element of the allow-list; None where its creator wrote none.

    Args:
        dataset: Elements, or a pydicom data set.
        name: Its name in `dicom/wanted.PRIVATE`.
    """
    if isinstance(dataset, Elements):
        return dataset.private(name)
    creator, group, low, _ = PRIVATE[name]
    for block in BLOCKS:
        if str(_value(dataset, group, block) or "").strip(" \0") == creator:
            value = _value(dataset, group, block << 8 | low)
            if value is not None and value != "":
                return value
    return None


def required(dataset: Any, keyword: str, path: Path) -> int:
    """First value as a whole number.

    Raises:
        ReadError: `MissingTag` where it is absent, `BadTag` where it is no whole number.
    """
    try:
        whole = dataset.get(keyword)
    except (TypeError, ValueError) as error:
        raise bad_number(f"{keyword} is no number: {one_line(str(error))}", path) from error
    if type(whole) is int:
        return whole
    value = number(dataset, keyword, path)
    if value is None:
        raise missing(keyword, path)
    if not value.is_integer():
        raise bad_number(f"{keyword} is {value:g}, no whole number", path)
    return int(value)


def bad_number(message: str, path: Path) -> ReadError:
    """The error for an element that holds no number, or none that can be used."""
    return ReadError(message, code="BadTag", path=path, hint="Export the image again from its source.")


def missing(keyword: str, path: Path) -> ReadError:
    """The error for an element that an image must have."""
    return ReadError(
        f"{keyword} is missing", code="MissingTag", path=path, hint="Export the image again from its source."
    )


def _value(dataset: Any, group: int, element: int) -> Any:
    found = dataset.get((group, element))
    return getattr(found, "value", found)


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
