"""Memory that the program and a decoding process both see, so that pixels are never sent or copied."""

from __future__ import annotations

import mmap
import os
import tempfile
from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


_SEALS = hasattr(os, "memfd_create") and fcntl is not None and hasattr(fcntl, "F_ADD_SEALS")


class SharedBuffer:
    """Bytes in a file without a name; pages take memory only once something is written to them.

    On Linux nobody who holds it can cut it short, which would end the program by SIGBUS.
    """

    def __init__(self, size: int) -> None:
        """So many bytes (at least one), zeros at first."""
        self.size = max(1, size)
        self.descriptor = _nameless_file()
        os.ftruncate(self.descriptor, self.size)
        _keep_size(self.descriptor)

    def view(self) -> memoryview:
        """All of it."""
        return memoryview(mmap.mmap(self.descriptor, self.size))

    def empty(self, *, beyond: int) -> None:
        """Give back its memory where that is more than `beyond` bytes; it holds zeros again then."""
        if os.fstat(self.descriptor).st_blocks * 512 <= beyond:
            return
        if _SEALS:
            with mmap.mmap(self.descriptor, self.size) as pages:
                pages.madvise(mmap.MADV_REMOVE)
        else:
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
        return os.memfd_create("medtransfer-pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _keep_size(descriptor: int) -> None:
    if _SEALS and fcntl is not None:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
