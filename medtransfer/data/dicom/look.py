"""One look at each DICOM file: what `find` knows of it before series are put together.

A file is looked at quickly, with what it has in common with others (`dicom/alike`), and thoroughly where that does
not answer: what is raised or warned of there, the thorough look finds again and says. A header that cannot be read is
not read twice: it may be meant to take long.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import ReadError, at_stage
from medtransfer.data.dicom.alike import REMEMBERED, NotAlikeError, alike_of, common_of
from medtransfer.data.dicom.claims import check_claims, check_lengths, is_sound
from medtransfer.data.dicom.facts import header_facts, instance_facts
from medtransfer.data.dicom.header import full_header, read_header
from medtransfer.data.dicom.notes import header_notes, identifying
from medtransfer.data.dicom.planes import placed, planes_of
from medtransfer.data.dicom.rules import left_out
from medtransfer.data.dicom.series import Seen
from medtransfer.data.dicom.tags import number
from medtransfer.data.found import Excluded, Failed
from medtransfer.data.loaders._containment import FOREIGN, contained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.dicom.alike import Alike, Common
    from medtransfer.data.dicom.header import Header


_STAGE: Final = "header"


def look_at(paths: Iterable[Path], *, settings: ReadConfig) -> list[Seen | Excluded | Failed]:
    """Look at every file; nothing of one is remembered when all have been looked at.

    Args:
        paths: The files, best series by series.
        settings: How files become scans.
    """
    common = lru_cache(REMEMBERED)(common_of)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a quick look ends at a warning; a thorough one makes it a note
        return [_look(path, common, settings=settings) for path in paths]


def _look(path: Path, common: Callable[[Alike], Common], *, settings: ReadConfig) -> Seen | Excluded | Failed:
    header = None
    try:
        header = read_header(path, force=settings.force, settings=settings)
        return quick_look(header, path, common, settings=settings)
    except ReadError as error:
        if header is None:
            error.stage = error.stage or _STAGE
            return Failed(path=path, error=error)
    except (NotAlikeError, Warning, *FOREIGN):
        pass  # nothing is lost: the thorough look below finds it again, with its code and its words
    return look(path, header, settings=settings)


def quick_look(header: Header, path: Path, common: Callable[[Alike], Common], *, settings: ReadConfig) -> Seen:
    """A plain and sound file's plane.

    Args:
        header: Its header.
        path: The file.
        common: `dicom/alike.common_of`, with a memory.
        settings: How files become scans.

    Raises:
        NotAlikeError, ReadError: It is to be looked at thoroughly.
    """
    shared = common(alike_of(header))
    check_lengths(header, shared.claim, path, settings=settings)
    plane = placed(shared.plane, header.dataset, path)
    if not is_sound(plane.slope, plane.intercept) or not all(map(isfinite, plane.position or ())):
        raise NotAlikeError
    return Seen(
        path=path,
        planes=(plane,),
        facts=shared.facts | instance_facts(header.dataset),
        identifiers=shared.identifiers,
        notes=shared.notes,
    )


def look(path: Path, header: Header | None = None, *, settings: ReadConfig) -> Seen | Excluded | Failed:
    """A file's planes, the rule that leaves it out, or why it cannot be read.

    Args:
        path: The file.
        header: What `read_header` gave, where it has been called.
        settings: How files become scans.
    """
    notes: list[str] = []
    facts: dict[str, str] = {}
    try:
        with at_stage(_STAGE), contained(path, notes, library="Pydicom", doing="reading the header"):
            header = header_of(path, header, settings=settings)
            rule = left_out(header, path)
            if rule is not None:
                return rule
            facts.update(header_facts(header))
            check_claims(header, path, settings=settings)
            notes.extend((*header.notes, *header_notes(header, path)))
            planes = planes_of(header, path)
    except ReadError as error:
        return Failed(path=path, error=error, facts=facts)
    identifiers = identifying(header.dataset)
    return Seen(path=path, planes=planes, facts=facts, identifiers=identifiers, notes=tuple(dict.fromkeys(notes)))


def header_of(path: Path, header: Header | None = None, *, settings: ReadConfig) -> Header:
    """The header; with its sequences where several frames need their functional groups.

    Raises:
        ReadError: As `read_header`.
    """
    header = header or read_header(path, force=settings.force, settings=settings)
    frames = number(header.dataset, "NumberOfFrames", path)
    return header if frames is None or frames <= 1 else full_header(path, force=settings.force, settings=settings)
