"""Decoders that misbehave, for a pool that may run functions of this module."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

from medtransfer.core.errors import ReadError

LEAKED: list[bytearray] = []

ENDS = {
    "crash": lambda: ctypes.string_at(0),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: time.sleep(3600),
}


def behave(part: dict[str, Any], room: memoryview, given: memoryview, notes: list[str]) -> dict[str, Any]:
    """Do what `part["deed"]` says; `write` fills the shared memory with `value`."""
    deed = part["deed"]
    if deed in ENDS:
        ENDS[deed]()
    elif deed == "write":
        room[:] = bytes([part["value"]]) * len(room)
    elif deed == "copy":
        room[:] = given[: len(room)]
    elif deed == "cut":
        cut_shared_memory()
    elif deed == "eat":
        LEAKED.append(bytearray(part["bytes"]))
    elif deed == "warn":
        warnings.warn("odd", stacklevel=1)
        notes.append("Odd")
    elif deed == "look":
        return surroundings()
    else:
        fail(deed)
    return {"process": os.getpid()}


def fail(deed: str) -> NoReturn:
    if deed == "exit":
        sys.stderr.write("last words\n")
        os._exit(3)
    if deed == "garbage":
        os.write(int(sys.argv[2]), b"\xff" * 64)
        time.sleep(3600)
    if deed == "escape":
        raise ReadError("a\x1b[2Jb", code="X\x1b[31m=1")
    raise {"foreign": OverflowError("too far"), "short": EOFError("nothing left")}[deed]


def cut_shared_memory() -> None:
    """As a decoder that was taken over would, so that the program ends by SIGBUS when it looks."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "medtransfer-pixels" in line:
            descriptor = os.open(f"/proc/self/map_files/{line.split()[0]}", os.O_RDWR)
            os.ftruncate(descriptor, 0)


def surroundings() -> dict[str, Any]:
    return {
        "names": sorted(os.environ),
        "stdin": os.fstat(0).st_rdev == Path(os.devnull).stat().st_rdev,
        "modules": sorted({name.partition(".")[0] for name in sys.modules}),
        "interrupt": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    }
