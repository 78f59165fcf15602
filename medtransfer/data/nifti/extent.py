"""What a NIfTI header claims, compared with the bytes held and with the limits, before anything is allocated."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import ReadError
from medtransfer.data.nifti.inflate import read_up_to, skip

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.nifti.header import Header
    from medtransfer.data.nifti.inflate import Content

FREE: Final = 256 * 2**20
"""Content of up to so many bytes may have any compression ratio."""

DICOM_EXTENSION: Final = 2
"""Extension code of attributes in DICOM's form. Reference: nifti1.h, `NIFTI_ECODE_DICOM`."""

_EXPORT_AGAIN = "Export or convert the image again from its source."


def chosen_volume(header: Header, settings: ReadConfig, path: Path) -> int:
    """Which volume is to be read, from 0.

    Raises:
        ReadError: `WrongRank`: there are several, and none or one that does not exist was chosen, or they lie along
            more than one axis.
    """
    if header.volumes == 1:
        return 0
    if sum(length > 1 for length in header.dims[3:]) > 1:
        raise _wrong_rank(f"holds volumes along several axes: {header.dims}", "Save each volume as a file.", path)
    if settings.volume is None:
        raise _wrong_rank(
            f"holds {header.volumes} volumes", "Say which one to take, from 0 (volume = 0), or save it as a file.", path
        )
    if settings.volume >= header.volumes:
        raise _wrong_rank(
            f"holds {header.volumes} volumes, so there is no volume {settings.volume}", "Count from 0.", path
        )
    return settings.volume


def check_extent(header: Header, content: Content, settings: ReadConfig, path: Path) -> None:
    """See that the voxels that the header claims fit into the memory limit and into the file.

    Raises:
        ReadError: `SizeLimit`: a volume exceeds `max_bytes`, or compressed content above `FREE` grows by more than
            `max_ratio`; `BadHeader`: the voxels begin behind the end; `Truncated`: the file is too short for them.
    """
    if header.volume_bytes > settings.max_bytes:
        raise ReadError(
            f"claims {header.volume_bytes} bytes of voxels ({' × '.join(map(str, header.shape))} of "
            f"{header.dtype.itemsize} bytes), the limit is {settings.max_bytes}",
            code="SizeLimit",
            path=path,
            hint="Crop or resample the image, or raise max_bytes.",
        )
    if header.offset > content.most:
        raise _behind_the_end(header, content, path)
    if header.end > content.most:
        held = f"a file of {content.size} bytes" + (" cannot inflate to as much" if content.compressed else "")
        raise ReadError(
            f"claims voxels up to byte {header.end}, but is {held}",
            code="Truncated",
            path=path,
            hint="Copy the file again.",
        )
    if content.compressed and header.end > FREE and header.end > settings.max_ratio * content.size:
        raise ReadError(
            f"{content.size} bytes claim to inflate to {header.end}, {header.end / content.size:.0f} times as much; "
            f"the limit is {settings.max_ratio:g}",
            code="SizeLimit",
            path=path,
            hint="If the image is really that uniform, raise max_ratio; otherwise the file is hostile.",
        )


def extension_codes(header: Header, content: Content, path: Path) -> tuple[int, ...]:
    """Codes of the extensions between header and voxels of a single file; the stream stands where they begin.

    Raises:
        ReadError: `BadHeader`: an extension's size is below 8 or reaches into the voxels, or the content ends before
            they begin.
    """
    codes: list[int] = []
    at = header.extensions_at
    while header.has_extensions and at + 8 <= header.offset:
        front = read_up_to(content.stream, 8)
        if len(front) < 8:
            raise _behind_the_end(header, content, path)
        size, code = struct.unpack(header.fields.endianness + "ii", front)
        if size < 8 or at + size > header.offset:
            raise ReadError(
                f"the extension at byte {at} claims {size} bytes; the voxels begin at byte {header.offset}",
                code="BadHeader",
                path=path,
                hint=_EXPORT_AGAIN,
            )
        codes.append(code)
        if skip(content.stream, size - 8) < size - 8:
            raise _behind_the_end(header, content, path)
        at += size
    return tuple(codes)


def go_to(offset: int, header: Header, content: Content, path: Path) -> None:
    """Move the stream to a byte of the content.

    Raises:
        ReadError: `BadHeader`: the content ends before.
    """
    if content.stream.seek(offset) < offset:
        raise _behind_the_end(header, content, path)


def _behind_the_end(header: Header, content: Content, path: Path) -> ReadError:
    return ReadError(
        f"vox_offset is {header.offset}, behind the end of the file ({content.size} bytes)",
        code="BadHeader",
        path=path,
        hint=_EXPORT_AGAIN,
    )


def _wrong_rank(message: str, hint: str, path: Path) -> ReadError:
    return ReadError(message, code="WrongRank", path=path, hint=hint)
