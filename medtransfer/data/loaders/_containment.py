"""Other libraries' exceptions and warnings, turned into our errors and notes."""

from __future__ import annotations

import struct
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydicom.errors import InvalidDicomError

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line
from medtransfer.data.foreign import FOREIGN as PARSERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MISTAKES = (AssertionError, AttributeError, ImportError, KeyError, NameError, TypeError)
"""What our own mistakes raise: from our own lines they are no fault of a file, and pass."""

FOREIGN = (*PARSERS, InvalidDicomError)
"""What pydicom, Pillow and the codecs raise on damaged input."""


@contextmanager
def contained(path: Path, notes: list[str], *, library: str, doing: str, code: str = "Corrupt") -> Iterator[None]:
    """Run another library's code on the bytes of `path`.

    Its warnings become notes `<library>Warning: …`, one line each and none twice.

    Args:
        path: The file, for the error.
        notes: Where warnings go.
        library: Name as notes show it (`Pydicom`).
        doing: What is being done, for the message: "decoding the pixels".
        code: Code of the error that a foreign exception becomes.

    Raises:
        ReadError: The block raised one, or one of `FOREIGN` (`Unreadable` where the system refused,
            `Truncated` where bytes ran out). Mistakes of our own code are raised as they are.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except ReadError:
            raise
        except FOREIGN as error:
            if isinstance(error, _MISTAKES) and _is_ours(error):
                raise
            raise ReadError(
                f"{doing} failed: {one_line(f'{type(error).__name__}: {error}')}",
                code=_code(error, library, code),
                path=path,
                hint="Export the image again from its source; the file is damaged or not conformant.",
            ) from error
        finally:
            seen = dict.fromkeys(one_line(f"{library}Warning: {entry.message}", limit=160) for entry in caught)
            notes.extend(note for note in seen if note not in notes)


def _is_ours(error: Exception) -> bool:
    """True where one of our own lines raised it, and not a line of the library that it called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("medtransfer.")


def _code(error: Exception, library: str, otherwise: str) -> str:
    """What the system refused is `Unreadable`; where bytes ran out, `Truncated`."""
    if isinstance(error, OSError) and error.errno:
        return "Unreadable"
    ran_out = isinstance(error, EOFError | struct.error)
    ran_out |= isinstance(error, OSError) and library == "Pydicom"  # "No tag to read at file position …"
    return "Truncated" if ran_out else otherwise
