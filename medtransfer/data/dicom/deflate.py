"""Deflated data sets, inflated within bounds. Reference: DICOM PS3.5, A.5; RFC 1951."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.walker import corrupt

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from medtransfer.core.config.data import ReadConfig

FREE: Final = 256 * 2**20
"""Up to this size in bytes content may grow by any factor."""

_STEP = 64 * 2**10
_PIECE = 2**20


def inflated(handle: BinaryIO, start: int, path: Path, *, settings: ReadConfig) -> BytesIO:
    """The data set that begins at `start`, inflated piece by piece; never more than the limit is in memory.

    Raises:
        ReadError: `SizeLimit`: it is larger than `max_bytes`, or above 256 MiB grows by more than `max_ratio`;
            `Corrupt`: the stream is damaged or ends too early.
    """
    held = handle.seek(0, 2) - start
    handle.seek(start)
    limit = min(settings.max_bytes, max(FREE, int(settings.max_ratio * held)))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = BytesIO()
    try:
        while not inflater.eof:
            step = inflater.unconsumed_tail or handle.read(_STEP)
            if not step:
                raise corrupt("the deflated data set ends too early", path)
            content.write(inflater.decompress(step, _PIECE))
            if content.tell() > limit:
                raise ReadError(
                    f"inflates from {held} bytes to more than {limit}",
                    code="SizeLimit",
                    path=path,
                    hint="Check where the file comes from; raise max_bytes or max_ratio if it is what it should be.",
                )
    except zlib.error as error:
        raise corrupt(f"the deflated data set is damaged: {error}", path) from error
    content.seek(0)
    return content
