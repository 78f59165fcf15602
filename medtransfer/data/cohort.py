"""The cohort table: one row an image, checked once, so that later rooms can trust it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CohortError
from medtransfer.core.files import text_digest
from medtransfer.core.inert import visible
from medtransfer.core.results import COHORT_COLUMNS, SPLITS
from medtransfer.core.types import Task
from medtransfer.data.classes import classes_of
from medtransfer.data.converted import Conversions
from medtransfer.data.names import case_names
from medtransfer.data.row_errors import rows_error
from medtransfer.data.several_labels import check_agreement, task_of, with_several_labels
from medtransfer.data.stored.content import is_there
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
    """The patient of each row; a row without one is its own patient, named after its study."""
    unknown = table["patient_id"] == ""
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
    _check_text(table, source)
    digest = text_digest(*table.columns, *(cell for row in table.to_numpy() for cell in row))
    task = task or ("multilabel" if labels is not None else task_of(table, label))
    _check_asked(source, task, labels, positive)
    column, names = label, ()
    if task == "multilabel":
        table, label, names = with_several_labels(table, source, label, labels or classes)
        column = "label"
    table = _completed(table, root, source, column)
    if task == "multilabel":
        check_agreement(table, names, source)
    check_table(table, source=source)
    _check_files(table, root, source, allow_missing=allow_missing)
    _check_patients(table, source, patients_unknown=patients_unknown)
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


def check_table(table: pd.DataFrame, *, source: Path) -> None:
    """Refuse what contradicts itself: rows twice, a study of two patients or labels, a patient in two splits.

    Raises:
        CohortError: Naming the first rows concerned.
    """
    names = pd.Series(case_names(table), index=table.index, dtype=object)
    repeated = names[names.duplicated()]
    if not repeated.empty:
        raise rows_error("the same image stands in several rows", "RepeatedRow", repeated, source, "Keep one row each.")
    for column, code in (
        ("patient_id", "StudyOfTwoPatients"),
        ("label", "ContradictoryLabels"),
        ("split", "StudyInTwoSplits"),
    ):
        kinds = table.groupby("study_id", sort=False)[column].nunique()
        mixed = kinds.index[kinds > 1].to_series()
        if not mixed.empty:
            raise rows_error(f"one study has several values of {column}", code, mixed, source, f"Correct {column}.")
    unknown = table["split"][~table["split"].isin([*SPLITS, ""])]
    if not unknown.empty:
        raise rows_error(
            "unknown split", "UnknownSplit", unknown, source, f"Use {', '.join(SPLITS)} or leave it empty."
        )
    assigned = table[(table["split"] != "") & (table["patient_id"] != "")]
    sides = assigned.groupby("patient_id", sort=False)["split"].nunique()
    leaking = sides.index[sides > 1].to_series()
    if not leaking.empty:
        raise rows_error(
            f"{len(leaking)} patients are in more than one split",
            "PatientInTwoSplits",
            leaking,
            source,
            "Give all rows of a patient one split; a figure measured across such a leak would be too good.",
        )


def _completed(table: pd.DataFrame, root: Path, source: Path, label: str) -> pd.DataFrame:
    for needed in ("path", label):
        if needed not in table:
            raise CohortError(
                f"column '{needed}' is missing.{did_you_mean(needed, table.columns)}",
                code="MissingColumn",
                path=source,
                hint=f"Columns found: {', '.join(table.columns)}. The label's column is named with --label.",
            )
    if table.empty:
        raise CohortError("the table has no rows", code="EmptyTable", path=source, hint="Add a row per image.")
    table = table.assign(label=table[label])
    empty = pd.Series("", index=table.index)
    table = table.assign(**{name: empty for name in ("patient_id", "date", "split") if name not in table})
    if "study_id" not in table:
        table = table.assign(study_id=table["path"])
    if "site" not in table:
        table = table.assign(site=root.resolve().name)
    others = [column for column in table.columns if column not in COHORT_COLUMNS]
    table = table[[*COHORT_COLUMNS, *others]]
    table = table.assign(path=[_one_spelling(path, root) for path in table["path"]])
    return table.assign(study_id=table["study_id"].where(table["study_id"] != "", table["path"]))


def _one_spelling(path: str, root: Path) -> str:
    """One path for one file: without `./`, and with `/` where a table from Windows has the other one."""
    if not path:
        return ""
    if "\\" in path and not (root / path).is_file() and (root / path.replace("\\", "/")).is_file():
        path = path.replace("\\", "/")
    return os.path.normpath(path)


def _check_text(table: pd.DataFrame, source: Path) -> None:
    """Refuse cells and column names with characters that show nothing: they end up in logs, tables and pages."""
    cells = pd.Series([*table.columns, *table.to_numpy().ravel()], dtype=object)
    strange = cells[[visible(cell) != cell for cell in cells]]
    if not strange.empty:
        hint = "Remove control characters and line breaks; rename files whose names are not valid text."
        raise rows_error("cells that cannot be shown", "Unprintable", strange.map(visible), source, hint)


def _check_files(table: pd.DataFrame, root: Path, source: Path, *, allow_missing: bool) -> None:
    if (table["path"] == "").any():
        rows = pd.Series([f"row {i + 2}" for i in table.index[table["path"] == ""]])
        raise rows_error("rows without a path", "MissingPath", rows, source, "Fill the column `path`.")
    conversions = Conversions()
    names = zip(table["path"], case_names(table), strict=True)
    missing = table["path"][
        [not is_there(root / path) and conversions.row(root / path, name[len(path) :]) is None for path, name in names]
    ]
    if not missing.empty and not allow_missing:
        raise rows_error(
            f"{len(missing)} rows name files that are not there",
            "UnknownPath",
            missing,
            source,
            f"Paths are relative to {root}. Correct them, or go on without them: --allow-failures {len(missing)}.",
        )


def _check_patients(table: pd.DataFrame, source: Path, *, patients_unknown: bool) -> None:
    unknown = table["path"][table["patient_id"] == ""]
    if not unknown.empty and not patients_unknown:
        raise rows_error(
            f"{len(unknown)} of {len(table)} rows have no patient_id",
            "PatientUnknown",
            unknown,
            source,
            "Fill patient_id, or pass --patients-unknown, which marks every interval as too narrow.",
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
