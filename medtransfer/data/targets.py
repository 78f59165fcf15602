"""From the labels of a cohort table to what a network is trained on.

The column `label` holds one class name, or, for several labels at once, what is known of each of them, such as
`pneumonia=1;effusion=0`: labels that are not named, or all where the cell is empty, are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from jaxtyping import Int64

from medtransfer.core.types import UNKNOWN, StudyTargets, Task

ClassCounts = Int64[np.ndarray, " class"]
LabelledCases = Int64[np.ndarray, " known"]

BETWEEN: Final = ";"
IS: Final = "="
_PART: Final = re.compile(f"([^{BETWEEN}{IS}]+){IS}[01]")


def label_text(known: Mapping[str, bool]) -> str:
    """Several labels in one cell: `pneumonia=1;effusion=0`."""
    return BETWEEN.join(f"{name}{IS}{int(present)}" for name, present in known.items())


def is_label_text(cell: str) -> bool:
    """Is it written as `label_text` writes, no label twice?"""
    parts = [_PART.fullmatch(part) for part in cell.split(BETWEEN)]
    names = [part[1] for part in parts if part]
    return len(names) == len(parts) == len(set(names))


def known_labels(cell: str) -> dict[str, bool]:
    """What a cell of several labels says: name → is it there?"""
    pairs = (part.rpartition(IS) for part in cell.split(BETWEEN) if part)
    return {name: value == "1" for name, _, value in pairs}


def strange_labels(cells: Iterable[str], classes: Sequence[str], task: Task) -> list[str]:
    """Cells that are neither empty nor an answer to the question, each once and sorted."""
    if task != "multilabel":
        return sorted(set(cells) - {"", *classes})
    return sorted(
        cell for cell in set(cells) - {""} if not (is_label_text(cell) and known_labels(cell).keys() <= set(classes))
    )


def targets_of(cells: Iterable[str], classes: Sequence[str], task: Task) -> StudyTargets:
    """Index of the class of each case, or `UNKNOWN` where the cell is empty.

    Of several labels 1, 0 or NaN (unknown) each, `case label`.
    """
    if task != "multilabel":
        codes = {"": UNKNOWN} | {name: index for index, name in enumerate(classes)}
        return np.array([codes[cell] for cell in cells], dtype=np.int64)
    said = [known_labels(cell) for cell in cells]
    return np.array([[row.get(name, np.nan) for name in classes] for row in said], dtype=np.float32).reshape(
        len(said), len(classes)
    )


def counts(targets: StudyTargets, classes: int) -> ClassCounts:
    """Cases of each class; of several labels those that have each of them."""
    if targets.ndim == 1:
        return np.bincount(targets[targets != UNKNOWN].astype(np.int64), minlength=classes)
    return np.nansum(targets, axis=0).astype(np.int64)


def absences(targets: StudyTargets) -> ClassCounts:
    """Of several labels, `case label`: cases that are known not to have each of them."""
    return np.nansum(1 - targets, axis=0).astype(np.int64)


def labelled(targets: StudyTargets) -> LabelledCases:
    """Which cases have a label, or one of several, that somebody knows."""
    known = targets != UNKNOWN if targets.ndim == 1 else ~np.isnan(targets).all(axis=1)
    return np.flatnonzero(known)


def events(targets: StudyTargets, classes: int) -> int:
    """Cases of the rarest class; of several labels the fewest that have, or do not have, any one of them."""
    if targets.ndim == 1:
        return int(counts(targets, classes).min(initial=len(targets)))
    return int(min(counts(targets, classes).min(), absences(targets).min()))
