"""SQLite files of ours: for their owner alone, and durable on every file system.

Write-ahead logging where the file system supports it; network file systems do not, and may say so only at the first
write, so the mode is probed with a write and falls back to a rollback journal.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from medtransfer.core.files import private_folder

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE: Final = 10.0
"""Seconds that a writer waits for another."""

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def connect_private(path: Path, *, threads: bool = False) -> sqlite3.Connection:
    """Open a file, made where it is not there; those that SQLite puts beside it take their mode from it.

    Args:
        path: The file.
        threads: Several threads will use the connection, one at a time.

    Raises:
        OSError: The file or its folder cannot be made.
        sqlite3.Error: It cannot be opened.
    """
    private_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return sqlite3.connect(path, isolation_level=None, timeout=PATIENCE, check_same_thread=not threads)


def connect_existing(path: Path) -> sqlite3.Connection:
    """Open a file that is there, to be read.

    One that was closed in peace can be read where nothing can be written; one that was killed has to be mended.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    still = not path.with_name(f"{path.name}-wal").exists() and not os.access(path.parent, os.W_OK)
    mode = "ro&immutable=1" if still else "rw"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)


def choose_mode(connection: sqlite3.Connection, *, patience: float = PATIENCE) -> None:
    """Write-ahead logging or a rollback journal, whichever can be written with; commits wait for the disk.

    A file that another process is just opening is waited for: it tells nothing of the file system.

    Raises:
        sqlite3.OperationalError: Nothing can be written, or others keep the file for longer than `patience`.
    """
    mode, until = "WAL", time.monotonic() + patience
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode={mode}")
            connection.execute("PRAGMA synchronous=FULL")
            with closing(connection.cursor()) as probe:
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("CREATE TABLE IF NOT EXISTS probe (x)")
                probe.execute("DROP TABLE probe")
                probe.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if is_busy(error) and time.monotonic() < until:
                time.sleep(0.02)
            elif mode == "DELETE":
                raise
            else:
                mode = "DELETE"
        else:
            return


def is_busy(error: sqlite3.Error) -> bool:
    """Another has the file for now."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY
