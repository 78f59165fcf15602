"""Freed memory back to the system.

glibc keeps what is freed in its heap, and small results that survive among large ones that do not cut that heap into
pieces which later allocations do not fit into: a process that works through thousands of pictures in pieces grows,
although it holds no more. Reference: malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable


def hand_back() -> None:
    """Let the system have the pages that nothing uses; does nothing where the C library has no `malloc_trim`."""
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # not glibc: macOS, musl, Windows
        return None
