"""Missing data on the page: a row a column, a column a group of studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import label

if TYPE_CHECKING:
    from medtransfer.core.evaluated.accounts import MissingRow, MissingTable

UNEVEN: Final = 0.05
"""Shares of two classes that differ by more are pointed out."""

_CLASS: Final = "read, "


@dataclass(frozen=True, kw_only=True)
class Row:
    """One column of the table; cells by group, `12 (3 %)`."""

    name: str
    cells: tuple[str, ...]
    uneven: bool


def missing_section(record: MissingTable) -> Section:
    """The part of the page."""
    rows = [_row(record, one) for one in record.rows if one.missing.get("all")]
    return section(
        "missing",
        "Missing data",
        groups=record.groups,
        rows=rows,
        complete=[label(one.name) for one in record.rows if not one.missing.get("all")],
        uneven=any(row.uneven for row in rows),
    )


def _row(record: MissingTable, one: MissingRow) -> Row:
    shares = [
        one.missing[name] / n
        for name, n in record.groups.items()
        if n and name.startswith(_CLASS) and name != "read, truth unknown"
    ]
    uneven = len(shares) > 1 and max(shares) - min(shares) > UNEVEN
    cells = tuple(_cell(one.missing[name], n) for name, n in record.groups.items())
    return Row(name=label(one.name), cells=cells, uneven=uneven)


def _cell(missing: int, n: int) -> str:
    return f"{missing:,} ({100 * missing / n:.0f} %)" if n and missing else "0" if n else "–"
