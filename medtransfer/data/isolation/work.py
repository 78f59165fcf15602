"""What decoding processes are asked to do, and how far it has got."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtransfer.core.errors import ReadError
from medtransfer.data.isolation.messages import GarbageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from medtransfer.data.isolation.shared import SharedBuffer

LONGEST_BYTES = 2**24
"""Shared memory of one task, unless a single image needs more: small enough to stay in the processor's cache."""

_CODE = re.compile(r"[A-Za-z0-9]{1,64}")

LONGEST_TASK = 8
"""Most parts of one task: few enough that no core waits long for another at the end."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One image to decode.

    Attributes:
        values: Plain values for the function.
        path: The file, for errors.
        place: Where in the file, for errors: `frame 3`; or empty.
    """

    values: dict[str, Any]
    path: Path
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done with every part.

    Attributes:
        run: `module:function`, a `medtransfer.data.isolation.attempt.Decode`.
        parts: The images.
        slot: Bytes of shared memory that one image may fill; memory is taken only for what is written.
        collect: Called here for each image when it is there, with its number, what the function returned, and its
            shared memory, to be copied from at once: the next image goes there too.
        seconds: Time limit of each.
        memory: Bytes that decoding one may take, beside the shared memory.
        given: Bytes to read, where the files cannot be opened by their paths.
        doing: For errors: "decoding the pixels".
        library: For notes: `Pillow`.
    """

    run: str
    parts: Sequence[Part]
    slot: int
    collect: Callable[[int, dict[str, Any], memoryview], None]
    seconds: float
    memory: int
    given: SharedBuffer | None = None
    doing: str = "decoding the pixels"
    library: str = "Decoder"

    def task(self, parts: Iterable[int]) -> dict[str, Any]:
        """Some of the parts as a message."""
        return {
            "run": self.run,
            "parts": [self.parts[part].values for part in parts],
            "slot": self.slot,
            "seconds": self.seconds,
            "memory": self.memory,
            "given": 0 if self.given is None else self.given.size,
            "doing": self.doing,
            "library": self.library,
        }


class Progress:
    """Which parts of some work are left, and what came of the others; after a failure nothing new is begun."""

    def __init__(self, work: Work, notes: list[str]) -> None:
        self.left = deque(range(len(work.parts)))
        self._work = work
        self._notes = notes
        self._longest = max(1, min(LONGEST_TASK, LONGEST_BYTES // max(1, work.slot)))
        self._failure: ReadError | None = None

    def next_parts(self, processes: int) -> deque[int]:
        """The parts of the next task: fewer towards the end, so that no process works long alone."""
        count = min(self._longest, -(-len(self.left) // (2 * processes)))
        return deque(self.left.popleft() for _ in range(count))

    def take(self, reply: dict[str, Any], pixels: memoryview, parts: deque[int]) -> bool:
        """Note the answer for the first of `parts` and drop that; False where its process wants to be replaced.

        Raises:
            GarbageError: It is no answer.
        """
        error, result, notes = reply.get("error"), reply.get("result"), reply.get("notes", [])
        if not isinstance(notes, list) or not isinstance(result if error is None else error, dict):
            raise GarbageError("an answer that says nothing")
        self._notes.extend(dict.fromkeys(str(note) for note in notes if note not in self._notes))
        if error is not None:
            self.fail(
                parts[0],
                ReadError(
                    str(error.get("message", "")),
                    code=code if _CODE.fullmatch(code := str(error.get("code", ""))) else "Corrupt",
                    hint=str(error.get("hint") or "") or None,
                ),
            )
        elif self._failure is None:
            self._work.collect(parts[0], result or {}, pixels)
        parts.popleft()
        return not reply.get("grown", False)

    def fail(self, part: int, error: ReadError) -> None:
        """Keep the first error, with the part's path and place; nothing new is begun."""
        where = self._work.parts[part]
        if self._failure is None:
            message = f"{where.place}: {error.message}" if where.place else error.message
            self._failure = ReadError(message, code=error.code, path=where.path, hint=error.hint)
        self.left.clear()

    def finish(self) -> None:
        """Call it when nothing is left.

        Raises:
            ReadError: One of the parts failed.
        """
        if self._failure is not None:
            raise self._failure
