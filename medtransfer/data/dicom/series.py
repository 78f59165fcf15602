"""From single files to items: files are grouped by series, series cut into stacks.

A series of slices that lacks one is no series: where one of its files failed, all of it fails with that file's error,
unless its planes are pictures of their own (projections). Reference: DICOM PS3.3 A.1.2 (series), C.7.3.1.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.data.dicom.facts import stack_facts
from medtransfer.data.dicom.stacks import CROSS_SECTIONAL, Stack, stacks_of
from medtransfer.data.found import Failed, Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.core.errors import ReadError
    from medtransfer.data.dicom.planes import Plane

STATE_NOTE = "PresentationStateNotApplied"
ALONE_NOTE = "SeriesMissing: the slice names no series, and is read as a picture of its own"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A file whose header can be read and holds what it claims."""

    path: Path
    planes: tuple[Plane, ...]
    facts: dict[str, str]
    identifiers: tuple[str, ...]
    notes: tuple[str, ...]


def items_of(
    seen: Iterable[Seen],
    broken: Mapping[str, ReadError],
    with_states: frozenset[str],
    *,
    settings: ReadConfig,
) -> tuple[list[Item], list[Failed]]:
    """Items of all series, and the files that are in none.

    Args:
        seen: Files that passed.
        broken: SeriesInstanceUID → error of a file of that series that did not.
        with_states: SeriesInstanceUIDs that a presentation state shows in its own way.
        settings: How files become scans.
    """
    series: dict[str, list[Seen]] = defaultdict(list)
    for file in seen:
        series[_group(file)].append(file)
    items: list[Item] = []
    failed: list[Failed] = []
    for uid, files in series.items():
        refused = _refused(files, broken.get(uid))
        stacks: list[Stack] = []
        if not refused:
            answers = stacks_of([plane for file in files for plane in file.planes], on_irregular=settings.on_irregular)
            stacks = [answer for answer in answers if isinstance(answer, Stack)]
            for answer in answers:
                if not isinstance(answer, Stack):
                    answer.error.stage = "series"
                    refused |= {plane.path: answer.error for plane in answer.planes}
        notes = (STATE_NOTE,) if files[0].facts.get("series_uid") in with_states else ()
        by_path = {file.path: file for file in files}
        items += [
            _item(stack, by_path, notes)
            for stack in stacks
            if refused.keys().isdisjoint(plane.path for plane in stack.planes)
        ]
        failed += [Failed(path=path, error=error, facts=by_path[path].facts) for path, error in refused.items()]
    return items, failed


def _group(file: Seen) -> str:
    """Slices belong together by series; projections stand for themselves: none gives another its place or patient."""
    together = any(plane.modality in CROSS_SECTIONAL for plane in file.planes)
    return (file.facts.get("series_uid") if together else None) or str(file.path)


def _refused(files: list[Seen], error: ReadError | None) -> dict[Path, ReadError]:
    """Every file of a series of slices that lacks one of its files."""
    if error is None or not any(plane.modality in CROSS_SECTIONAL for file in files for plane in file.planes):
        return {}
    return {file.path: error for file in files}


def _item(stack: Stack, files: dict[Path, Seen], notes: tuple[str, ...]) -> Item:
    paths = tuple(dict.fromkeys(plane.path for plane in stack.planes))
    members = [files[path] for path in paths]
    available = [(member.path, plane.frame) for member in members for plane in member.planes]
    chosen = {(plane.path, plane.frame) for plane in stack.planes}
    whole = len(chosen) == len(available)
    frames = () if whole else tuple(place for place, key in enumerate(available) if key in chosen)
    several = len(paths) > 1 or not whole
    if stack.planes[0].modality in CROSS_SECTIONAL and not stack.planes[0].series_uid:
        notes = (*notes, ALONE_NOTE)
    return Item(
        paths=paths,
        loader="dicom",
        facts=members[0].facts | stack_facts(stack),
        part=stack.part if several or stack.planes[0].modality in CROSS_SECTIONAL else "",
        frames=frames,
        identifiers=tuple(dict.fromkeys(name for member in members for name in member.identifiers)),
        notes=tuple(dict.fromkeys((*notes, *stack.notes, *(note for member in members for note in member.notes)))),
    )
