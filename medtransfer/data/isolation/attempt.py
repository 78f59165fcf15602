"""One part of a task, done; whatever goes wrong in another library's code becomes plain values."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line
from medtransfer.data.foreign import FOREIGN

_AGAIN = "Export the image again from its source; the file is damaged or not conformant."
_LESS = "Raise max_bytes if the image is meant to be that large."


Decode = Callable[[dict[str, Any], memoryview, memoryview, list[str]], dict[str, Any]]
"""A function that decodes one part of a task: `(part, room, given, notes) -> result`.

`part` holds plain values: which file or bytes, and what to make of them. The pixels are written to the shared memory
`room`, from its beginning. `given` holds the bytes to read where a file cannot be opened by its path. `notes` takes
what is noticed. The result is plain values for the caller.
"""


def attempt(function: Decode, task: dict[str, Any], room: memoryview, given: memoryview) -> Iterator[dict[str, Any]]:
    """Do the parts of a task, one reply each; `room` has a slot for each of them.

    Yields:
        `{"at": part, "result": …, "notes": […]}` or `{"at": part, "error": {code, message, hint}, "notes": […]}`.
    """
    for at, part in enumerate(task["parts"]):
        notes: list[str] = []
        reply: dict[str, Any] = {"at": at}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                reply["result"] = function(part, room[at * task["slot"] :][: task["slot"]], given, notes)
            except ReadError as error:
                reply["error"] = {"code": error.code, "message": error.message, "hint": error.hint}
            except (Warning, *FOREIGN) as error:
                reply["error"] = _explained(error, task["doing"])
        seen = [one_line(f"{task['library']}Warning: {entry.message}", limit=160) for entry in caught]
        reply["notes"] = list(dict.fromkeys([*notes, *seen]))
        yield reply


def _explained(error: Exception, doing: str) -> dict[str, Any]:
    message = f"{doing} failed: {one_line(f'{type(error).__name__}: {error}')}"
    if isinstance(error, MemoryError):
        return {"code": "SizeLimit", "message": f"{doing} needs more memory than it may have", "hint": _LESS}
    if isinstance(error, ImportError):
        return {"code": "DecoderMissing", "message": message, "hint": "`medtransfer doctor` says what to install."}
    if isinstance(error, OSError) and error.errno:
        return {"code": "Unreadable", "message": message, "hint": "Check the disk, the network and the permissions."}
    ran_out = isinstance(error, EOFError | struct.error)
    return {"code": "Truncated" if ran_out else "Corrupt", "message": message, "hint": _AGAIN}
