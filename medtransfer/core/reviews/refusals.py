"""What cannot be recorded or read, said so that the reader of a study can go on."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING, Final

from medtransfer.core.durable import is_busy
from medtransfer.core.errors import OutputError, UnusableInputError

if TYPE_CHECKING:
    from pathlib import Path

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def unwritten(path: Path, error: OSError | sqlite3.Error) -> OutputError:
    """Nothing was recorded: the disk is full, others are writing, or the file cannot be written."""
    if isinstance(error, OSError):
        is_full, said = error.errno in _NO_SPACE, error.strerror or str(error)
    else:
        is_full, said = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL, str(error)
        if is_busy(error):
            return OutputError(
                "this was not recorded: others are writing to the file",
                code="Busy",
                path=path,
                hint="Save it again in a moment. Everything recorded before is safe.",
            )
    if is_full:
        return OutputError(
            "this was not recorded: the disk is full",
            code="DiskFull",
            path=path,
            hint="Free some space, then save it again. Everything recorded before is safe.",
        )
    return OutputError(
        f"this was not recorded: {said}",
        code="Unwritable",
        path=path,
        hint="Check the folder and its permissions, or choose another file with --reviews.",
    )


def moved(path: Path) -> OutputError:
    """What was opened is not what lies there now: an entry would go where nobody finds it."""
    return OutputError(
        "this was not recorded: the file was moved or replaced while it was in use",
        code="Moved",
        path=path,
        hint="Put it back, or start again with the file that is to be used.",
    )


def no_reviews(path: Path, why: str) -> UnusableInputError:
    """The file is something else."""
    return UnusableInputError(
        f"is no file of reviews: {why}",
        code="NoReviews",
        path=path,
        hint="Give the file that the app was started with (--reviews).",
    )


def damaged(path: Path, error: Exception) -> UnusableInputError:
    """The file is ours and cannot be read."""
    return UnusableInputError(
        f"the reviews cannot be read: {error}",
        code="Damaged",
        path=path,
        hint="`medtransfer reviews verify` says what is wrong. Restore a copy, and keep this one.",
    )
