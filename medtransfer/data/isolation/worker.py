"""A decoding process: takes tasks until its connection closes, and may die on any of them.

It has no input, no output, no environment worth stealing and, where the system allows, no more memory and time than its
task was given. It ignores Ctrl-C, which is for the program; it ends when the program does, however that ended: its
connection closes then, and a timer ends a decoder that hangs meanwhile.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import mmap
import os
import resource
import signal
import socket
from typing import TYPE_CHECKING, Any

from medtransfer.data.isolation.attempt import attempt
from medtransfer.data.isolation.messages import receive, send

if TYPE_CHECKING:
    from medtransfer.data.isolation.attempt import Decode

GROWN_BYTES = 512 * 2**20
"""A process that holds more than this after a task leaks, and asks to be replaced."""

SLACK_BYTES = 256 * 2**20
"""Address space that libraries loaded on the way may take beyond what the task was given."""

_WRITTEN_BYTES = 2**16
_PAGE = mmap.PAGESIZE


def serve(descriptor: int, allowed: tuple[str, ...]) -> None:
    """Take tasks until the connection closes.

    Args:
        descriptor: The socket.
        allowed: Prefixes of modules whose functions may be asked for.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _WRITTEN_BYTES)
    functions: dict[str, Decode] = {}
    room = memoryview(b"")
    with socket.socket(fileno=descriptor) as link, contextlib.suppress(OSError):
        send(link, {"ready": True})
        while (received := receive(link, descriptors=2)) is not None:
            task, descriptors = received
            _forget_limit()
            if task["room"]:
                room = _mapped(descriptors.pop(0), task["room"], mmap.PROT_READ | mmap.PROT_WRITE)
            given = _mapped(descriptors.pop(0), task["given"], mmap.PROT_READ) if task["given"] else memoryview(b"")
            if task["run"] not in functions:
                functions[task["run"]] = _function(task["run"], allowed)
                send(link, {"ready": True})
            _serve_task(link, functions[task["run"]], task, room, given)


def _serve_task(
    link: socket.socket, function: Decode, task: dict[str, Any], room: memoryview, given: memoryview
) -> None:
    _limit(resource.RLIMIT_AS, _held_bytes()[0] + task["memory"] + SLACK_BYTES)
    replies = attempt(function, task, room, given)
    while True:
        signal.setitimer(signal.ITIMER_REAL, task["seconds"] + 5)
        reply = next(replies, None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if reply is None:
            break
        if reply["at"] == len(task["parts"]) - 1:
            reply["grown"] = _held_bytes()[1] > GROWN_BYTES
        send(link, reply)


def _mapped(descriptor: int, size: int, protection: int) -> memoryview:
    """Shared memory; it is unmapped when nothing refers to it any more."""
    try:
        return memoryview(mmap.mmap(descriptor, size, prot=protection))
    finally:
        os.close(descriptor)


def _function(name: str, allowed: tuple[str, ...]) -> Decode:
    module, _, function = name.partition(":")
    if not module.startswith(allowed):
        raise ImportError(f"functions of {module} are not run here")
    return getattr(importlib.import_module(module), function)


def _held_bytes() -> tuple[int, int]:
    """Address space, and memory of its own (what is shared with the program left out); zeros where nobody says."""
    try:
        size, resident, shared = (int(word) for word in os.pread(_statm(), 256, 0).split()[:3])
    except OSError:
        return 0, 0
    return size * _PAGE, (resident - shared) * _PAGE


@functools.cache
def _statm() -> int:
    """The system's account of this process, kept open."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


def _limit(kind: int, most: int) -> None:
    """Lower a limit, where the system has it; never above what the process was started with."""
    if kind == resource.RLIMIT_AS and not _held_bytes()[0]:
        return  # without /proc the address space in use is unknown
    hardest = resource.getrlimit(kind)[1]
    most = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (most, hardest))


def _forget_limit() -> None:
    hardest = resource.getrlimit(resource.RLIMIT_AS)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (hardest, hardest))
