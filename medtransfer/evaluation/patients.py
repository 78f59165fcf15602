"""How many patients there are."""

from __future__ import annotations

from typing import Final

import numpy as np

from medtransfer.core.types import Groups

_DENSE: Final = 4
"""Codes up to so many times the number of studies are counted in place; only others are sorted."""


def patient_count(groups: Groups) -> int:
    """Patients among these studies."""
    if _dense(groups):
        return int(np.count_nonzero(np.bincount(groups)))
    ordered = np.sort(groups)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + bool(groups.size)


def numbered(groups: Groups) -> tuple[Groups, int]:
    """The same patients as 0, 1, … in the order of their codes, and how many there are."""
    if not _dense(groups):
        patients, position = np.unique(groups, return_inverse=True)
        return position.astype(np.int64), int(patients.size)
    there = np.bincount(groups) > 0
    count = int(np.count_nonzero(there))
    if count == there.size:
        return groups, count
    return (np.cumsum(there) - 1)[groups], count


def _dense(groups: Groups) -> bool:
    return bool(groups.size) and int(groups.min()) >= 0 and int(groups.max()) < _DENSE * groups.size
