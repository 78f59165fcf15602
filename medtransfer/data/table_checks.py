"""What a cohort table must be before anybody trusts it: complete, showable, at one with itself, its files there."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CohortError
from medtransfer.core.inert import visible
from medtransfer.core.results import COHORT_COLUMNS, SPLITS
from medtransfer.data.converted import Conversions
from medtransfer.data.names import case_names
from medtransfer.data.row_errors import rows_error
from medtransfer.data.stored.content import is_there


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


def completed(table: pd.DataFrame, root: Path, source: Path, label: str) -> pd.DataFrame:
    """The table with all of `COHORT_COLUMNS` first, and the defaults of those that it lacks.

    Raises:
        CohortError: `MissingColumn`, `EmptyTable`.
    """
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


def check_text(table: pd.DataFrame, source: Path) -> None:
    """Refuse cells and column names with characters that show nothing: they end up in logs, tables and pages.

    Raises:
        CohortError: `Unprintable`.
    """
    cells = pd.Series([*table.columns, *table.to_numpy().ravel()], dtype=object)
    strange = cells[[visible(cell) != cell for cell in cells]]
    if not strange.empty:
        hint = "Remove control characters and line breaks; rename files whose names are not valid text."
        raise rows_error("cells that cannot be shown", "Unprintable", strange.map(visible), source, hint)


def missing_rows(table: pd.DataFrame, root: Path, source: Path, conversions: Conversions) -> list[bool]:
    """For each row: is there neither a file nor a converted case where it says?

    Raises:
        CohortError: `MissingPath`: a row has no path; `DamagedConversion`; `OldConversion`.
    """
    if (table["path"] == "").any():
        rows = pd.Series([f"row {i + 2}" for i in table.index[table["path"] == ""]])
        raise rows_error("rows without a path", "MissingPath", rows, source, "Fill the column `path`.")
    names = zip(table["path"], case_names(table), strict=True)
    return [
        not is_there(root / path) and conversions.row(root / path, name[len(path) :]) is None for path, name in names
    ]


def refuse_missing(missing: pd.Series, root: Path, source: Path) -> None:
    """Refuse rows, by their paths, whose files are not there.

    Raises:
        CohortError: `UnknownPath`.
    """
    if not missing.empty:
        raise rows_error(
            f"{len(missing)} rows name files that are not there",
            "UnknownPath",
            missing,
            source,
            f"Paths are relative to {root}. Correct them, or go on without them: --allow-failures {len(missing)}.",
        )


def refuse_unknown_patients(unknown: pd.Series, rows: int, source: Path) -> None:
    """Refuse rows, by their paths, that have no patient.

    Raises:
        CohortError: `PatientUnknown`.
    """
    if not unknown.empty:
        raise rows_error(
            f"{len(unknown)} of {rows} rows have no patient_id",
            "PatientUnknown",
            unknown,
            source,
            "Fill patient_id, or pass --patients-unknown, which marks every interval as too narrow.",
        )
