"""A cohort on disk: its rows in SQLite, so that a run over it needs no memory for them.

    rows       one a row of the table, in its order
    studies    one a study that is asked for, numbered from 0 in the order of first appearance, with its key: a word for
               the state of its files
    about      what the listing is of (`About`)

It is made anew at every start (`listing_draft.py`), whole or not at all, and not changed afterwards.
"""

from __future__ import annotations

import json
import sqlite3
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from medtransfer.core.errors import OutputError
from medtransfer.core.records import Record
from medtransfer.core.results import COHORT_COLUMNS
from medtransfer.core.types import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

CELLS: Final = ", ".join(f"rows.{name}" for name in COHORT_COLUMNS)


class About(Record):
    """What a listing is of."""

    columns: tuple[str, ...]
    """Of the cohort's table."""
    label: str
    """The column, or columns, that `label` was taken from."""
    task: Task
    studies: int
    sha256: str
    """Of the column names and the cells of every row that is asked for."""


class Listing:
    """A listing, open for reading.

    Raises:
        OutputError: `BadListing`: it is not there, or no listing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise _unread(path, error) from error
        try:
            (content,) = self._connection.execute("SELECT content FROM about").fetchone()
            self.about = About.model_validate_json(content)
        except (sqlite3.Error, TypeError, ValueError) as error:
            self.close()
            raise _unread(path, error) from error

    def keys(self, studies: range) -> list[str]:
        """The keys of consecutive studies; empty where nobody asked for one."""
        found = self._connection.execute(
            "SELECT key FROM studies WHERE number BETWEEN ? AND ? ORDER BY number", (studies.start, studies.stop - 1)
        )
        return [key for (key,) in found]

    def names(self, studies: range) -> list[str]:
        """The ids of consecutive studies."""
        found = self._connection.execute(
            "SELECT study_id FROM studies WHERE number BETWEEN ? AND ? ORDER BY number",
            (studies.start, studies.stop - 1),
        )
        return [study for (study,) in found]

    def number(self, study: str) -> int | None:
        """The number of a study; None where it is not asked for."""
        found = self._connection.execute("SELECT number FROM studies WHERE study_id = ?", (study,)).fetchone()
        return None if found is None else found[0]

    def table(self, studies: Iterable[range]) -> pd.DataFrame:
        """The cohort's rows of some runs of consecutive studies, study after study."""
        asked = f"""SELECT {CELLS}, rows.others FROM studies JOIN rows ON rows.study_id = studies.study_id
            WHERE studies.number BETWEEN ? AND ? ORDER BY studies.number, rows.number"""
        found = chain.from_iterable(
            self._connection.execute(asked, (part.start, part.stop - 1)).fetchall() for part in studies
        )
        return frame_of(found, self.about.columns)

    def labels(self) -> list[str]:
        """Every label that is asked for, once."""
        asked = """SELECT DISTINCT rows.label FROM studies JOIN rows ON rows.study_id = studies.study_id
            ORDER BY rows.label"""
        return [label for (label,) in self._connection.execute(asked)]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Listing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def frame_of(found: Iterable[Sequence[Any]], columns: Sequence[str]) -> pd.DataFrame:
    """The cohort's table: its columns with a meaning, then the others."""
    return pd.DataFrame(
        [(*cells, *json.loads(others)) for *cells, others in found], columns=list(columns), dtype=object
    )


def _unread(path: Path, error: Exception) -> OutputError:
    return OutputError(
        f"is no list of studies: {str(error).splitlines()[0] if str(error) else error!r}",
        code="BadListing",
        path=path,
        hint="Run `medtransfer predict` into this folder again: it makes the list anew.",
    )
