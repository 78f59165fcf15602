"""One decoding process, as the program holds it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import medtransfer
from medtransfer.core.inert import one_line
from medtransfer.data.isolation.messages import GarbageError, receive, send
from medtransfer.data.isolation.shared import SharedBuffer

KEPT_BYTES = 2**25
"""Shared memory that a process keeps between tasks: memory used before need not be cleared again by the system."""

START_SECONDS = 120.0
"""How long a process may take to start and to load a decoder; a slow network disk counts, a task does not."""

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from medtransfer.data.isolation.worker import serve; serve(int(sys.argv[2]), tuple(json.loads(sys.argv[3])))"
)
_KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TZ")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_KEEP_MEMORY = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(2**26))
"""glibc gives large blocks back after each image otherwise, and the system clears them anew for the next one."""


class DecodingProcess:
    """A process that waits for tasks. It is of no use any more once `answer` has said that it is gone."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        """Start it; its first answer is `ready`, which nobody needs to wait for."""
        self.tasks = 0
        self.deadline = 0.0
        self._seconds = 0.0
        self._loaded: set[str] = set()
        self._greetings_left = 0
        self._at = self._slot = 0
        self._complaints = SharedBuffer(0)
        self._room = SharedBuffer(0)
        self._pixels = memoryview(b"")
        self.link, theirs = socket.socketpair()
        root = str(Path(medtransfer.__file__).resolve().parent.parent)
        paths = [root, *(os.path.abspath(place) for place in sys.path if place)]  # noqa: PTH100 - as strings
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-B", "-c", _PROGRAM),
                    *(json.dumps(paths), str(theirs.fileno()), json.dumps(allowed)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints.descriptor,
                pass_fds=(theirs.fileno(),),
                env={name: os.environ[name] for name in _KEPT if name in os.environ} | _ONE_THREAD | _KEEP_MEMORY,
                cwd=os.sep,
                process_group=0,  # Ctrl-C in the terminal is for the program
            )

    def give(self, task: dict[str, Any], given: SharedBuffer | None) -> None:
        """Hand over a task; each of its parts has `task["seconds"]` from the answer before it.

        Args:
            task: `medtransfer.data.isolation.work.Work.task`.
            given: Bytes for the process to read.

        Raises:
            OSError: The process is gone.
        """
        self.tasks += 1
        self._at, self._slot, self._seconds = 0, task["slot"], task["seconds"]
        needed = len(task["parts"]) * task["slot"]
        fresh = needed > self._room.size
        if fresh:
            self._room.close()
            self._room = SharedBuffer(needed)
            self._pixels = self._room.view()
        unknown = task["run"] not in self._loaded
        self._greetings_left += unknown + (not self._loaded)
        self._loaded.add(task["run"])
        self.deadline = time.monotonic() + self._seconds + (START_SECONDS if unknown else 0)
        buffers = ([self._room] if fresh else []) + ([given] if given is not None else [])
        send(self.link, task | {"room": needed if fresh else 0}, [buffer.descriptor for buffer in buffers])

    def answer(self) -> tuple[dict[str, Any], memoryview]:
        """The answer for the next part, and its shared memory; waited for until the deadline.

        Raises:
            TimeoutError: It did not come in time.
            GarbageError: What came is no answer.
            EOFError: The process is gone.
        """
        while True:
            self.link.settimeout(max(0.001, self.deadline - time.monotonic()))
            try:
                received = receive(self.link)
            except ConnectionError as error:
                raise EOFError from error
            if received is None:
                raise EOFError
            reply, _ = received
            if not reply.get("ready"):
                break
            self._greetings_left -= 1
            if self._greetings_left < 0:
                raise GarbageError("too many greetings")
            if not self._greetings_left:
                self.deadline = time.monotonic() + self._seconds
        if reply.get("at") != self._at:
            raise GarbageError(f"an answer for part {reply.get('at')} instead of {self._at}")
        start, self._at = self._at * self._slot, self._at + 1
        self.deadline = time.monotonic() + self._seconds
        return reply, self._pixels[start : start + self._slot]

    def rest(self) -> None:
        """Between tasks: give back shared memory beyond `KEPT_BYTES`."""
        self._room.empty(beyond=KEPT_BYTES)

    def end(self, *, gone: bool) -> str:
        """End it now, and say how it ended: by which signal, or with which last words.

        Args:
            gone: It has closed its connection, and is about to end by itself.
        """
        self.link.close()
        by_itself = None
        if gone:
            with contextlib.suppress(subprocess.TimeoutExpired):
                by_itself = self._process.wait(5)
        if by_itself is None:
            self._process.kill()
            self._process.wait()
        words = self._last_words()
        self._close_buffers()
        if by_itself is None:
            return "was ended"
        if by_itself < 0:
            return f"was ended by {_signal_name(-by_itself)}"
        return f"ended with status {by_itself}{f': {words}' if words else ''}"

    def stop(self) -> None:
        """Let it end by closing its connection, and make sure that it has."""
        self.link.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_buffers()

    def forget(self) -> None:
        """After a fork: it belongs to the parent; here only its descriptors are closed."""
        self.link.close()
        self._close_buffers()
        self._process.returncode = 0

    def _close_buffers(self) -> None:
        self._complaints.close()
        self._room.close()

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self._process.poll() is None

    @property
    def number(self) -> int:
        """Its process number."""
        return self._process.pid

    def _last_words(self) -> str:
        try:
            size = os.fstat(self._complaints.descriptor).st_size
            words = os.pread(self._complaints.descriptor, 4096, max(0, size - 4096))
        except OSError:
            return ""
        lines = words.replace(b"\0", b"").decode(errors="replace").strip().splitlines()
        return one_line(lines[-1]) if lines else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
