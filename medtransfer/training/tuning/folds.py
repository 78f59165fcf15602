"""Parts of the patients, each held out once: for choosing a setting without the patients that will judge it.

What `test` and `calibration` hold stays locked: neither their rows nor other rows of their patients are in any part.
Within a fold the training rows keep their splits: `train` trains, `validation` chooses the epoch, and the part held
out does neither, so that its figures are not optimistic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from medtransfer.core.errors import CohortError
from medtransfer.data.cohort import Cohort, patients
from medtransfer.data.splits import k_folds
from medtransfer.data.targets import BETWEEN, IS

LOCKED = ("test", "calibration")
TRAINING = ("train", "validation")
"""Splits of the target that are dealt into parts."""


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One part held out, of the target and of every source.

    Attributes:
        target: The target's rows that are left for training.
        held_out: Its labelled rows that are not.
        sources: The same of the sources, by name.
        sources_held_out: By name.
    """

    target: Cohort
    held_out: Cohort
    sources: Mapping[str, Cohort]
    sources_held_out: Mapping[str, Cohort]


def folds_of(target: Cohort, sources: Mapping[str, Cohort], *, k: int, seed: int) -> tuple[Fold, ...]:
    """Deal the patients of every cohort into `k` parts, stratified by label (the target's by split, too).

    Args:
        target: Splits assigned.
        sources: By name.
        k: How many parts.
        seed: Of the dealing.

    Raises:
        CohortError: `TooFewPatients`: a part would lack a class.
    """
    dealt = _dealt(target, TRAINING, k, seed=seed, least=k)
    of_sources = {name: _dealt(source, ("", "train"), k, seed=seed, least=2) for name, source in sources.items()}
    return tuple(
        Fold(
            target=_without(target, dealt, part),
            held_out=_only(target, dealt, part),
            sources={name: _without(source, of_sources[name], part) for name, source in sources.items()},
            sources_held_out={name: _only(source, of_sources[name], part) for name, source in sources.items()},
        )
        for part in range(k)
    )


def unlocked(cohort: Cohort) -> Cohort:
    """The rows of patients none of whose rows is locked."""
    owners = patients(cohort.table)
    locked = set(owners[cohort.table["split"].isin(LOCKED)])
    return cohort.with_rows(cohort.table[~owners.isin(locked)])


def _dealt(cohort: Cohort, splits: tuple[str, ...], k: int, *, seed: int, least: int) -> dict[str, int]:
    """Part of each patient who has a labelled row in one of the splits."""
    free = unlocked(cohort).table
    rows = free[free["split"].isin(splits) & (free["label"] != "")]
    _check_classes(cohort, rows, k, least=least)
    mark = rows["split"].where(rows["split"] != "", "train")
    kinds = (
        rows["label"] + BETWEEN + mark + IS + "1"  # as one label more
        if cohort.task == "multilabel"
        else mark + " " + rows["label"]
    )
    parts = k_folds(rows.assign(label=kinds), k, seed=seed, task=cohort.task)
    return dict(zip(patients(rows), parts.tolist(), strict=True))


def _without(cohort: Cohort, dealt: Mapping[str, int], part: int) -> Cohort:
    """Everybody else's rows: those without a label, too, since terms on features may use them."""
    free = unlocked(cohort)
    return free.with_rows(free.table[_parts(free.table, dealt) != part])


def _only(cohort: Cohort, dealt: Mapping[str, int], part: int) -> Cohort:
    free = unlocked(cohort)
    return free.with_rows(free.table[(_parts(free.table, dealt) == part) & (free.table["label"] != "")])


def _parts(table: pd.DataFrame, dealt: Mapping[str, int]) -> np.ndarray:
    """Part of each row's patient; −1 where they were not dealt."""
    return np.array([dealt.get(owner, -1) for owner in patients(table)], dtype=np.int64)


def _check_classes(cohort: Cohort, rows: pd.DataFrame, k: int, *, least: int) -> None:
    """Refuse classes with too few patients to be in every part, or to be left when a part is taken out."""
    if cohort.task == "multilabel":
        return
    owners = patients(rows)
    for name in cohort.classes:
        of_class = rows["label"] == name
        count = owners[of_class].nunique()
        if count < least:
            raise CohortError(
                f"class '{name}' has {count} patients to train and to be held out, and {k} parts need {least}",
                code="TooFewPatients",
                path=cohort.source,
                hint=f"Use fewer parts (--folds {count})." if count >= 2 else "Label more studies of that class.",
            )
        alone = [s for s in TRAINING if owners[of_class & (rows["split"] == s)].nunique() == 1]
        if alone and least == k:
            raise CohortError(
                f"the split {alone[0]} has one patient of class '{name}', and would have none when they are held out",
                code="TooFewPatients",
                path=cohort.source,
                hint="Change split.validation in the plan, so that train and validation have two patients of each.",
            )
