"""Memory that the program and a decoding process both see, so that pixels are never sent or copied."""

from __future__ import annotations

import mmap
import os
import tempfile
from types import TracebackType


class SharedBuffer:
    """Bytes in a file without a name; pages take memory only once something is written to them."""

    def __init__(self, size: int) -> None:
        """So many bytes (at least one), zeros at first."""
        self.size = max(1, size)
        self.descriptor = _nameless_file()
        os.ftruncate(self.descriptor, self.size)

    def view(self) -> memoryview:
        """All of it."""
        return memoryview(mmap.mmap(self.descriptor, self.size))

    def empty(self, *, beyond: int) -> None:
        """Give back its memory where that is more than `beyond` bytes; it holds zeros again then."""
        if os.fstat(self.descriptor).st_blocks * 512 > beyond:
            os.ftruncate(self.descriptor, 0)
            os.ftruncate(self.descriptor, self.size)

    def close(self) -> None:
        """Close the file; its memory is freed when no view is left."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> SharedBuffer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("medtransfer-pixels", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
