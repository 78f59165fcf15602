"""Rows that must survive a kill: an append-only SQLite table, one row per key, committed in batches."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from medtransfer.core.durable import choose_mode, connect_existing, connect_private
from medtransfer.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType


class Journal:
    """Rows keyed by a string, each written once: a second row of the same key is ignored.

    Its file is for its owner alone; those that SQLite puts beside it take their mode from it.

    Args:
        path: The file; it is made where it is not there.
        run: What its rows belong to.

    Raises:
        OutputError: The file cannot be opened, or belongs to another run (`run` differs).
    """

    def __init__(self, path: Path, *, run: str) -> None:
        self.path, self.run = path, run
        try:
            self._connection = connect_private(path)
        except (OSError, sqlite3.Error) as error:
            raise _unopened(path, error) from error
        try:
            choose_mode(self._connection)
            self._connection.execute("CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, content TEXT NOT NULL)")
            self._connection.execute("CREATE TABLE IF NOT EXISTS run (name TEXT NOT NULL)")
            known = self._connection.execute("SELECT name FROM run").fetchone()
            if known is None:
                self._connection.execute("INSERT INTO run VALUES (?)", (run,))
        except sqlite3.Error as error:
            self.close()
            raise _unopened(path, error) from error
        if known is not None and known[0] != run:
            self.close()
            raise OutputError(
                "the journal belongs to another run (other bundle or other inputs)",
                code="OtherRun",
                path=path,
                hint="Choose another folder with --out, or remove this one to start again.",
            )

    @classmethod
    def existing(cls, path: Path) -> Journal:
        """A journal that is there, of whatever run; it is only read.

        Raises:
            OutputError: `BadJournal`: there is none, or it is damaged.
        """
        journal = cls.__new__(cls)
        journal.path = path
        try:
            journal._connection = connect_existing(path)
        except sqlite3.Error as error:
            raise _unread(path, error) from error
        try:
            (journal.run,) = journal._connection.execute("SELECT name FROM run").fetchone()
            journal._connection.execute("SELECT key FROM rows").fetchone()
        except (sqlite3.Error, TypeError) as error:
            journal.close()
            raise _unread(path, error) from error
        return journal

    def keys(self) -> set[str]:
        """Every key that is committed."""
        return set(self.each_key())

    def each_key(self) -> Iterator[str]:
        """Every key that is committed, one after the other."""
        for (key,) in self._connection.execute("SELECT key FROM rows"):
            yield key

    def found(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Those of some keys that are committed, with their rows."""
        marks = ", ".join("?" * len(keys))
        rows = self._connection.execute(f"SELECT key, content FROM rows WHERE key IN ({marks})", keys)
        return {key: json.loads(content) for key, content in rows}

    def items(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every committed key with its row, in the order of the keys."""
        for key, content in self._connection.execute("SELECT key, content FROM rows ORDER BY key"):
            yield key, json.loads(content)

    def append(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Commit several rows in one durable transaction: all of them or none.

        Raises:
            OutputError: They cannot be written (disk full, say); what was committed before stays.
        """
        content = [(key, json.dumps(dict(row))) for key, row in rows]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?)", content)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise OutputError(
                f"rows cannot be committed: {error}",
                code="Unwritable",
                path=self.path,
                hint="Free some space and run the same command again: it goes on where it stopped.",
            ) from error

    @contextmanager
    def gathering(self, *, seconds: float) -> Iterator[Callable[[Iterable[tuple[str, Mapping[str, Any]]]], None]]:
        """Give what takes rows and commits them together, the first at once and then those of so many seconds.

        A durable commit waits for the disk; where rows are cheap, one each costs more than the rows. What is held is
        committed when the block is left, by an error too: only a kill can lose it.

        Raises:
            OutputError: As `append`.
        """
        held: list[tuple[str, Mapping[str, Any]]] = []
        last = time.monotonic() - seconds

        def commit() -> None:
            rows = held.copy()
            held.clear()
            if rows:
                self.append(rows)

        def take(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
            nonlocal last
            held.extend(rows)
            if time.monotonic() - last >= seconds:
                commit()
                last = time.monotonic()

        try:
            yield take
        finally:
            commit()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unopened(path: Path, error: Exception) -> OutputError:
    return OutputError(
        f"the journal cannot be opened: {error}",
        code="Unwritable",
        path=path,
        hint="Choose another folder with --out, or remove the damaged file.",
    )


def _unread(path: Path, error: Exception) -> OutputError:
    return OutputError(
        f"is no journal of a run: {error}",
        code="BadJournal",
        path=path,
        hint="Give the folder that `medtransfer predict` wrote, with every file in it.",
    )
