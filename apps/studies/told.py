"""What the headers of a study's files say, before anybody opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apps.notices import why_unread
from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import medtransfer as mt

_SLICED: Final = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities whose files are slices: the files of a series are one image."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Of one study, each word on one visible line. What is not known is empty."""

    modalities: tuple[str, ...] = ()
    date: str = ""
    notes: tuple[str, ...] = ()
    """Codes of what was noticed."""
    failed: str = ""
    """Why nothing of it can be read."""
    lost: int = 0
    """Files that should be readable and are not, where others are."""
    images: int = 0
    """Images and series; 0 where it is not known."""
    waiting: int = 0
    """Files that are still to be looked at."""


def told_by(headers: Sequence[mt.FileHeader | None]) -> Told:
    """Put together what is known of the files; None stands for one that is still to be looked at."""
    known = [header for header in headers if header is not None]
    waiting = len(headers) - len(known)
    read = [header for header in known if header.status == "read"]
    unread = [header for header in known if header.status == "failed"]
    failed = ""
    if known and not read and not waiting:
        first = (unread or known)[0]
        failed = why_unread(first.code, by_rule=first.status == "excluded")
    dates = sorted({header.date for header in known if header.date})
    return Told(
        modalities=tuple(sorted({printable(header.modality) for header in read if header.modality})),
        date=printable(dates[-1]) if dates else "",
        notes=tuple(sorted({note.partition(": ")[0] for header in read for note in header.notes})),
        failed=failed,
        lost=len(unread) if read else 0,
        images=0 if waiting else _images(read),
        waiting=waiting,
    )


def _images(read: Sequence[mt.FileHeader]) -> int:
    series = {header.series_uid for header in read if header.modality in _SLICED and header.series_uid}
    single = sum(not (header.modality in _SLICED and header.series_uid) for header in read)
    return len(series) + single
