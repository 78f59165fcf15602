"""Matrix products in one thread, while the bootstrap's own threads run side by side.

Several threads that each call a BLAS of several threads wait for one another; and how a BLAS cuts up a sum depends on
how many threads it has, so that the last bits of a figure would depend on the machine.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


class _Limit:
    """One limit for all who are inside, set by the first and lifted by the last: they may leave in any order."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.limiter: Any = None

    def enter(self) -> None:
        with self.lock:
            if not self.inside:
                self.limiter = _libraries().limit(limits=1, user_api="blas")
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self.limiter.restore_original_limits()


_LIMIT = _Limit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Numpy's BLAS has one thread within the block, in the whole process, and what it had before afterwards."""
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()


@cache
def _libraries() -> ThreadpoolController:
    """Those loaded by now; looking for them takes 30 ms."""
    return ThreadpoolController()
