"""The file of what readers said: SQLite, only ever appended to, each entry on the disk before `append` returns.

Threads of a process share one connection, one at a time; processes take turns by SQLite's own lock. The number and the
digest of the last entry are read under the lock under which the next is written, so that the chain never forks.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from medtransfer.core.durable import choose_mode, connect_existing, connect_private
from medtransfer.core.errors import OutputError
from medtransfer.core.reviews.chain import what_is_wrong
from medtransfer.core.reviews.entry import Kind, ReviewEntry, entry_of, sealed
from medtransfer.core.reviews.head import Head, head_place, read_head, write_head
from medtransfer.core.reviews.pairs import ReviewPair, pairs
from medtransfer.core.reviews.refusals import damaged, moved, no_reviews, unwritten
from medtransfer.core.reviews.schema import SCHEMA, VERSION, create_schema, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

_LAST: Final = "SELECT number, digest FROM entries ORDER BY number DESC LIMIT 1"


class Reviews:
    """What readers said, in the order in which they said it.

    Args:
        path: The file; it is made where it is not there (mode 0600, new folders 0700).

    Raises:
        OutputError: `DiskFull`, `Busy` or `Unwritable`: it cannot be opened for writing.
        UnusableInputError: `NoReviews`: it is something else, and is left as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.RLock()
        try:
            self._connection = connect_private(path, threads=True)
        except (OSError, sqlite3.Error) as error:
            raise unwritten(path, error) from error
        try:
            _check_kind(self._connection, path)
            choose_mode(self._connection)
            with self._writing():
                if not schema_of(self._connection):
                    if not head_place(path).exists():
                        write_head(path, Head())
                    create_schema(self._connection)
            self._file = _identity(path)
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise unwritten(path, error) from error
        except BaseException:
            self.close()
            raise

    @classmethod
    def existing(cls, path: Path) -> Reviews:
        """A file that is there, only to be read.

        Raises:
            UnusableInputError: `NoReviews`: it is not there, or is something else.
        """
        reviews = cls.__new__(cls)
        reviews.path, reviews._lock = path, threading.RLock()
        reviews._file = None
        try:
            reviews._connection = connect_existing(path)
        except sqlite3.Error as error:
            raise no_reviews(path, str(error)) from error
        try:
            _check_kind(reviews._connection, path)
            if not schema_of(reviews._connection):
                raise no_reviews(path, "it is empty")
        except BaseException:
            reviews.close()
            raise
        return reviews

    def append(
        self,
        kind: Kind,
        *,
        who: str,
        study: str,
        study_sha256: str,
        bundle_sha256: str,
        shown: Mapping[str, Any],
        content: Mapping[str, Any],
    ) -> ReviewEntry:
        """Record one entry; when this returns, it is on the disk.

        Raises:
            OutputError: `DiskFull`, `Busy`, `Moved` or `Unwritable`: it was not recorded; all earlier ones are there.
            ConfigError: `NotJson` or `UnknownKind`.
        """
        with self._lock:
            try:
                if self._file is None or _identity(self.path) != self._file:
                    raise moved(self.path)
                with self._writing():
                    last = self._last()
                    entry, text = sealed(
                        number=last.number + 1,
                        at=_now(),
                        who=who,
                        kind=kind,
                        study=study,
                        study_sha256=study_sha256,
                        bundle_sha256=bundle_sha256,
                        shown=shown,
                        content=content,
                        previous=last.digest,
                    )
                    self._connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (entry.number, text, entry.digest))
            except (OSError, sqlite3.Error) as error:
                raise unwritten(self.path, error) from error
            # It is recorded. A head that lags behind says less and nothing false; the next entry moves it on.
            with suppress(OSError, sqlite3.Error, OutputError):
                self._move_head()
        return entry

    def entries(
        self, *, study_sha256: str | None = None, kind: Kind | None = None, who: str | None = None, after: int = 0
    ) -> tuple[ReviewEntry, ...]:
        """All entries, or those of one study, of one kind, by one reader, after the one of that number.

        Raises:
            UnusableInputError: `Damaged`: the file cannot be read.
        """
        where: str = ""
        wanted: list[int | str] = [after]
        if study_sha256 is not None:
            where, wanted = " AND json_extract(entry, '$.study_sha256') = ?", [after, study_sha256]
        try:
            with self._lock:
                rows = self._connection.execute(
                    f"SELECT entry, digest FROM entries WHERE number > ?{where} ORDER BY number", wanted
                ).fetchall()
            found = [entry_of(text, digest) for text, digest in rows]
        except (sqlite3.Error, ValueError) as error:
            raise damaged(self.path, error) from error
        return tuple(one for one in found if (kind is None or one.kind == kind) and (who is None or one.who == who))

    def pairs(self) -> tuple[ReviewPair, ...]:
        """Before and after: every reader's impression and feedback, for each study and bundle.

        Raises:
            UnusableInputError: `Damaged`: the file cannot be read.
        """
        return pairs(self.entries())

    def claims(self) -> dict[str, str]:
        """Study → the reader who has claimed it.

        Several readers may have claimed one study; the last of them stands here, until that reader releases it.
        """
        holders: dict[str, dict[str, None]] = {}
        for entry in self.entries():
            of_study = holders.setdefault(entry.study_sha256, {})
            if entry.kind in {"claim", "release"}:
                of_study.pop(entry.who, None)
            if entry.kind == "claim":
                of_study[entry.who] = None
        return {study: list(readers)[-1] for study, readers in holders.items() if readers}

    def head(self) -> Head:
        """The last entry, to be kept elsewhere: with it, `verify` notices entries that are missing at the end.

        Raises:
            UnusableInputError: `Damaged`: the file cannot be read.
        """
        try:
            with self._lock:
                return self._last()
        except sqlite3.Error as error:
            raise damaged(self.path, error) from error

    def verify(self, *heads: Head) -> str:
        """Whether every entry is there, as it was written, in its place; empty where all is well.

        Found: an entry that was edited, deleted, added or moved; entries missing at the end, by the head beside the
        file; guards that were taken away. Not found: a chain cut or written anew together with the head beside it.
        For that, give heads that were noted elsewhere.

        Args:
            heads: As earlier exports or verifications printed them.
        """
        try:
            with self._lock:
                if wrong := self._wrong_file():
                    return wrong
                kept = read_head(self.path)
                rows = self._connection.execute("SELECT number, entry, digest FROM entries ORDER BY number")
                wrong, _ = what_is_wrong(rows, [*heads, *([kept] if kept else [])])
        except sqlite3.Error as error:
            return f"The file is damaged: {error}."
        if wrong or kept is not None:
            return wrong
        return (
            f"{head_place(self.path).name} is missing or damaged: nobody can tell whether the last entries are there."
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Reviews:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction that holds the file's lock; undone where it is left by an error."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _last(self) -> Head:
        row = self._connection.execute(_LAST).fetchone()
        return Head() if row is None else Head(*row)

    def _move_head(self) -> None:
        """Under the lock, so that no slower writer sets it back.

        A head that is missing or contradicts the chain stays so, as evidence.
        """
        with self._writing():
            kept = read_head(self.path)
            if kept is None:
                return
            there = self._connection.execute("SELECT digest FROM entries WHERE number = ?", (kept.number,)).fetchone()
            if kept == Head() or there == (kept.digest,):
                write_head(self.path, self._last())

    def _wrong_file(self) -> str:
        states = [state for (state,) in self._connection.execute("PRAGMA integrity_check")]
        if states != ["ok"]:
            return f"The file is damaged: {states[0]}."
        if schema_of(self._connection) != SCHEMA:
            return "The guards that keep entries from being changed were altered."
        return ""


def _check_kind(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is not ours before anything is written to it."""
    try:
        there = schema_of(connection)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise no_reviews(path, str(error)) from error
    if there and ("entries" not in there or version != VERSION):
        raise no_reviews(path, "it has other tables, or is of another version")


def _identity(path: Path) -> tuple[int, int]:
    """Which file it is: one that was moved away or replaced is another."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
