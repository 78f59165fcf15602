"""A folder of shards: cases found by key, verified before use, written by one process at a time.

Nothing but the shards says what a store holds: there is no index that could disagree with them. A process that is
killed leaves whole shards, which count, and at most one temporary file, which the next writer removes. A case whose
bytes are damaged is as good as absent, so that it is made again and stands in a newer shard.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from medtransfer.core.errors import OutputError
from medtransfer.core.files import writable_folder
from medtransfer.core.types import MixedPlanes
from medtransfer.data.stored.shards import SUFFIX, Mapped, Stored, map_shard, read_shard, write_shard

SHARD_BYTES = 64 * 2**20
"""A shard is written once it holds so much: what a kill can cost, and what has to fit into memory."""

THREADS = min(8, os.cpu_count() or 1)
"""Hashing releases the interpreter's lock."""

_LOCK, _PART = ".lock", ".part"

Found = dict[str, tuple[Mapped, int]]
"""Key → shard and place in it."""


def intact_cases(folder: Path, keys: Set[str]) -> Found:
    """Those of the cases that the folder holds, the bytes of each verified against its digest.

    Raises:
        OutputError: `TooManyFiles`.
    """
    candidates: dict[str, list[tuple[Mapped, int]]] = defaultdict(list)
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        shard = read_shard(path)
        places = [] if shard is None else [i for i, case in enumerate(shard.cases) if case.key in keys]
        if shard is not None and places:
            mapped = map_shard(shard)
            for place in places if mapped is not None else []:
                candidates[shard.cases[place].key].append((mapped, place))  # pyright: ignore[reportArgumentType]
    with ThreadPoolExecutor(THREADS) as pool:
        verified = pool.map(_first_intact, candidates.values())
        return {key: found for key, found in zip(candidates, verified, strict=True) if found is not None}


@contextmanager
def writing(folder: Path) -> Iterator[ShardWriter]:
    """Write cases into the folder, alone: another process that wants to waits until this one is done or dead.

    Where the file system has no locks, several may write at once: each writes whole shards of its own, so that work is
    done twice and nothing is torn.

    Raises:
        OutputError: The folder cannot be written to.
    """
    writable_folder(folder, private=True)
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror or error}",
            code="Unwritable",
            path=folder,
            hint="Choose another folder for the cache, or check the permissions.",
        ) from error
    try:
        if _locked(descriptor):
            _clear(folder)
        writer = ShardWriter(folder)
        yield writer
        writer.flush()
    finally:
        os.close(descriptor)


class ShardWriter:
    """Gathers cases and writes a shard whenever there are enough."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[tuple[Stored, MixedPlanes]] = []
        self.written: Found = {}
        """What was written, mapped."""

    def add(self, stored: Stored, planes: MixedPlanes) -> None:
        """Take a case; it counts once its shard is written.

        Raises:
            OutputError: The folder cannot be written to.
        """
        self._waiting.append((stored, planes))
        if sum(planes.nbytes for _, planes in self._waiting) >= SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OutputError: The folder cannot be written to.
        """
        if self._waiting:
            mapped = Mapped(write_shard(self._folder, self._waiting))
            self.written |= {stored.key: (mapped, index) for index, (stored, _) in enumerate(self._waiting)}
            self._waiting = []


def _first_intact(candidates: list[tuple[Mapped, int]]) -> tuple[Mapped, int] | None:
    for mapped, index in candidates:
        intact = mapped.is_intact(index)
        mapped.release()
        if intact:
            return mapped, index
    return None


def _locked(descriptor: int) -> bool:
    """Wait for the lock; False where there are no locks."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except (ImportError, OSError):
        return False
    return True


def _clear(folder: Path) -> None:
    """Remove what killed writers and damaged headers left: nobody else writes while the lock is held."""
    for path in folder.glob(f".*{_PART}"):
        path.unlink(missing_ok=True)
    for path in folder.glob(f"*{SUFFIX}"):
        if read_shard(path) is None:
            path.unlink(missing_ok=True)
