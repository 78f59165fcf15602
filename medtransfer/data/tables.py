"""From what lies on disk to a table of strings: CSV, Parquet, or one folder per class."""

from __future__ import annotations

import csv
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyarrow import types
from pyarrow.lib import ArrowException
from pyarrow.parquet import ParquetFile

from medtransfer.core.errors import CohortError, ReadError
from medtransfer.data.ingest import ingest
from medtransfer.data.names import PICKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    pieces, root = table_pieces(source, label)
    return pd.concat(pieces), root


def table_pieces(source: Path, label: str, *, rows: int | None = None) -> tuple[Iterator[pd.DataFrame], Path]:
    """`read_table` in pieces of so many rows, so that memory depends on the piece alone; None: all at once.

    The index counts through. A CSV comes in pieces, and Parquet where all of its columns are text: how a number or a
    time is written depends on the others in its column (63, or 63.0 where one is missing). Class folders come at once.

    Raises:
        CohortError: As `read_table`; for cells that cannot be read, when their piece is taken.
    """
    if source.is_dir():
        for name in TABLE_NAMES:
            if (source / name).is_file():
                return table_pieces(source / name, label, rows=rows)
        return iter([_as_text(_class_folders(source, label))]), source
    if not source.is_file():
        raise CohortError("there is no such file or folder", code="NotFound", path=source, hint="Check the path.")
    if source.suffix.lower() in _WORKBOOKS:
        raise _unreadable(source, "it is a spreadsheet's workbook", "Save the sheet as CSV (UTF-8).")
    return _typed(source, rows), source.parent


def _typed(source: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    """The pieces; what the parsers raise becomes our error."""
    parquet = source.suffix.lower() == ".parquet"
    try:
        yield from map(_as_text, _parquet(source, rows) if parquet else _csv(source, rows))
    except UnicodeDecodeError as error:
        raise _unreadable(source, "its text is not UTF-8", "Save it again as CSV (UTF-8).") from error
    except (OSError, ValueError, ArrowException) as error:
        raise _unreadable(source, str(error).splitlines()[0], "Give a CSV with a header, or Parquet.") from error


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({column: table[column].astype(str).str.strip() for column in table.columns})


def _parquet(source: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    with ParquetFile(source) as file:
        schema = file.schema_arrow
        indices = (schema.pandas_metadata or {}).get("index_columns", [])
        text = all(types.is_string(kind) or types.is_large_string(kind) for kind in schema.types)
        if rows is None or not text or any(isinstance(index, str) for index in indices):
            yield pd.read_parquet(source).astype("string").fillna("")
            return
        start = 0
        for batch in file.iter_batches(batch_size=rows):
            piece = batch.to_pandas(ignore_metadata=True).astype("string").fillna("")
            yield piece.set_axis(pd.RangeIndex(start, start + len(piece)))
            start += len(piece)
        if not start:
            yield pd.read_parquet(source)


def _csv(source: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    """Comma, semicolon (as spreadsheets of many countries write) or tab, whichever the header has most of."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    delimiter = max(_DELIMITERS, key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    how: dict[str, Any] = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "sep": delimiter}
    with pd.read_csv(source, **how, chunksize=rows) if rows else nullcontext([pd.read_csv(source, **how)]) as pieces:
        for table in pieces:
            _check_header(source, table, names)
            yield table


def _check_header(source: Path, table: pd.DataFrame, names: list[str]) -> None:
    if not isinstance(table.index, pd.RangeIndex):
        raise _unreadable(
            source,
            "its rows have more cells than its header",
            "Give every column a name, and put cells that hold the delimiter in quotes.",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _unreadable(source, f"columns twice: {', '.join(twice)}", "Give every column a name of its own.")


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
