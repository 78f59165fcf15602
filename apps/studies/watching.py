"""Somebody who looks through the folder while the server runs, so that the worklist knows before anybody opens.

One thread, which has the headers read by a process of its own: that takes no time from the sessions, gives its memory
back, and a hostile file ends nothing but that process.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

import medtransfer as mt
from apps.server.child import begin
from apps.settings import current_settings
from apps.studies.looking import Looking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PERIOD: Final = 10.0
"""Seconds between two looks; more where a look takes long, so that it takes 2 % of the server's time."""

LONGEST_PAUSE: Final = 60.0
"""Seconds after which the folder is looked through again in any case."""

PATIENCE: Final = 120.0
"""Seconds that some headers, or the content of a study, may take."""

_WATCHES: list[Watch] = []
"""That of the running server, if there is one."""

logger = logging.getLogger(__name__)


def current_looking(folder: Path) -> Looking | None:
    """What the server's watch knows of this folder; None where nobody watches it, or has not begun."""
    for watch in _WATCHES:
        if watch.looking.root == folder and watch.looking.listing is not None and watch.is_alive():
            return watch.looking
    return None


@contextmanager
def watching() -> Iterator[None]:
    """Watch the folder of studies meanwhile, if the app was started with one."""
    folder = current_settings().studies
    if folder is None:
        yield
        return
    watch = Watch(folder)
    _WATCHES.append(watch)
    watch.start()
    try:
        yield
    finally:
        _WATCHES.remove(watch)
        watch.end()


def read_settings() -> dict[str, Any]:
    """How the bundle says that files are read, as keywords; nothing where there is no bundle to ask."""
    bundle = current_settings().bundle
    try:
        return {} if bundle is None else {"settings": mt.read_bundle(bundle).manifest.read}
    except mt.MedTransferError:
        return {}  # every screen says why


class Watch(threading.Thread):
    """Looks through one folder again and again."""

    def __init__(self, folder: Path, *, period: float = PERIOD) -> None:
        super().__init__(name="folder watch", daemon=True)
        self.looking = Looking(folder, self._headers, self._content)
        self._period, self._over = period, threading.Event()
        self._pool: ProcessPoolExecutor | None = None
        self._how: dict[str, Any] = {}

    def run(self) -> None:
        self._how = read_settings()
        while not self._over.is_set():
            try:
                self.looking.look(stop=self._over)
            except OSError as error:  # the folder is away, or no process can be had: the next look may find it
                logger.warning("the folder could not be looked through: %s", type(error).__name__)
            finally:
                self._drop()
            self._over.wait(min(LONGEST_PAUSE, max(self._period, 50 * self.looking.cost)))

    def end(self) -> None:
        """Have it end soon."""
        self._over.set()
        self._drop()
        self.join(5)

    def _headers(self, files: Sequence[Path]) -> Sequence[mt.FileHeader]:
        found = self._asked(mt.file_headers, files, **self._how)
        if found is not None:
            return found
        if len(files) == 1:
            problem = "its header could not be read: the attempt came to no end. Copy or export the file again."
            return (mt.FileHeader(path=files[0], status="failed", problem=problem, code="WorkerDied"),)
        middle = len(files) // 2
        return (*self._headers(files[:middle]), *self._headers(files[middle:]))

    def _content(self, files: Sequence[Path]) -> str:
        return self._asked(mt.study_sha256, files) or ""

    def _asked(self, work: Callable[..., Any], files: Sequence[Path], **how: Any) -> Any:
        """What the process answers; None where it failed, was ended by a file or takes too long."""
        if self._over.is_set():
            return None
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), begin, (os.getpid(),))
        try:
            asked = self._pool.submit(work, files, **how)
            if asked.exception(PATIENCE) is None:
                return asked.result()
        except (TimeoutError, BrokenProcessPool, RuntimeError):  # the last one: it was shut down meanwhile
            pass
        self._drop()
        return None

    def _drop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
