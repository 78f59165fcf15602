"""Who trains, who chooses, who judges: splits by patient, stratified by label.

Patients are grouped into strata by the set of labels they have; inside each stratum they are shuffled
and dealt out, so that classes are balanced over the splits as far as whole patients allow. The result
depends on the set of patients and the seed alone, never on the order of the rows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from medtransfer.core.errors import CohortError
from medtransfer.data.cohort import patients

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
    `split.test` share of its patients for it, then rows beyond the label budget keep an empty split, then
    `split.validation` of the remaining patients validate.

    Raises:
        CohortError: A class would have nobody in train, validation or test.
    """
    table = cohort.table.copy()
    owners = patients(table)
    labelled = table["label"] != ""
    assigned = table["split"] != ""
    known = dict(zip(owners[assigned], table["split"][assigned], strict=True))
    of_patient = pd.Series([known.get(owner, "") for owner in owners], index=table.index)
    table["split"] = table["split"].where(assigned | ~labelled, of_patient)
    open_rows = (table["split"] == "") & labelled
    if not (table["split"] == "test").any():
        chosen = hold_out(table[open_rows], split.test, seed=seed, salt="test")
        table.loc[open_rows & owners.isin(chosen), "split"] = "test"
    pool = labelled & table["split"].isin(["", "train"])
    if labels_per_class is not None:
        kept = within_budget(table[pool], labels_per_class, seed=seed)
        dropped = pool & ~owners.isin(kept)
        table.loc[dropped, "split"] = ""
        pool &= ~dropped
    if not (table["split"] == "validation").any():
        chosen = hold_out(table[pool], split.validation, seed=seed, salt="validation")
        table.loc[owners.isin(chosen) & (pool | (table["split"] != "")), "split"] = "validation"
    table.loc[pool & (table["split"] != "validation"), "split"] = "train"
    complete = cohort.with_table(table)
    needed = ["train", *(["validation"] if split.validation else []), *(["test"] if split.test else [])]
    _check_classes(complete, needed)
    return complete


def hold_out(table: pd.DataFrame, fraction: float, *, seed: int, salt: str) -> set[str]:
    """Patients that make up about `fraction` of every stratum, at least one where a stratum has two or more."""
    chosen: set[str] = set()
    for members in _strata(table, seed=seed, salt=salt):
        count = round(fraction * len(members))
        if fraction > 0 and len(members) > 1:
            count = min(max(count, 1), len(members) - 1)
        chosen.update(members[:count])
    return chosen


def k_folds(table: pd.DataFrame, k: int, *, seed: int) -> np.ndarray:
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


def _shuffled(members: list[str], *, seed: int, salt: str) -> list[str]:
    """Sorted by a keyed hash: a random order that depends on nothing but the member, seed and salt."""
    return sorted(members, key=lambda member: hashlib.sha256(f"{seed}|{salt}|{member}".encode()).digest())


def _check_classes(cohort: Cohort, needed: list[str]) -> None:
    studies = cohort.studies()
    for split in needed:
        counts = studies.loc[studies["split"] == split, "label"].value_counts()
        for name in cohort.classes:
            if counts.get(name, 0) == 0:
                raise CohortError(
                    f"no '{name}' study in {split}",
                    code="OneClass",
                    path=cohort.source,
                    hint="Label more studies of that class, or change [split] in the plan.",
                )
