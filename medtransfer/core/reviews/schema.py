"""The table of the entries and its guards: nothing in it is ever changed, replaced or deleted.

The guards stop mistakes and honest programs. Who can write the file can drop them: that is what the chain is for, and
`verify` holds the schema against this one too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

VERSION: Final = 1

SCHEMA: Final = {
    "entries": "CREATE TABLE entries (number INTEGER PRIMARY KEY, entry TEXT NOT NULL, digest TEXT NOT NULL)",
    "entries_by_study": "CREATE INDEX entries_by_study ON entries (json_extract(entry, '$.study_sha256'))",
    "never_changed": (
        "CREATE TRIGGER never_changed BEFORE UPDATE ON entries "
        "BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END"
    ),
    "never_deleted": (
        "CREATE TRIGGER never_deleted BEFORE DELETE ON entries "
        "BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END"
    ),
    # REPLACE deletes without asking the guard above; a number that is not the next one is refused before it can.
    "only_appended": (
        "CREATE TRIGGER only_appended BEFORE INSERT ON entries "
        "WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM entries) "
        "BEGIN SELECT RAISE(ABORT, 'entries are only appended'); END"
    ),
}
"""Name → the statement that makes it, as SQLite keeps it."""


def create_schema(connection: sqlite3.Connection) -> None:
    """Make the table and its guards; the caller holds the transaction."""
    for statement in SCHEMA.values():
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={VERSION}")


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    """What is in the file, as name → statement."""
    return dict(connection.execute("SELECT name, coalesce(sql, '') FROM sqlite_master"))
