"""A listing that is being written: rows come in, can be looked at by SQL conditions, and their studies are numbered."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Final

import pandas as pd

from medtransfer.core.errors import OutputError
from medtransfer.core.files import texts_digest, written_whole
from medtransfer.core.results import COHORT_COLUMNS
from medtransfer.core.types import Task
from medtransfer.data.listing import CELLS, About, frame_of
from medtransfer.data.names import case_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_SCHEMA: Final = f"""
CREATE TABLE rows (number INTEGER PRIMARY KEY, name TEXT NOT NULL, missing INTEGER NOT NULL,
                   {", ".join(f"{name} TEXT NOT NULL" for name in COHORT_COLUMNS)}, others TEXT NOT NULL);
CREATE TABLE studies (number INTEGER PRIMARY KEY, study_id TEXT NOT NULL, key TEXT NOT NULL DEFAULT '');
CREATE TABLE about (content TEXT NOT NULL);
"""
_AT_ONCE: Final = 512


class Draft:
    """A listing that is being written."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        # A draft that is killed is thrown away: nothing needs to be undone, or to be durable before the rename.
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute("PRAGMA temp_store=FILE")
        self._connection.executescript(_SCHEMA)
        self._connection.execute("BEGIN")
        self.columns: tuple[str, ...] = ()

    def add(self, piece: pd.DataFrame, missing: Sequence[bool]) -> None:
        """Take the next rows of the table, and of each whether its file is missing."""
        others = piece[[name for name in piece.columns if name not in COHORT_COLUMNS]]
        self.columns = (*COHORT_COLUMNS, *others.columns)
        content = zip(
            case_names(piece),
            missing,
            *(piece[name] for name in COHORT_COLUMNS),
            (json.dumps(cells, ensure_ascii=False, default=str) for cells in others.itertuples(index=False, name=None)),
            strict=True,
        )
        marks = ", ".join("?" * (len(COHORT_COLUMNS) + 3))
        fields = f"name, missing, {', '.join(COHORT_COLUMNS)}, others"
        self._connection.executemany(f"INSERT INTO rows ({fields}) VALUES ({marks})", content)

    def index(self) -> None:
        """Once every row is there: make the rows of a study easy to find."""
        self._connection.execute("CREATE INDEX rows_of_study ON rows (study_id)")

    def rows(self, where: str = "TRUE", values: Sequence[object] = ()) -> pd.DataFrame:
        """Rows that fulfil an SQL condition, in the table's order, under their numbers in it from 0."""
        asked = f"SELECT number - 1, {CELLS}, rows.others FROM rows WHERE {where} ORDER BY number"
        found = self._connection.execute(asked, values).fetchall()
        index = pd.Index([number for number, *_ in found], dtype="int64")
        return frame_of((cells for _, *cells in found), self.columns).set_axis(index)

    def any(self, where: str, values: Sequence[object] = ()) -> bool:
        """Does any row fulfil an SQL condition?"""
        return self._connection.execute(f"SELECT 1 FROM rows WHERE {where} LIMIT 1", values).fetchone() is not None

    def count(self) -> int:
        """How many rows there are."""
        return self._connection.execute("SELECT COUNT(*) FROM rows").fetchone()[0]

    def choose(self, split: str | None) -> int:
        """Number the studies that are asked for: those of a split, or all. Returns how many there are."""
        self._connection.execute(
            f"""INSERT INTO studies (number, study_id)
            SELECT ROW_NUMBER() OVER (ORDER BY MIN(number)) - 1, study_id FROM rows WHERE {_asked(split)}
            GROUP BY study_id""",
            _value(split),
        )
        self._connection.execute("CREATE UNIQUE INDEX number_of_study ON studies (study_id)")
        return self._connection.execute("SELECT COUNT(*) FROM studies").fetchone()[0]

    def name_states(self, studies: int, wanted: Callable[[int], bool], key: Callable[[str, list[str]], str]) -> None:
        """Give the studies whose number is wanted their keys.

        Args:
            studies: How many there are.
            wanted: Which of them.
            key: From a study's id and the cells `path` and name of its rows, one after the other, to its key.
        """
        asked = """SELECT studies.number, rows.study_id, path, name FROM studies
            JOIN rows ON rows.study_id = studies.study_id WHERE studies.number BETWEEN ? AND ?
            ORDER BY studies.number, rows.number"""
        for start in range(0, studies, _AT_ONCE):
            cells: dict[int, tuple[str, list[str]]] = {}
            for number, study, *words in self._connection.execute(asked, (start, start + _AT_ONCE - 1)):
                if wanted(number):
                    cells.setdefault(number, (study, []))[1].extend(words)
            found = [(key(study, words), number) for number, (study, words) in cells.items()]
            self._connection.executemany("UPDATE studies SET key = ? WHERE number = ?", found)

    def finish(self, *, label: str, task: Task, split: str | None, studies: int) -> None:
        """Say what the listing is of, and close it."""
        cells = self._connection.execute(
            f"SELECT {CELLS}, rows.others FROM rows WHERE {_asked(split)} ORDER BY number", _value(split)
        )
        sha256 = texts_digest(chain(self.columns, chain.from_iterable(cells)))
        about = About(columns=self.columns, label=label, task=task, studies=studies, sha256=sha256)
        self._connection.execute("INSERT INTO about VALUES (?)", (about.model_dump_json(),))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def drafted(path: Path) -> Iterator[Draft]:
    """A draft that becomes the listing at `path` on leaving without an error, for its owner alone.

    Raises:
        OutputError: It cannot be written.
    """
    with written_whole(path, private=True) as temporary:
        draft: Draft | None = None
        try:
            draft = Draft(temporary)
            yield draft
        except sqlite3.Error as error:
            raise OutputError(
                f"the list of studies cannot be written: {error}",
                code="Unwritable",
                path=path,
                hint="Free some space, or choose another folder with --out.",
            ) from error
        finally:
            if draft is not None:
                draft.close()


def _asked(split: str | None) -> str:
    return "TRUE" if split is None else "rows.split = ?"


def _value(split: str | None) -> tuple[str, ...]:
    return () if split is None else (split,)
