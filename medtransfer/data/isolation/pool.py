"""Disposable processes for decoding what may be hostile: a decoder that crashes, hangs or leaks costs one case.

As many processes as there are usable cores start when they are first needed and end with the program. A process is
replaced when it crashed, hung or answered nonsense, when it holds too much memory, and after `TASKS` tasks anyway.
Pixels travel through shared memory (`SharedBuffer`), everything else as JSON.

Where the system has no descriptors to pass or limits to set (Windows), decoding happens in the program itself:
`isolation_available` tells.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import importlib.util
import os
import selectors
import socket
import threading
import time
from collections import deque

from medtransfer.core.errors import ReadError
from medtransfer.data.isolation.attempt import attempt
from medtransfer.data.isolation.messages import GarbageError
from medtransfer.data.isolation.process import DecodingProcess
from medtransfer.data.isolation.shared import SharedBuffer
from medtransfer.data.isolation.work import Progress, Work

TASKS = 10_000
"""A process is replaced after so many tasks."""

_ELSEWHERE = "Leave the file out, or export it again from its source, uncompressed."


class Pool:
    """Decoding processes; several threads may use it at once."""

    def __init__(self, size: int = 0, *, allowed: tuple[str, ...] = ("medtransfer.",)) -> None:
        """A pool that starts its processes when they are needed.

        Args:
            size: How many processes; 0 for one a usable core.
            allowed: Prefixes of the modules whose functions may be run.
        """
        self.size = size or usable_cores()
        self._allowed = allowed
        self._idle: list[DecodingProcess] = []
        self._busy: set[DecodingProcess] = set()
        self._change = threading.Condition()

    def run(self, work: Work, notes: list[str]) -> None:
        """Decode all parts, in any order.

        Args:
            work: What is to be done.
            notes: Where what the decoders noticed goes, none twice.

        Raises:
            ReadError: The first part that cannot be decoded, by path: what its decoder said, or `DecoderCrashed`,
                `DecoderTimeout` or `SizeLimit`.
        """
        progress = Progress(work, notes)
        running: dict[DecodingProcess, deque[int]] = {}
        try:
            while running or progress.left:
                while progress.left and (process := self._taken(wait=not running)) is not None:
                    running[process] = parts = progress.next_parts(self.size)
                    try:
                        process.give(work.task(parts), work.given)
                    except OSError:
                        continue  # it is gone: its answer says so
                for process in _speaking(running):
                    parts = running[process]
                    try:
                        fit = progress.take(*process.answer(), parts)
                    except (EOFError, TimeoutError, GarbageError) as error:
                        del running[process]
                        progress.fail(parts[0], _lost(error, self._discarded(process, error), work))
                        continue
                    if not parts:
                        del running[process]
                        self._given_back(process, fit=fit)
        finally:
            for process in running:
                self._discarded(process, None)
        progress.finish()

    def start(self) -> None:
        """Start one process ahead of need, so that the first image does not wait for it."""
        with self._change:
            if not self._idle and not self._busy:
                self._idle.append(DecodingProcess(self._allowed))

    def processes(self) -> tuple[int, ...]:
        """Numbers of the processes that are there now."""
        with self._change:
            return tuple(process.number for process in (*self._idle, *self._busy))

    def close(self) -> None:
        """End all idle processes; busy ones end with their tasks' connections."""
        with self._change:
            ending, self._idle = self._idle, []
        for process in ending:
            process.stop()

    def _taken(self, *, wait: bool) -> DecodingProcess | None:
        """A process of one's own; None where all are busy, unless it is worth waiting."""
        with self._change:
            while not self._idle and len(self._busy) >= self.size:
                if not wait:
                    return None
                self._change.wait()
            process = self._idle.pop() if self._idle else DecodingProcess(self._allowed)
            if not process.alive:  # killed by somebody else since its last task
                process.stop()
                process = DecodingProcess(self._allowed)
            self._busy.add(process)
            return process

    def _given_back(self, process: DecodingProcess, *, fit: bool) -> None:
        fit = fit and process.tasks < TASKS
        if fit:
            process.rest()
        with self._change:
            self._busy.discard(process)
            if fit:
                self._idle.append(process)
            self._change.notify()
        if not fit:
            process.stop()

    def _discarded(self, process: DecodingProcess, error: Exception | None) -> str:
        """End a process that is of no use any more, and say how it ended."""
        with self._change:
            self._busy.discard(process)
            self._change.notify()
        return process.end(gone=isinstance(error, EOFError))

    def forget(self) -> None:
        """After a fork: start afresh, the processes are the parent's."""
        for process in (*self._idle, *self._busy):
            process.forget()
        self._idle, self._busy = [], set()
        self._change = threading.Condition()


def run(work: Work, notes: list[str]) -> None:
    """Decode in the program's own pool of processes; `Pool.run` says how, and what is raised.

    Where processes cannot be isolated, decode here.
    """
    if isolation_available():
        SHARED.run(work, notes)
        return
    progress = Progress(work, notes)
    module, _, function = work.run.partition(":")
    decode = getattr(importlib.import_module(module), function)
    given = memoryview(b"") if work.given is None else work.given.view()
    room = SharedBuffer(work.slot).view()
    while progress.left:
        parts = deque([progress.left.popleft()])
        for reply in attempt(decode, work.task(parts), room, given):
            progress.take(reply, room, parts)
    progress.finish()


def warm_up() -> None:
    """Start decoding processes ahead of need; it takes them a moment that the caller can use."""
    if isolation_available():
        SHARED.start()


@functools.cache
def isolation_available() -> bool:
    """True where images are decoded in processes of their own."""
    return hasattr(socket, "send_fds") and importlib.util.find_spec("resource") is not None


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _speaking(running: dict[DecodingProcess, deque[int]]) -> list[DecodingProcess]:
    """Processes whose answer is there, or late; one alone is simply listened to."""
    if len(running) == 1:
        return list(running)
    with selectors.DefaultSelector() as answers:
        for process in running:
            answers.register(process.link, selectors.EVENT_READ, process)
        soonest = min(process.deadline for process in running)
        spoken = {key.data for key, _ in answers.select(max(0.0, soonest - time.monotonic()))}
    now = time.monotonic()
    return [process for process in running if process in spoken or process.deadline <= now]


def _lost(error: Exception, ending: str, work: Work) -> ReadError:
    """The error for a part whose process is of no use any more."""
    if isinstance(error, TimeoutError):
        return ReadError(
            f"{work.doing} took more than {work.seconds:g} seconds",
            code="DecoderTimeout",
            hint="Raise decode_seconds if the image is meant to take so long; otherwise leave the file out.",
        )
    said = f"answered nonsense ({error}) and {ending}" if isinstance(error, GarbageError) else ending
    return ReadError(f"{work.doing} failed: the decoder's process {said}", code="DecoderCrashed", hint=_ELSEWHERE)


SHARED = Pool()
"""The program's own pool."""

atexit.register(SHARED.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SHARED.forget)
