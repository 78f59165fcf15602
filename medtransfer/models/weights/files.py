"""What kind of file holds the weights, and is all of it there: by its bytes, before anything parses it."""

from __future__ import annotations

import json
import struct
import zipfile
from typing import TYPE_CHECKING, Final, Literal

from medtransfer.core.errors import WeightsError
from medtransfer.core.inert import one_line

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["torch", "old torch", "safetensors", "hdf5", "unknown"]

_ZIP: Final = b"PK\x03\x04"
_OLD_TORCH: Final = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""How `torch.save` began before 1.6: a pickled number of ten bytes."""
_HDF5: Final = b"\x89HDF\r\n\x1a\n"

PICKLED: Final = (
    "The file is damaged, or holds a pickled module, which is never opened. Where the file is trusted and the package "
    "it comes from is installed, save its tensors alone: "
    "torch.save(torch.load(FILE, weights_only=False).state_dict(), NEW_FILE)."
)

_NOT_WEIGHTS: Final = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself: run `git lfs pull` where it came from",
    b"<": "a web page, perhaps one that asks to confirm the download: fetch the file itself",
}
"""What is often found where weights should be."""

_LONGEST_HEADER: Final = 16 * 2**20
"""Bytes. The largest networks need a tenth of it; the format's own limit, 100 MB, takes minutes to go through."""


def kind_of(path: Path) -> Kind:
    """What kind of weight file this is.

    Raises:
        WeightsError: It cannot be read, is cut short, or is something else altogether.
    """
    try:
        with path.open("rb") as file:
            start = file.read(32)
        if start.startswith(_ZIP):
            if not zipfile.is_zipfile(path):  # its table of contents stands at the end
                raise truncated(path)
            _require_stored(path)
            return "torch"
        if start.startswith(_OLD_TORCH):
            return "old torch"
        if start.startswith(_HDF5):
            return "hdf5"
        for sign, what in _NOT_WEIGHTS.items():
            if start.lstrip().startswith(sign):
                raise WeightsError("is no weight file", code="BadWeights", path=path, hint=f"It is {what}.")
        if start[8:9] == b"{":
            _require_whole_safetensors(path, int.from_bytes(start[:8], "little"))
            return "safetensors"
    except OSError as error:
        raise WeightsError(
            f"cannot be read: {error.strerror or error}", code="BadWeights", path=path, hint="Copy the file again."
        ) from error
    return "unknown"


def truncated(path: Path) -> WeightsError:
    """The error for a file whose end is missing, with the size of what is there."""
    return WeightsError(
        f"is cut short: its {path.stat().st_size:,} bytes do not hold all that they should",
        code="Truncated",
        path=path,
        hint="Fetch or copy the file again, and compare its size and SHA-256 with what its origin says.",
    )


def _require_stored(path: Path) -> None:
    """torch.save never packs what it stores; a packed member may unfold to any size."""
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [member for member in archive.infolist() if member.compress_type != zipfile.ZIP_STORED]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error):
        return  # damaged: its parser will say so
    if packed:
        raise WeightsError(
            f"holds packed members, such as {one_line(packed[0].filename)}",
            code="BadWeights",
            path=path,
            hint="torch.save writes none, so that this file was made by something else: fetch it from its origin.",
        )


def _require_whole_safetensors(path: Path, header_bytes: int) -> None:
    """The header gives the place of every tensor's last byte."""
    size = path.stat().st_size
    if header_bytes > size - 8:
        raise truncated(path)
    if header_bytes > _LONGEST_HEADER:
        raise WeightsError(
            f"names its tensors in {header_bytes:,} bytes",
            code="BadWeights",
            path=path,
            hint=f"No network needs more than {_LONGEST_HEADER:,}: fetch the file again from its origin.",
        )
    with path.open("rb") as file:
        file.seek(8)
        header = file.read(header_bytes)
    try:
        ends = [entry["data_offsets"][1] for key, entry in json.loads(header).items() if key != "__metadata__"]
        whole = 8 + header_bytes + max(ends, default=0) <= size
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return  # no safetensors after all, or a damaged one: its parser will say so
    if not whole:
        raise truncated(path)
