"""The cohort table: one row an image, checked once, so that later rooms can trust it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CohortError
from medtransfer.core.files import text_digest
from medtransfer.core.results import SPLITS
from medtransfer.core.types import Task
from medtransfer.data.classes import classes_of
from medtransfer.data.converted import Conversions
from medtransfer.data.several_labels import check_agreement, task_of, with_several_labels
from medtransfer.data.table_checks import (
    check_table,
    check_text,
    completed,
    missing_rows,
    refuse_missing,
    refuse_unknown_patients,
)
from medtransfer.data.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """A hospital's studies.

    Attributes:
        table: `COHORT_COLUMNS` and attributes, all strings, one row an image; empty means unknown.
        root: Folder that `path` is relative to.
        source: The file or folder it was read from.
        sha256: Digest of the table as read: of its column names and cells.
        label: The column that `label` was taken from; those of several labels, such as `pneumonia,effusion`.
        task: One of several classes, several labels at once (`label` then holds text, see `targets.py`), or ordered
            classes.
        classes: Names of classes or labels in the order of the network's outputs; ordered ones ascend.
        positive: The class whose probability is thresholded; None where there are not two exclusive ones.
        patients_unknown: True where rows without a patient id were allowed, each as its own patient.
    """

    table: pd.DataFrame
    root: Path
    source: Path
    sha256: str
    label: str
    classes: tuple[str, ...]
    positive: str | None
    patients_unknown: bool = False
    task: Task = "multiclass"

    def __len__(self) -> int:
        return len(self.table)

    def split(self, *names: str) -> Cohort:
        """The rows of one or several splits.

        Raises:
            CohortError: A name is no split, or no row has it.
        """
        for name in names:
            if name not in SPLITS:
                raise CohortError(
                    f"'{name}' is no split.{did_you_mean(name, SPLITS)}",
                    code="UnknownSplit",
                    path=self.source,
                    hint=f"Splits are {', '.join(SPLITS)}.",
                )
        chosen = self.table[self.table["split"].isin(names)]
        if chosen.empty:
            raise CohortError(
                f"no row has split {' or '.join(names)}",
                code="EmptySplit",
                path=self.source,
                hint="Fill the column `split`, or use the cohort.csv that `fit` wrote, which has every split.",
            )
        return replace(self, table=chosen.reset_index(drop=True))

    def with_table(self, table: pd.DataFrame) -> Cohort:
        """The same cohort with other rows or splits, checked again."""
        check_table(table, source=self.source)
        return replace(self, table=table.reset_index(drop=True))

    def with_rows(self, rows: pd.DataFrame) -> Cohort:
        """The same cohort with some of its rows, not checked again."""
        return replace(self, table=rows.reset_index(drop=True))

    def studies(self) -> pd.DataFrame:
        """One row a study (the first of its images), in the order of first appearance."""
        return self.table.drop_duplicates("study_id").reset_index(drop=True)

    def file(self, path: str) -> Path:
        """Where the case of a row lies: a file, a member of an archive, or a folder with one series."""
        return self.root / path


def patients(table: pd.DataFrame) -> pd.Series:
    """The patient of each row; a row without an id is its own patient, named after its study.

    **Within one table equal ids are one patient, whatever the site.** Someone who was seen at two hospitals must not
    train at one and be judged at the other, nor count as two independent people in an interval. Where hospitals number
    their patients independently, the hospital belongs into the id before their tables are joined; `evaluate` points out
    ids that occur at several sites. Between two tables, a bundle's training patients and those it is judged on, equal
    ids of two sites are two people who are pointed out, too (`core/files.patient_digest`).
    """
    unknown = table["patient_id"] == ""
    if not unknown.any():
        return table["patient_id"]
    return table["patient_id"].where(~unknown, "study:" + table["study_id"])


def read_cohort(
    path: str | Path,
    *,
    label: str = "label",
    labels: Sequence[str] | None = None,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    positive: str | None = None,
    patients_unknown: bool = False,
    allow_missing: bool = False,
) -> Cohort:
    """Read a cohort: a CSV or Parquet table, a folder that holds one, or a folder with one folder per class.

    Args:
        path: The table or folder.
        label: Column of the label.
        labels: Several labels at once, each a column that says 1, 0 or, where it is not known, nothing.
        task: The kind of question; default: `multilabel` where there are `labels`, or the column says `a=1;b=0`,
            otherwise `multiclass`.
        classes: Class names in order; default: every label found, sorted, the positive one last. `ordinal` needs them,
            the lowest first; for `multilabel` they are `labels` by another name.
        positive: The class of interest; of two classes, default: the one whose fellow means "normal".
        patients_unknown: Allow rows without a patient id.
        allow_missing: Let rows whose file is not there through (they become `failed` rows later).

    Raises:
        CohortError: The table is absent, empty or contradicts itself; names rows and cure.
    """
    source = Path(path)
    table, root = read_table(source, label)
    check_text(table, source)
    digest = text_digest(*table.columns, *(cell for row in table.to_numpy() for cell in row))
    task = task or ("multilabel" if labels is not None else task_of(table, label))
    _check_asked(source, task, labels, positive)
    column, names = label, ()
    if task == "multilabel":
        table, label, names = with_several_labels(table, source, label, labels or classes)
        column = "label"
    table = completed(table, root, source, column)
    if task == "multilabel":
        check_agreement(table, names, source)
    check_table(table, source=source)
    missing = missing_rows(table, root, source, Conversions())
    if not allow_missing:
        refuse_missing(table["path"][missing], root, source)
    if not patients_unknown:
        refuse_unknown_patients(table["path"][table["patient_id"] == ""], len(table), source)
    if task != "multilabel":
        names, positive = classes_of(table, source, task, classes, positive)
    return Cohort(
        table=table,
        root=root,
        source=source,
        sha256=digest,
        label=label,
        classes=names,
        positive=positive,
        patients_unknown=patients_unknown,
        task=task,
    )


def _check_asked(source: Path, task: Task, labels: Sequence[str] | None, positive: str | None) -> None:
    """Refuse what no question of this kind has."""
    if labels is not None and task != "multilabel":
        raise CohortError(
            f"several labels are named, and the task is {task}",
            code="ConflictingSettings",
            path=source,
            hint="Name one column with --label, or leave the task to the labels.",
        )
    if positive is not None and task != "multiclass":
        raise CohortError(
            f"'{positive}' cannot be the positive class of a {task} question",
            code="ConflictingSettings",
            path=source,
            hint="Leave --positive out: it chooses between two exclusive classes.",
        )
