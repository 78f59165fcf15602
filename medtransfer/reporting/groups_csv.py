"""Figures by subgroup and by site as a table for programs: a row a figure of a group."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from medtransfer.core.inert import csv_cell

if TYPE_CHECKING:
    from medtransfer.core.evaluated.heterogeneity import Figure, Subgroup, Subgroups

CSV_NAME: Final = "groups.csv"

COLUMNS: Final = (
    "attribute",
    "class",
    "prespecified",
    "group",
    "studies",
    "events",
    "patients",
    "name",
    "value",
    "low",
    "high",
    "level",
    "difference",
    "difference_low",
    "difference_high",
    "p",
    "p_holm",
    "note",
)
"""`group` is `all` for all studies; differences are from all other studies."""


def groups_csv(records: Sequence[Subgroups]) -> str:
    """Every figure of every group (`COLUMNS`); where there is no figure or difference, `note` says why."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        for group in (record.everyone, *record.groups):
            writer.writerows([csv_cell(cell) for cell in row] for row in _rows(record, group))
    return buffer.getvalue()


def _rows(record: Subgroups, group: Subgroup) -> Iterator[tuple[object, ...]]:
    whose = (record.attribute, record.of or "", record.prespecified, group.name, group.n, group.events, group.patients)
    yield from ((*whose, *_cells(one)) for one in group.figures)


def _cells(one: Figure) -> tuple[object, ...]:
    own, contrast = one.estimate, one.contrast
    there = contrast.difference if contrast else None
    notes = filter(None, dict.fromkeys([own.note, there.note if there else ""]))
    return (
        *(own.name, own.value, own.low, own.high, own.level),
        *((there.value, there.low, there.high) if there else (None, None, None)),
        *((contrast.p, contrast.p_holm) if contrast else (None, None)),
        "; ".join(notes),
    )
