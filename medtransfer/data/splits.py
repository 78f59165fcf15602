"""Who trains, who chooses, who judges: splits by patient, stratified by label.

Patients are grouped into strata by the set of classes they have; inside each stratum they are shuffled
and dealt out, so that classes are balanced over the splits as far as whole patients allow. Of several labels at
once there would be too many sets: shuffled patients are dealt out by iterative stratification instead, so that
studies known to have each label, and studies known not to have it, are shared out (`stratify.py`). The result
depends on the set of patients and the seed alone, never on the order of the rows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from medtransfer.core.errors import CohortError
from medtransfer.core.types import Task
from medtransfer.data.cohort import patients
from medtransfer.data.stratify import deal
from medtransfer.data.targets import BETWEEN, absences, counts, targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.core.config.data import SplitConfig
    from medtransfer.data.cohort import Cohort

BUDGET_RULE = "label_budget"
"""Rule under which labelled training studies beyond `labels_per_class` are left out."""


def assign_splits(cohort: Cohort, split: SplitConfig, *, seed: int, labels_per_class: int | None = None) -> Cohort:
    """Fill in the splits that the table leaves open.

    What the table says is kept, save that a table without `validation` rows takes them from `train`. An open
    labelled row of a patient who has a split elsewhere gets that one. A table without `test` rows gives up a
    `split.test` share of its patients for it, one without `calibration` rows a `split.calibration` share; then rows
    beyond the label budget keep an empty split, and `split.validation` of the remaining patients validate.

    Raises:
        CohortError: A class would have nobody in train, validation or test; of several labels, all training studies
            would have one, or none would. `BudgetNeedsClasses`: there is a budget, and no classes to share it.
    """
    if labels_per_class is not None and cohort.task == "multilabel":
        raise CohortError(
            f"{labels_per_class} labels per class were asked for, but a study has several labels at once",
            code="BudgetNeedsClasses",
            path=cohort.source,
            hint="Leave --labels-per-class out, or leave the labels of some studies empty.",
        )
    table = cohort.table.copy()
    owners = patients(table)
    labelled = table["label"] != ""
    assigned = table["split"] != ""
    known = dict(zip(owners[assigned], table["split"][assigned], strict=True))
    of_patient = pd.Series([known.get(owner, "") for owner in owners], index=table.index)
    table["split"] = table["split"].where(assigned | ~labelled, of_patient)
    for name, share in (("test", split.test), ("calibration", split.calibration)):
        open_rows = (table["split"] == "") & labelled
        if not (table["split"] == name).any():
            chosen = hold_out(table[open_rows], share, seed=seed, salt=name, task=cohort.task)
            table.loc[open_rows & owners.isin(chosen), "split"] = name
    pool = labelled & table["split"].isin(["", "train"])
    if labels_per_class is not None:
        kept = within_budget(table[pool], labels_per_class, seed=seed)
        dropped = pool & ~owners.isin(kept)
        table.loc[dropped, "split"] = ""
        pool &= ~dropped
    if not (table["split"] == "validation").any():
        chosen = hold_out(table[pool], split.validation, seed=seed, salt="validation", task=cohort.task)
        table.loc[owners.isin(chosen) & (pool | (table["split"] != "")), "split"] = "validation"
    table.loc[pool & (table["split"] != "validation"), "split"] = "train"
    complete = cohort.with_table(table)
    shares = {"validation": split.validation, "test": split.test, "calibration": split.calibration}
    needed = ["train", *(name for name, share in shares.items() if share)]
    _check_classes(complete, needed)
    return complete


def hold_out(table: pd.DataFrame, fraction: float, *, seed: int, salt: str, task: Task = "multiclass") -> set[str]:
    """Patients that make up about `fraction` of every stratum, at least one where a stratum has two or more.

    Of several labels, about `fraction` of those who have each label, and of those who have not.
    """
    chosen: set[str] = set()
    if task == "multilabel":
        if fraction > 0:
            dealt = deal(_marks(table, seed=seed, salt=salt), (1 - fraction, fraction))
            chosen = {member for member, part in dealt.items() if part == 1}
        return chosen
    for members in _strata(table, seed=seed, salt=salt):
        count = round(fraction * len(members))
        if fraction > 0 and len(members) > 1:
            count = min(max(count, 1), len(members) - 1)
        chosen.update(members[:count])
    return chosen


def k_folds(table: pd.DataFrame, k: int, *, seed: int, task: Task = "multiclass") -> np.ndarray:
    """Fold number (0 … k−1) of each row, `row`; a patient is in one fold only.

    Raises:
        CohortError: There are fewer patients than folds.
    """
    owners = patients(table)
    if owners.nunique() < k:
        raise CohortError(
            f"{owners.nunique()} patients cannot fill {k} folds",
            code="TooFewPatients",
            hint=f"Use at most {owners.nunique()} folds.",
        )
    fold_of: dict[str, int] = {}
    if task == "multilabel":
        fold_of = deal(_marks(table, seed=seed, salt=f"{k} folds"), [1 / k] * k)
    else:
        for members in _strata(table, seed=seed, salt=f"{k} folds"):
            for member in members:  # dealing goes on where the last stratum ended, so that no fold stays empty
                fold_of[member] = len(fold_of) % k
    return owners.map(fold_of).to_numpy(dtype=np.int64)


def within_budget(table: pd.DataFrame, per_class: int, *, seed: int) -> set[str]:
    """Patients, in random order, whose studies together stay within `per_class` labelled studies of each class.

    Raises:
        CohortError: A class has fewer labelled studies than the budget.
    """
    studies = table.drop_duplicates("study_id")
    for name, count in studies["label"].value_counts().items():
        if count < per_class:
            raise CohortError(
                f"{count} labelled studies of '{name}', but {per_class} were asked for",
                code="TooFewStudies",
                hint="Lower --labels-per-class.",
            )
    labels_of = studies.groupby(patients(studies))["label"].agg(list)
    left = dict.fromkeys(studies["label"].unique(), per_class)
    kept: set[str] = set()
    for member in _shuffled(list(labels_of.index), seed=seed, salt="budget"):
        labels = labels_of[member]
        if all(labels.count(name) <= left[name] for name in labels):
            kept.add(member)
            for name in labels:
                left[name] -= 1
    return kept


def _strata(table: pd.DataFrame, *, seed: int, salt: str) -> Iterator[list[str]]:
    owners = patients(table)
    kinds = table.groupby(owners)["label"].agg(lambda labels: "|".join(sorted(set(labels))))
    for kind in sorted(set(kinds)):
        yield _shuffled(list(kinds.index[kinds == kind]), seed=seed, salt=salt)


def _marks(table: pd.DataFrame, *, seed: int, salt: str) -> dict[str, frozenset[str]]:
    """What is known of each patient's labels, such as `pneumonia=1`; the patients in random order."""
    known = table.groupby(patients(table))["label"].agg(
        lambda cells: {part for c in cells for part in c.split(BETWEEN)}
    )
    return {member: frozenset(known[member]) - {""} for member in _shuffled(list(known.index), seed=seed, salt=salt)}


def _shuffled(members: list[str], *, seed: int, salt: str) -> list[str]:
    """Sorted by a keyed hash: a random order that depends on nothing but the member, seed and salt."""
    return sorted(members, key=lambda member: hashlib.sha256(f"{seed}|{salt}|{member}".encode()).digest())


def _check_classes(cohort: Cohort, needed: list[str]) -> None:
    """Every class in every split; of several labels, studies with and without each in train, where all are learnt."""
    studies = cohort.studies()
    for split in ["train"] if cohort.task == "multilabel" else needed:
        cells = studies.loc[(studies["split"] == split) & (studies["label"] != ""), "label"]
        targets = targets_of(cells, cohort.classes, cohort.task)
        found = {
            f"no '{name}' study": n
            for name, n in zip(cohort.classes, counts(targets, len(cohort.classes)), strict=True)
        }
        if cohort.task == "multilabel":
            found |= {
                f"no study without '{name}'": n for name, n in zip(cohort.classes, absences(targets), strict=True)
            }
        for lacks, count in found.items():
            if count == 0:
                raise CohortError(
                    f"{lacks} in {split}",
                    code="OneClass",
                    path=cohort.source,
                    hint="Label more studies of that class, or change [split] in the plan.",
                )
