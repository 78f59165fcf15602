"""From what lies on disk to a table of strings: CSV, Parquet, or one folder per class."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pyarrow.lib import ArrowException

from medtransfer.core.errors import CohortError, ReadError
from medtransfer.data.ingest import ingest
from medtransfer.data.names import PICKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medtransfer.data.ledger import Ledger, LedgerRow

TABLE_NAMES = ("cohort.csv", "cohort.parquet")
_DELIMITERS = (",", ";", "\t")
_WORKBOOKS = frozenset({".xlsx", ".xls", ".xlsm", ".ods"})


def read_table(source: Path, label: str) -> tuple[pd.DataFrame, Path]:
    """All cells as stripped text, and the folder that paths are relative to.

    A folder is looked into for a table first; without one, each of its sub-folders is a class.

    Raises:
        CohortError: There is nothing, or nothing that can be read as a table.
    """
    if source.is_dir():
        for name in TABLE_NAMES:
            if (source / name).is_file():
                return read_table(source / name, label)
        return _class_folders(source, label), source
    if not source.is_file():
        raise CohortError("there is no such file or folder", code="NotFound", path=source, hint="Check the path.")
    if source.suffix.lower() in _WORKBOOKS:
        raise _unreadable(source, "it is a spreadsheet's workbook", "Save the sheet as CSV (UTF-8).")
    try:
        table = _parquet(source) if source.suffix.lower() == ".parquet" else _csv(source)
    except UnicodeDecodeError as error:
        raise _unreadable(source, "its text is not UTF-8", "Save it again as CSV (UTF-8).") from error
    except (OSError, ValueError, ArrowException) as error:
        raise _unreadable(source, str(error).splitlines()[0], "Give a CSV with a header, or Parquet.") from error
    return pd.DataFrame({column: table[column].astype(str).str.strip() for column in table.columns}), source.parent


def _parquet(source: Path) -> pd.DataFrame:
    return pd.read_parquet(source).astype("string").fillna("")


def _csv(source: Path) -> pd.DataFrame:
    """Comma, semicolon (as spreadsheets of many countries write) or tab, whichever the header has most of."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    delimiter = max(_DELIMITERS, key=header.count)
    table = pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8-sig", sep=delimiter)
    if not isinstance(table.index, pd.RangeIndex):
        raise _unreadable(
            source,
            "its rows have more cells than its header",
            "Give every column a name, and put cells that hold the delimiter in quotes.",
        )
    names = next(csv.reader([header], delimiter=delimiter), [])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _unreadable(source, f"columns twice: {', '.join(twice)}", "Give every column a name of its own.")
    return table


def _class_folders(source: Path, label: str) -> pd.DataFrame:
    """One row an image or series below a class folder; patient and study from the headers where they say so."""
    inner = sorted(folder.name for folder in source.iterdir() if any((folder / name).is_file() for name in TABLE_NAMES))
    if inner:
        raise CohortError(
            f"it holds several cohorts: {', '.join(inner)}",
            code="SeveralCohorts",
            path=source,
            hint=f"Name one of them, such as {source / inner[0]}.",
        )
    try:
        items, ledger = ingest(source)
    except ReadError as error:
        raise _nothing(source) from error
    rows = [_class_row(source, label, item.paths, item.facts, item.part) for item in items]
    rows += [_class_row(source, label, paths, facts, "") for paths, facts in _failed_cases(ledger)]
    rows = sorted(
        (row for row in rows if row is not None), key=lambda row: (row["path"], row["series_uid"], row["part"])
    )
    if not rows:
        raise _nothing(source)
    table = pd.DataFrame(rows)
    return table.drop(columns=[name for name in PICKS if not table[name].any()])


def _class_row(
    source: Path, label: str, paths: tuple[Path, ...], facts: Mapping[str, str], part: str
) -> dict[str, str] | None:
    """A file by its path, a series by its folder and UID; None for what lies in no class folder, or hidden."""
    first, *others = paths
    several = bool(others)
    folders = (Path(os.path.commonpath(paths)) if several else first).relative_to(source).parts
    if several and not folders:
        raise CohortError(
            f"the files of series {facts.get('series_uid', '')} lie in several class folders",
            code="ContradictoryLabels",
            path=source,
            hint="Put all files of a series below one class folder.",
        )
    if len(folders) < (1 if several else 2) or any(name.startswith(".") for name in folders):
        return None
    return {
        "path": str(Path(*folders)),
        label: folders[0],
        "patient_id": facts.get("patient_id", ""),
        "study_id": facts.get("study_uid", ""),
        "date": facts.get("date", ""),
        "series_uid": facts.get("series_uid", "") if several else "",
        "part": part if several else "",
    }


def _failed_cases(ledger: Ledger) -> list[tuple[tuple[Path, ...], dict[str, str]]]:
    """Files that failed, those of one series together, with what is known of them."""
    cases: dict[str, list[LedgerRow]] = {}
    for row in ledger.failed():
        cases.setdefault(row.series_uid or row.path, []).append(row)
    return [
        (
            tuple(Path(row.path) for row in rows),
            {"patient_id": rows[0].patient_id, "study_uid": rows[0].study_id, "series_uid": rows[0].series_uid},
        )
        for rows in cases.values()
    ]


def _nothing(source: Path) -> CohortError:
    return CohortError(
        "neither a cohort table nor class folders with images are in it",
        code="EmptyFolder",
        path=source,
        hint=f"Add {TABLE_NAMES[0]} with the columns path, patient_id and label, or one folder per class.",
    )


def _unreadable(source: Path, what: str, hint: str) -> CohortError:
    return CohortError(f"cannot be read as a table: {what}", code="BadTable", path=source, hint=hint)
